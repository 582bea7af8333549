"""미확정 결제: outcomes that a gateway has not told yet, why not, and asking about one now (R-PAY-4)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import flash, redirect, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose

from app import clock
from app.access import current_actor, needs
from app.backoffice import ways_back
from app.backoffice.parts import Page, chosen, everything, export_format, listed, spreadsheet
from app.documents.exports import Column
from app.errors import Refusal
from app.korean import in_words
from app.models.payments import Payment, PaymentState, UnknownWhy
from app.models.vouchers import InstrumentKind
from app.policy import Permission
from app.web.errors import refused
from app.workflows import unknown_outcomes
from app.workflows.unknown_outcomes import LONG, Kind

COLUMNS: list[Column[Any]] = [
    Column("주문번호", lambda r: r.payment.order_id),
    Column("구분", lambda r: r.kind.label),
    Column("수요기업", lambda r: r.payment.deal.company.name),
    Column("공급기업", lambda r: r.payment.deal.supplier.name),
    Column("결제수단", lambda r: r.payment.instrument_kind.label),
    Column("합계", lambda r: r.payment.total, kind="won"),
    Column("누른 일시", lambda r: r.since, kind="instant"),
    Column("지난 시간", lambda r: in_words(r.lasts)),
    Column("확인한 횟수", lambda r: r.payment.asked, kind="number"),
    Column("확인되지 않은 이유", lambda r: r.why),
]
SAID = {
    PaymentState.PAID: "결제성공으로 확인되었습니다.",
    PaymentState.FAILED: "결제되지 않은 것으로 확인되었습니다. 보류한 금액을 되돌렸습니다.",
    PaymentState.CANCELLED: "결제취소로 확인되었습니다.",
}


class Unknown(Page):
    permission = Permission.SETTLEMENT_VIEW

    @expose("/")
    def index(self) -> ResponseReturnValue:
        kind, instrument = chosen(Kind, "kind"), chosen(InstrumentKind, "instrument")
        wanted: dict[str, Any] = {"kind": kind, "instrument": instrument}
        read = unknown_outcomes.listing
        if export_format():
            rows = everything(read, cursor="after", **wanted)
            return spreadsheet(rows, COLUMNS, name="미확정 결제")
        return self.render(
            "backoffice/market/unknown.html",
            listing=listed(read, cursor="after", **wanted),
            sums=unknown_outcomes.sums(actor=current_actor(), **wanted),
            kinds=Kind,
            instruments=[(one.value, one.label) for one in InstrumentKind],
            kind=kind,
            instrument=instrument,
            long=in_words(LONG),
            here=ways_back.here(),
        )

    @expose("/<int:id>/ask", methods=["POST"])
    @needs(Permission.PAYMENT_RESOLVE)
    def ask(self, id: int) -> ResponseReturnValue:
        back = ways_back.from_form(url_for(".index"))
        try:
            payment = unknown_outcomes.ask_now(actor=current_actor(), payment_id=id)
        except Refusal as refusal:
            return refused(refusal, to=back)
        text, tone = _said(payment)
        flash(f"{payment.order_id}: {text}", tone)
        return redirect(back)


def _said(payment: Payment) -> tuple[str, str]:
    if payment.unknown_why is not None:
        turn = max((payment.ask_again_at or clock.real_now()) - clock.real_now(), timedelta(seconds=1))
        why = UnknownWhy(payment.unknown_why).label
        return f"아직 확인되지 않았습니다. {why}. {in_words(turn)} 뒤에 저절로 다시 확인합니다.", "warning"
    if payment.returned_at is not None:
        return "결제 기관이 받은 금액을 돌려준 것을 확인했습니다.", "success"
    if payment.state is PaymentState.PAID and payment.cancel_pressed_at is not None:
        return f"결제취소가 거절되었습니다. 이유: {payment.failure_text}", "warning"
    return SAID[payment.state], "success"
