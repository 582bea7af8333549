"""'서비스 결제 관리': every payment of the company, and one of them in full (R-PAY-7, R-MONEY-2b)."""

from __future__ import annotations

from flask import render_template
from flask.typing import ResponseReturnValue

from app.access import current_actor, needs
from app.documents.exports import Column
from app.models.payments import UNDECIDED
from app.policy import Permission
from app.portal import (
    lists,
    pay,
    pay_cart,
    payment_cancel,
    payment_flow,
    payment_lists,
    payment_statement,
)
from app.portal.payment_flow import blueprint
from app.web.pages import page_args
from app.workflows import (
    cancellation_terms,
    cancellations,
    payment_history,
    payment_next,
    payment_papers,
    payments_reads,
)
from app.workflows.payments_reads import Tab

__all__ = ["blueprint", "pay", "pay_cart", "payment_cancel", "payment_flow", "payment_statement"]

COLUMNS = payment_lists.columns(
    Column("공급기업", lambda row: row.deal.supplier.name),
    Column(
        "실패·취소 사유", lambda row: row.cancel_reason if row.cancelled_at else row.failure_text, width=40
    ),
)


@blueprint.get("/payments")
@needs(Permission.DEMAND_VIEW)
def index() -> ResponseReturnValue:
    actor, page = current_actor(), page_args()
    wanted, tab = payment_lists.wanted(), payment_lists.chosen(Tab)
    rows = payments_reads.listing(
        actor=actor, tab=tab, before=lists.cursor(), size=page.size, **wanted.bounds
    )
    return render_template(
        "portal/payments/index.html",
        tab=tab,
        tabs=Tab,
        sums=payments_reads.tabs(actor=actor, **wanted.bounds),
        rows=rows,
        papers=payment_papers.of(rows),
        nexts=payment_next.after_failure(rows),
        cancellable={row.id for row in rows if cancellations.cancellable_by(actor=actor, payment=row)},
        wanted=wanted,
        size=page.size,
        following=lists.following(rows, page.size),
    )


@blueprint.get("/payments.xlsx")
@needs(Permission.DEMAND_VIEW)
def export() -> ResponseReturnValue:
    """The tab and the filter of the address, all of it."""
    actor, wanted, tab = current_actor(), payment_lists.wanted(), payment_lists.chosen(Tab)
    count = payments_reads.tabs(actor=actor, **wanted.bounds)[tab].count
    name = f"서비스 결제 {tab.label}"
    filters = {"actor": actor, "tab": tab, **wanted.bounds}
    return payment_lists.export(payments_reads.listing, count, COLUMNS, name=name, **filters)


@blueprint.get("/payments/<int:payment_id>")
@needs(Permission.DEMAND_VIEW)
def detail(payment_id: int) -> ResponseReturnValue:
    actor = current_actor()
    payment = payments_reads.get(actor=actor, payment_id=payment_id)
    return render_template(
        "portal/payments/detail.html",
        payment=payment,
        lines=payments_reads.working(actor=actor, payment_id=payment_id),
        papers=payment_papers.of_payment(payment),
        next=payment_next.after_failure([payment]).get(payment_id),
        undecided=payment.state in UNDECIDED,
        terms=cancellation_terms.of(payment, actor=actor),
        to_voucher=cancellation_terms.went_to_voucher(payment) if payment.cancelled_at else None,
        history=payment_history.of(payment, actor=actor),
    )
