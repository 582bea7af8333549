"""'서비스 결제 관리' and '청구내역' (R-PAY-6, R-PAY-7, R-PAY-8)."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.access import current_actor, needs
from app.documents.exports import Column
from app.errors import Refusal
from app.models.payments import Payment, PaymentState
from app.policy import Permission
from app.portal import lists, pay, pay_cart, payment_flow
from app.portal.payment_flow import UNDECIDED, blueprint, slips_of
from app.web import confirm
from app.web.errors import refused
from app.web.pages import page_args
from app.workflows import cancellations, payments_reads, slips
from app.workflows.payments_reads import Tab

__all__ = ["blueprint", "pay", "pay_cart", "payment_flow"]

CANCEL: dict[str, Any] = {
    "question": "이 결제를 취소할까요?",
    "consequence": "취소하면 되돌릴 수 없습니다. 금액은 바우처 잔액으로 돌아가고 거래는 끝납니다.",
    "label": "결제취소",
    "reason_required": True,
}
COLUMNS: list[Column[Payment]] = [
    Column("결제일시", lambda row: row.paid_at or row.pressed_at, "instant"),
    Column("상태", lambda row: row.state),
    Column("서비스", lambda row: row.deal.offering.name, width=32),
    Column("공급기업", lambda row: row.deal.supplier.name),
    Column("결제수단", lambda row: row.instrument_kind),
    Column("승인번호", lambda row: row.approval_number),
    Column("정부지원금", lambda row: row.grant_part, "won"),
    Column("자부담금", lambda row: row.share_part, "won"),
    Column("부가세(기업 부담)", lambda row: row.tax_part, "won"),
    Column("결제금액", lambda row: row.total, "won"),
    Column("취소일시", lambda row: row.cancelled_at, "instant"),
    Column("실패·취소 사유", lambda row: row.failure_text or row.cancel_reason, width=40),
]


def _tab() -> Tab:
    return next((each for each in Tab if each.value == request.args.get("tab")), Tab.ALL)


@blueprint.get("/payments")
@needs(Permission.DEMAND_VIEW)
def index() -> ResponseReturnValue:
    actor, page, period, tab = current_actor(), page_args(), lists.period(), _tab()
    bounds: dict[str, Any] = {"since": period.since, "until": period.until}
    rows = payments_reads.listing(actor=actor, tab=tab, before=lists.cursor(), size=page.size, **bounds)
    return render_template(
        "portal/payments/index.html",
        tab=tab,
        tabs=Tab,
        sums=payments_reads.tabs(actor=actor, **bounds),
        rows=rows,
        papers=slips.for_payments([row.id for row in rows]),
        period=period,
        size=page.size,
        following=lists.following(rows, page.size),
    )


@blueprint.get("/payments.xlsx")
@needs(Permission.DEMAND_VIEW)
def export() -> ResponseReturnValue:
    """The tab and period of the address, all of it."""
    actor, period, tab = current_actor(), lists.period(), _tab()
    rows = lists.every(
        lambda before, size: payments_reads.listing(
            actor=actor, tab=tab, since=period.since, until=period.until, before=before, size=size
        )
    )
    return lists.spreadsheet(rows, COLUMNS, name=f"서비스 결제 {tab.label}")


@blueprint.get("/payments/<int:payment_id>")
@needs(Permission.DEMAND_VIEW)
def detail(payment_id: int) -> ResponseReturnValue:
    actor = current_actor()
    payment = payments_reads.get(actor=actor, payment_id=payment_id)
    return render_template(
        "portal/payments/detail.html",
        payment=payment,
        lines=payments_reads.working(actor=actor, payment_id=payment_id),
        papers=slips_of(payment),
        undecided=payment.state in UNDECIDED,
        cancellable=cancellations.cancellable_by(actor=actor, payment=payment),
        confirm=CANCEL,
    )


@blueprint.post("/payments/<int:payment_id>/cancel")
@needs(Permission.PAYMENT_MAKE)
def cancel(payment_id: int) -> ResponseReturnValue:
    """결제취소 on the Korean day of payment; later it is the supplier's (R-PAY-6)."""
    here = url_for("payments.detail", payment_id=payment_id)
    question = confirm.ask(**CANCEL, cancel_url=here)
    if question is not None:
        return question
    try:
        payment = cancellations.cancel_today(
            actor=current_actor(), payment_id=payment_id, reason=request.form.get("reason", "")
        )
    except Refusal as refusal:
        return refused(refusal, to=here)
    _tell(payment)
    return redirect(here)


def _tell(payment: Payment) -> None:
    if payment.state is PaymentState.CANCELLED:
        flash("결제를 취소했습니다. 금액이 바우처 잔액으로 돌아갔습니다.", "success")
    elif payment.state is PaymentState.CANCELLING:
        flash("취소 결과를 결제 기관에 확인하고 있습니다. 결과가 나오면 알림으로 알려 드립니다.", "info")
    else:
        flash(f"결제를 취소하지 못했습니다. {payment.failure_text or ''}".strip(), "danger")


@blueprint.get("/statement")
@needs(Permission.DEMAND_VIEW)
def statement() -> ResponseReturnValue:
    """청구내역: what was paid and what of it was cancelled, in a period."""
    actor, page, period = current_actor(), page_args(), lists.period()
    bounds: dict[str, Any] = {"since": period.since, "until": period.until}
    rows = payments_reads.statement(actor=actor, before=lists.cursor(), size=page.size, **bounds)
    return render_template(
        "portal/payments/statement.html",
        sums=payments_reads.statement_sums(actor=actor, **bounds),
        rows=rows,
        period=period,
        size=page.size,
        following=lists.following(rows, page.size),
    )


@blueprint.get("/statement.xlsx")
@needs(Permission.DEMAND_VIEW)
def statement_export() -> ResponseReturnValue:
    actor, period = current_actor(), lists.period()
    rows = lists.every(
        lambda before, size: payments_reads.statement(
            actor=actor, since=period.since, until=period.until, before=before, size=size
        )
    )
    return lists.spreadsheet(rows, COLUMNS, name="청구내역")
