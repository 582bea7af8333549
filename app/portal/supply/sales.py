"""매출·결제: what was paid, its papers, and the later cancellation (R-PAY-6, R-PAY-7)."""

from __future__ import annotations

from flask import flash, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.access import current_actor, needs
from app.documents.exports import Column
from app.errors import Conflict, NotFound, Refusal
from app.models.payments import UNDECIDED, Payment, PaymentState
from app.policy import Actor, Permission
from app.portal import lists, payment_lists
from app.portal.payment_cancel import GOES_ON, CancelForm
from app.portal.supply.root import blueprint
from app.web.forms import refusal_to_form
from app.web.pages import page_args
from app.workflows import (
    cancellation_terms,
    cancellations,
    payment_history,
    payment_papers,
    payments_reads,
    settlement_history,
    settlement_supplier,
    slips,
    tax_invoice_reads,
)
from app.workflows.cancellation_terms import Terms
from app.workflows.payments_reads import SALES_TABS

COLUMNS = payment_lists.columns(
    Column("수요기업", lambda row: row.deal.company.name),
    Column("취소 사유", lambda row: row.cancel_reason if row.cancelled_at else None, width=40),
    before=True,
)


@blueprint.get("/sales")
@needs(Permission.SUPPLIER_VIEW)
def sales() -> ResponseReturnValue:
    actor, page = current_actor(), page_args()
    wanted, tab = payment_lists.wanted(), payment_lists.chosen(SALES_TABS)
    rows = payments_reads.sales(actor=actor, tab=tab, before=lists.cursor(), size=page.size, **wanted.bounds)
    return render_template(
        "portal/supply/sales.html",
        tab=tab,
        tabs=SALES_TABS,
        sums=payments_reads.tabs(actor=actor, **wanted.bounds),
        rows=rows,
        papers=payment_papers.of(rows),
        wanted=wanted,
        size=page.size,
        following=lists.following(rows, page.size),
    )


@blueprint.get("/sales.xlsx")
@needs(Permission.SUPPLIER_VIEW)
def sales_export() -> ResponseReturnValue:
    """The tab and the filter of the address, all of it."""
    actor, wanted, tab = current_actor(), payment_lists.wanted(), payment_lists.chosen(SALES_TABS)
    count = payments_reads.tabs(actor=actor, **wanted.bounds)[tab].count
    name = f"매출 결제내역 {tab.label}"
    filters = {"actor": actor, "tab": tab, **wanted.bounds}
    return payment_lists.export(payments_reads.sales, count, COLUMNS, name=name, **filters)


@blueprint.get("/sales/<int:payment_id>")
@needs(Permission.SUPPLIER_VIEW)
def sale(payment_id: int) -> ResponseReturnValue:
    actor = current_actor()
    payment = payments_reads.get(actor=actor, payment_id=payment_id)
    place = settlement_supplier.supplier_payment(actor=actor, payment_id=payment_id)
    line_id = place.last_line_id if place else None
    page = make_response(
        render_template(
            "portal/supply/sale.html",
            payment=payment,
            papers=payment_papers.of_payment(payment),
            terms=cancellation_terms.of(payment, actor=actor),
            invoices=tax_invoice_reads.standing(actor=actor, payment=payment),
            to_voucher=cancellation_terms.went_to_voucher(payment) if payment.cancelled_at else None,
            history=payment_history.of(payment, actor=actor),
            place=place,
            statement=slips.for_lines([line_id]).get(line_id) if line_id else None,
            steps=settlement_history.steps(payment_id),
        )
    )
    if request.headers.get("HX-Trigger") == "undecided" and payment.state not in UNDECIDED:
        page.headers["HX-Refresh"] = "true"
    return page


@blueprint.route("/sales/<int:payment_id>/cancel", methods=["GET", "POST"])
@needs(Permission.PAYMENT_CANCEL_LATE)
def cancel_sale(payment_id: int) -> ResponseReturnValue:
    """결제취소 by the supplier, from the day after the payment on (R-PAY-6)."""
    actor, here = current_actor(), url_for("supply.sale", payment_id=payment_id)
    payment = payments_reads.get(actor=actor, payment_id=payment_id)
    if payment.state in GOES_ON:
        return redirect(here)
    form, terms = CancelForm(), cancellation_terms.of(payment, actor=actor)
    if terms is None or not (terms.may or form.is_submitted()):
        flash(
            terms.turn if terms else "취소할 수 있는 결제가 아닙니다. 현재 상태를 확인해 주세요.", "warning"
        )
        return redirect(here)
    if form.validate_on_submit():
        done = _cancelled(actor, payment, terms, form)
        if done is not None:
            _tell(done)
            return redirect(here)
    if not form.is_submitted():
        form.reason.data = payment.cancel_reason
    page = render_template("portal/supply/cancel_sale.html", payment=payment, terms=terms, form=form)
    return page, 422 if form.errors else 200


def _cancelled(actor: Actor, payment: Payment, terms: Terms, form: CancelForm) -> Payment | None:
    """None where it is refused: the form says why, and keeps what was typed."""
    try:
        if terms.company_turn:
            raise Conflict("payment.cancel_late.early", f"{terms.turn} 그 뒤에 다시 눌러 주세요.")
        return cancellations.cancel_late(actor=actor, payment_id=payment.id, reason=form.reason.data or "")
    except NotFound:
        raise
    except Refusal as refusal:
        refusal_to_form(form, refusal)
        return None


def _tell(payment: Payment) -> None:
    if payment.state is PaymentState.CANCELLED:
        flash("결제를 취소했습니다. 금액이 수요기업에 돌아갔습니다.", "success")
    elif payment.state is PaymentState.PAID:
        flash(f"결제를 취소하지 못했습니다. {payment.failure_text or ''}".strip(), "danger")
