"""의심 거래: payments that look wrong, with the evidence, until a person decides (R-SET-4)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose

from app.access import allowed, current_actor, needs
from app.backoffice.parts import (
    Page,
    chosen,
    decide,
    everything,
    export_format,
    listed,
    run,
    spreadsheet,
    typed,
)
from app.documents.exports import Column
from app.models.suspicion import SignalKind, SuspicionState
from app.policy import Permission
from app.workflows import suspicion, suspicion_reads
from app.workflows.suspicion import SUSPICION
from app.workflows.suspicion_reads import CasePage

CASES: list[Column[Any]] = [
    Column("번호", lambda r: r.id, kind="number"),
    Column("상태", lambda r: r.case.state.label),
    Column("점수", lambda r: r.case.score, kind="number"),
    Column("수요기업", lambda r: r.case.company.name),
    Column("공급기업", lambda r: r.case.supplier.name),
    Column("신호", lambda r: ", ".join(kind.label for kind in r.kinds)),
    Column("결제(건)", lambda r: r.payments, kind="number"),
    Column("금액", lambda r: r.amount, kind="won"),
    Column("담당자", lambda r: r.case.owner.name if r.case.owner else ""),
    Column("발견일시", lambda r: r.case.opened_at, kind="instant"),
    Column("결정일시", lambda r: r.case.decided_at, kind="instant"),
    Column("결정 사유", lambda r: r.case.reason or ""),
]
LOOSE: list[Column[Any]] = [
    Column("신호", lambda r: r.signal.kind.label),
    Column("내용", lambda r: " ".join(r.sentences)),
    Column("수요기업", lambda r: r.signal.payment.deal.company.name),
    Column("공급기업", lambda r: r.signal.payment.deal.supplier.name),
    Column("금액", lambda r: r.signal.payment.total, kind="won"),
    Column("발견일시", lambda r: r.signal.at, kind="instant"),
]
VERBS: dict[str, Callable[..., Any]] = {"clear": suspicion.clear, "confirm": suspicion.confirm}


class Suspicion(Page):
    permission = Permission.SUSPICION_VIEW

    @expose("/")
    def index(self) -> ResponseReturnValue:
        wanted: dict[str, Any] = {
            "state": chosen(SuspicionState),
            "kind": chosen(SignalKind, "kind"),
            "q": typed("q"),
        }
        read = suspicion_reads.listing
        if export_format():
            return spreadsheet(everything(read, cursor="after", **wanted), CASES, name="의심 거래")
        return self.render(
            "backoffice/suspicion/list.html",
            listing=listed(read, cursor="after", **wanted),
            counts=suspicion_reads.counts(actor=current_actor()),
            states=SuspicionState,
            kinds=[(one.value, one.label) for one in SignalKind],
            **wanted,
        )

    @expose("/signals")
    def signals(self) -> ResponseReturnValue:
        """What was seen and was too little for a case."""
        if export_format():
            return spreadsheet(everything(suspicion_reads.loose), LOOSE, name="의심 신호")
        return self.render(
            "backoffice/suspicion/signals.html",
            listing=listed(suspicion_reads.loose),
            counts=suspicion_reads.counts(actor=current_actor()),
            states=SuspicionState,
        )

    @expose("/<int:id>")
    def detail(self, id: int) -> ResponseReturnValue:
        page = suspicion_reads.page(actor=current_actor(), suspicion_id=id)
        return self.render(
            "backoffice/suspicion/case.html",
            page=page,
            case=page.case,
            facts=_facts(page),
            deciders=suspicion_reads.deciders(),
            sees_reports=allowed(Permission.ABUSE_VIEW),
            may_take=allowed(Permission.SUSPICION_DECIDE)
            and page.case.state is SuspicionState.OPEN
            and page.case.owner_id != current_actor().id,
        )

    @expose("/<int:id>/take", methods=["POST"])
    @needs(Permission.SUSPICION_DECIDE)
    def take(self, id: int) -> ResponseReturnValue:
        to = url_for(".detail", id=id)
        return run(suspicion.take, to=to, done="이 사건을 맡았습니다.", suspicion_id=id)

    @expose("/<int:id>/<any(clear, confirm):action>", methods=["POST"])
    @needs(Permission.SUSPICION_DECIDE)
    def act(self, id: int, action: str) -> ResponseReturnValue:
        to, name = url_for(".detail", id=id), f"의심 거래 {id}"
        facts = _facts(suspicion_reads.page(actor=current_actor(), suspicion_id=id))
        return decide(SUSPICION, action, VERBS[action], to=to, name=name, facts=facts, suspicion_id=id)


def _facts(page: CasePage) -> str:
    case, row = page.case, page.row
    return (
        f"의심 거래 {case.id}: {case.company.name} ↔ {case.supplier.name}, "
        f"결제 {row.payments:,}건 {row.amount:,}원"
    )
