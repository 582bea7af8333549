"""지급 보류: what is held back from the suppliers, and letting it go by two people (R-SET-4)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import flash, redirect, request, url_for
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
    spreadsheet,
    typed,
)
from app.documents.exports import Column
from app.errors import Refusal
from app.models.holds import HoldSource, HoldState, SettlementHold
from app.policy import Permission
from app.web import confirm
from app.web.errors import refused
from app.workflows import holds, holds_reads, suspicion_reads
from app.workflows.holds import HOLD

COLUMNS: list[Column[Any]] = [
    Column("번호", lambda r: r.id, kind="number"),
    Column("상태", lambda r: r.hold.state.label),
    Column("사유 구분", lambda r: r.hold.source.label),
    Column("주문번호", lambda r: r.hold.payment.order_id),
    Column("공급기업", lambda r: r.hold.payment.deal.supplier.name),
    Column("수요기업", lambda r: r.hold.payment.deal.company.name),
    Column("금액", lambda r: r.hold.payment.total, kind="won"),
    Column("보류 사유", lambda r: r.hold.reason),
    Column("보류한 사람", lambda r: r.placed_by),
    Column("보류일시", lambda r: r.hold.placed_at, kind="instant"),
    Column("지난 날", lambda r: r.days, kind="number"),
    Column("해제 요청 사유", lambda r: r.hold.release_reason or ""),
    Column("해제일시", lambda r: r.hold.released_at, kind="instant"),
]
VERBS: dict[str, Callable[..., Any]] = {
    "ask_release": holds.ask_release,
    "refuse_release": holds.refuse_release,
    "release": holds.release,
}


class Holds(Page):
    permission = Permission.SETTLEMENT_VIEW

    @expose("/")
    def index(self) -> ResponseReturnValue:
        wanted: dict[str, Any] = {
            "state": chosen(HoldState),
            "source": chosen(HoldSource, "source"),
            "q": typed("q"),
        }
        if export_format():
            return spreadsheet(everything(holds_reads.listing, **wanted), COLUMNS, name="지급 보류")
        actor = current_actor()
        return self.render(
            "backoffice/holds/list.html",
            listing=listed(holds_reads.listing, **wanted),
            counts=holds_reads.counts(actor=actor),
            sums=holds_reads.sums(actor=actor),
            states=HoldState,
            sources=[(one.value, one.label) for one in HoldSource],
            **wanted,
        )

    @expose("/<int:id>")
    def detail(self, id: int) -> ResponseReturnValue:
        page = holds_reads.page(actor=current_actor(), hold_id=id)
        return self.render(
            "backoffice/holds/detail.html",
            page=page,
            hold=page.row.hold,
            label=holds_reads.step_label,
            case_id=suspicion_reads.case_of(page.row.hold) if allowed(Permission.SUSPICION_VIEW) else None,
            at_the_bank=holds.AT_THE_BANK,
            facts=_facts(page.row.hold),
        )

    @expose("/<int:id>/<any(ask_release, refuse_release, release):action>", methods=["POST"])
    def act(self, id: int, action: str) -> ResponseReturnValue:
        """Who may, the edge says; whoever asked never releases."""
        facts = _facts(holds_reads.page(actor=current_actor(), hold_id=id).row.hold)
        to, name = url_for(".detail", id=id), f"지급 보류 {id}"
        return decide(HOLD, action, VERBS[action], to=to, name=name, facts=facts, hold_id=id)

    @expose("/place/<int:payment_id>", methods=["POST"])
    @needs(Permission.HOLD_PLACE)
    def place(self, payment_id: int) -> ResponseReturnValue:
        to = url_for("console_payments.detail", id=payment_id)
        told = "공급기업에는 확인 중이라고만 알립니다."
        asked = confirm.ask(
            question="이 결제의 지급을 보류할까요?",
            consequence=f"{holds.AT_THE_BANK if holds.at_the_bank(payment_id) else told} "
            "해제하려면 두 사람이 필요합니다.",
            label="지급 보류",
            reason_required=True,
            cancel_url=to,
        )
        if asked is not None:
            return asked
        try:
            holds.place(
                actor=current_actor(),
                payment_id=payment_id,
                source=HoldSource.MANUAL,
                reason=request.form.get("reason", ""),
            )
        except Refusal as refusal:
            return refused(refusal, to=to)
        if holds.at_the_bank(payment_id):
            flash(f"보류를 등록했습니다. {holds.AT_THE_BANK}", "warning")
        else:
            flash("지급을 보류했습니다. '지급 보류' 화면에서 해제를 요청할 수 있습니다.", "success")
        return redirect(to)


def _facts(hold: SettlementHold) -> str:
    payment = hold.payment
    return f"지급 보류 {hold.id}: {payment.deal.supplier.name}, 결제 {payment.order_id}, {payment.total:,}원"
