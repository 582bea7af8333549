"""추적: from any won to its budget, voucher, payment, settlement and transfer, and back (R-MONEY-3)."""

from __future__ import annotations

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
            rows = everything(ledger_trace.further, **at)
            return spreadsheet(rows, NEXT, name=f"추적_{trace.kind.label}_{id}")
        return self.render(
            "backoffice/trace/trace.html",
            trace=trace,
            listing=listed(ledger_trace.further, default_size=50, **at),
            caption=CAPTIONS.get(trace.kind),
            link_of=ledger_links.of_hop,
            shown=shown,
        )

    @expose("/company/<int:id>")
    def company(self, id: int) -> ResponseReturnValue:
        """The voucher by which a company's own money moves."""
        found = ledger_trace.voucher_of(actor=current_actor(), company_id=id)
        return redirect(url_for(".show", kind=TraceKind.VOUCHER.value, id=found))
