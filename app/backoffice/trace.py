"""추적: from any won to its budget, voucher, payment, settlement and transfer, and back (R-MONEY-3)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from flask import abort, redirect, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose

from app.access import current_actor
from app.backoffice import ledger_links
from app.backoffice.parts import Page, everything, export_format, listed, spreadsheet, typed
from app.documents.exports import Column
from app.policy import Permission
from app.web.filters import kst_date, kst_datetime, won
from app.workflows import ledger_find, ledger_trace
from app.workflows.ledger_trace import TraceKind

NEXT: list[Column[Any]] = [
    Column("구분", lambda r: r.kind.label),
    Column("번호", lambda r: r.id, kind="number"),
    Column("이름", lambda r: r.title),
    Column("상태", lambda r: r.state.label if r.state else ""),
    Column("금액", lambda r: r.amount, kind="won"),
    Column("일시", lambda r: r.at, kind="instant"),
    Column("정산", lambda r: r.line),
]
# The way of one payment: its hops, each with its journals and what stands beside it.
WAY: list[Column[Any]] = [
    Column("순서", lambda r: r.place, kind="number"),
    Column("구분", lambda r: r.kind),
    Column("번호", lambda r: r.id, kind="number"),
    Column("이름", lambda r: r.title, width=32),
    Column("상태", lambda r: r.state),
    Column("금액", lambda r: r.amount, kind="won"),
    Column("이 결제의 몫", lambda r: r.part, kind="won"),
    Column("일시", lambda r: r.at, kind="instant"),
    Column("내용", lambda r: r.text, width=60),
]
# What lies one step further on, as its table says.
CAPTIONS = {
    TraceKind.BUDGET: ("이 예산에서 나간 바우처", "정부지원금", "이 예산에서 나간 바우처가 없습니다."),
    TraceKind.VOUCHER: ("이 바우처로 한 결제", "바우처 금액", "이 바우처로 한 결제가 없습니다."),
    TraceKind.LINE: ("이 지급에 담긴 결제와 환수", "금액", "담긴 결제가 없습니다. 이월된 금액만 지급합니다."),
}


def shown(value: Any) -> str:
    """A fact of a hop as screens write it."""
    if isinstance(value, datetime):
        return kst_datetime(value)
    if isinstance(value, date):
        return kst_date(value)
    return won(value) if isinstance(value, int) else str(value or "-")


@dataclass(frozen=True, kw_only=True)
class WayRow:
    """A row of the file: a hop, or one of what belongs to it; won."""

    place: int
    kind: str
    id: int
    title: str
    state: str = ""
    amount: int | None = None
    part: int | None = None
    at: datetime | None = None
    text: str = ""


def way(trace: ledger_trace.Trace) -> list[WayRow]:
    """The trace of a payment as rows, in the order of its page."""
    rows: list[WayRow] = []
    for place, hop in enumerate(trace.hops, start=1):
        rows.append(
            WayRow(
                place=place,
                kind=hop.kind.label,
                id=hop.id,
                title=hop.title,
                state=hop.state.label if hop.state else "",
                amount=hop.amount or None,
                part=hop.part,
                text=" / ".join([*_said(hop.facts), *([hop.note] if hop.note else [])]),
            )
        )
        rows += [
            WayRow(
                place=place,
                kind=one.kind.label,
                id=one.id,
                title=hop.title,
                state=one.state.label,
                amount=one.amount,
                at=one.at,
                text=" / ".join([*_said(one.facts), *(f"{tie.label}: {tie.batch}" for tie in one.ties)]),
            )
            for one in hop.beside
        ]
        rows += [
            WayRow(
                place=place,
                kind=f"분개({journal.kind.label})",
                id=journal.id,
                title=hop.title,
                amount=journal.amount,
                at=journal.at,
                text=journal.event_key,
            )
            for journal in hop.journals
        ]
    return rows


def _said(facts: list[tuple[str, Any]]) -> list[str]:
    return [f"{label}: {shown(value)}" for label, value in facts]


class Trace(Page):
    permission = Permission.LEDGER_VIEW

    @expose("/")
    def index(self) -> ResponseReturnValue:
        q = typed("q")
        found = ledger_find.find(actor=current_actor(), q=q)
        return self.render("backoffice/trace/index.html", found=found, q=q)

    @expose("/<kind>/<int:id>")
    def show(self, kind: str, id: int) -> ResponseReturnValue:
        traced = next((one for one in TraceKind if one.value == kind), None)
        if traced is None:
            abort(404)
        at: dict[str, Any] = {"kind": traced, "record_id": id}
        trace = ledger_trace.trace(actor=current_actor(), **at)
        if export_format():
            name = f"추적_{trace.kind.label}_{id}"
            if trace.kind is TraceKind.PAYMENT:
                return spreadsheet(way(trace), WAY, name=name)
            return spreadsheet(everything(ledger_trace.further, **at), NEXT, name=name)
        return self.render(
            "backoffice/trace/trace.html",
            trace=trace,
            listing=listed(ledger_trace.further, default_size=50, **at),
            caption=CAPTIONS.get(trace.kind),
            link_of=ledger_links.of_hop,
            beside_link=ledger_links.of_beside,
            shown=shown,
        )

    @expose("/company/<int:id>")
    def company(self, id: int) -> ResponseReturnValue:
        """The voucher by which a company's own money moves."""
        found = ledger_trace.voucher_of(actor=current_actor(), company_id=id)
        return redirect(url_for(".show", kind=TraceKind.VOUCHER.value, id=found))
