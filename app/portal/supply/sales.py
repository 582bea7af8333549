"""매출·결제: what was paid, its papers, and the later cancellation (R-PAY-6, R-PAY-7)."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.access import current_actor, needs
from app.documents.exports import Column
from app.errors import Conflict, InvalidInput
from app.models.payments import Payment, PaymentState
from app.policy import Permission
from app.portal import lists
from app.portal.supply.root import blueprint
from app.web import confirm
from app.web.errors import refused
from app.web.pages import page_args
from app.workflows import cancellations, payments_reads, slips

CANCEL: dict[str, Any] = {
    "question": "이 결제를 취소할까요?",
    "consequence": "취소하면 되돌릴 수 없습니다. 금액은 수요기업의 바우처(이용할 수 없으면 예산)로 돌아가고, "
    "이미 정산한 결제이면 다음 정산에서 그만큼 빼고 지급합니다(환수).",
    "label": "결제취소",
    "reason_required": True,
}
COLUMNS: list[Column[Payment]] = [
    Column("결제일시", lambda row: row.paid_at or row.pressed_at, "instant"),
    Column("상태", lambda row: row.state),
    Column("수요기업", lambda row: row.deal.company.name),
    Column("서비스", lambda row: row.deal.offering.name, width=32),
    Column("결제수단", lambda row: row.instrument_kind),
    Column("승인번호", lambda row: row.approval_number),
    Column("정부지원금", lambda row: row.grant_part, "won"),
    Column("자부담금", lambda row: row.share_part, "won"),
    Column("부가세(기업 부담)", lambda row: row.tax_part, "won"),
    Column("결제금액", lambda row: row.total, "won"),
    Column("취소일시", lambda row: row.cancelled_at, "instant"),
    Column("취소 사유", lambda row: row.cancel_reason, width=40),
]


@blueprint.get("/sales")
@needs(Permission.SUPPLIER_VIEW)
def sales() -> ResponseReturnValue:
    actor, page, period = current_actor(), page_args(), lists.period()
    bounds: dict[str, Any] = {"since": period.since, "until": period.until}
    rows = payments_reads.sales(actor=actor, before=lists.cursor(), size=page.size, **bounds)
    return render_template(
        "portal/supply/sales.html",
        sums=payments_reads.statement_sums(actor=actor, **bounds),
        rows=rows,
        papers=slips.for_payments([row.id for row in rows]),
        period=period,
        size=page.size,
        following=lists.following(rows, page.size),
    )


@blueprint.get("/sales.xlsx")
@needs(Permission.SUPPLIER_VIEW)
def sales_export() -> ResponseReturnValue:
    """The period of the address, all of it."""
    actor, period = current_actor(), lists.period()
    rows = lists.every(
        lambda before, size: payments_reads.sales(
            actor=actor, since=period.since, until=period.until, before=before, size=size
        )
    )
    return lists.spreadsheet(rows, COLUMNS, name="매출 결제내역")


@blueprint.get("/sales/<int:payment_id>")
@needs(Permission.SUPPLIER_VIEW)
def sale(payment_id: int) -> ResponseReturnValue:
    actor = current_actor()
    payment = payments_reads.get(actor=actor, payment_id=payment_id)
    return render_template(
        "portal/supply/sale.html",
        payment=payment,
        papers=slips.for_payments([payment_id]).get(payment_id, {}),
        cancellable=cancellations.cancellable_by(actor=actor, payment=payment),
        confirm=CANCEL,
    )


@blueprint.post("/sales/<int:payment_id>/cancel")
@needs(Permission.PAYMENT_CANCEL_LATE)
def cancel_sale(payment_id: int) -> ResponseReturnValue:
    """결제취소 by the supplier, on whatever day (R-PAY-6)."""
    actor, here = current_actor(), url_for("supply.sale", payment_id=payment_id)
    payments_reads.get(actor=actor, payment_id=payment_id)
    question = confirm.ask(**CANCEL, cancel_url=here)
    if question is not None:
        return question
    try:
        payment = cancellations.cancel_late(
            actor=actor, payment_id=payment_id, reason=request.form.get("reason", "")
        )
    except (Conflict, InvalidInput) as refusal:
        return refused(refusal, to=here)
    _tell(payment)
    return redirect(here)


def _tell(payment: Payment) -> None:
    if payment.state is PaymentState.CANCELLED:
        flash("결제를 취소했습니다. 금액이 수요기업에 돌아갔습니다.", "success")
    elif payment.state is PaymentState.CANCELLING:
        flash("취소 결과를 결제 기관에 확인하고 있습니다. 결과가 나오면 알림으로 알려 드립니다.", "info")
    else:
        flash(f"결제를 취소하지 못했습니다. {payment.failure_text or ''}".strip(), "danger")
