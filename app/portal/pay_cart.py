"""장바구니 by card: one card, a code for each bill, one press; each stands or falls alone (R-PAY-5)."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue

from app.access import current_actor, needs
from app.errors import Refusal
from app.models.payments import CardAuthentication
from app.policy import Permission
from app.portal import identity
from app.portal.pay import PRESS_LIMIT, CardForm
from app.portal.payment_flow import blueprint, new_key
from app.web.forms import refusal_to_form
from app.web.limits import CODE_LIMIT, limiter
from app.web.pages import key_of
from app.workflows import card_payments, deals_reads, payments_reads
from app.workflows.card_payments import Press, Started
from app.workflows.deals_reads import DealRow

# The tokens of the codes that were sent, in the browser's signed cookie.
TOKENS = "cart_tokens"
MOST = 10


def _ticked() -> list[int]:
    """The bills of the address, in its order, each once."""
    ids = dict.fromkeys(key_of(value) for value in request.values.getlist("id"))
    return [key for key in ids if key is not None][:MOST]


@blueprint.route("/cart/pay", methods=["GET", "POST"])
@needs(Permission.PAYMENT_MAKE)
@limiter.limit(CODE_LIMIT, methods=["POST"])
def cart_pay() -> ResponseReturnValue:
    """The ticked bills, their sum beside the voucher's balance, and the card."""
    actor = current_actor()
    rows = deals_reads.payable(actor=actor, deal_ids=_ticked())
    if not rows:
        flash("결제할 청구를 하나 이상 선택해 주세요.", "warning")
        return redirect(url_for("deals.cart"))
    ids = [row.deal.id for row in rows]
    preview = payments_reads.balance_preview(actor=actor, deal_ids=ids)
    form = CardForm()
    if form.validate_on_submit():
        started = card_payments.start_cards(
            actor=actor, deal_ids=ids, card_number=form.card_number.data or "", expiry=form.expiry.data or ""
        )
        sent = _sent(started, form, rows)
        if sent:
            session[TOKENS] = [each.token for each in sent]
            return redirect(url_for("payments.cart_codes"))
    form.forget()
    page = render_template("portal/payments/cart_pay.html", rows=rows, preview=preview, form=form)
    return page, 422 if form.errors else 200


def _sent(started: list[Started], form: CardForm, rows: list[DealRow]) -> list[CardAuthentication]:
    """The codes that were sent; what stood in the way is said on the page, or on the next one."""
    sent = [each.authentication for each in started if each.authentication is not None]
    names = {row.deal.id: row.deal.offering.name for row in rows}
    for each in started:
        if each.refusal is not None and sent:
            flash(f"'{names[each.deal_id]}': {each.refusal.text}", "danger")
        elif each.refusal is not None and not form.errors:
            refusal_to_form(form, each.refusal)
    return sent


@blueprint.route("/cart/codes", methods=["GET", "POST"])
@needs(Permission.PAYMENT_MAKE)
@limiter.limit(PRESS_LIMIT, methods=["POST"])
def cart_codes() -> ResponseReturnValue:
    """One code for each bill, told apart by the amount in the message."""
    actor = current_actor()
    try:
        asked = [payments_reads.authentication(actor=actor, token=token) for token in session.get(TOKENS, [])]
    except Refusal:
        asked = []
    rows = {row.deal.id: row for row in deals_reads.payable(actor=actor, deal_ids=[a.deal_id for a in asked])}
    asked = [each for each in asked if each.deal_id in rows]
    if not asked:
        return redirect(url_for("deals.cart"))
    if request.method == "POST":
        return _press(asked, rows)
    return render_template(
        "portal/payments/cart_codes.html",
        asked=asked,
        rows=rows,
        key=new_key(),
        seconds=min(identity.seconds_left(each.expires_at) for each in asked),
    )


def _press(asked: list[CardAuthentication], rows: dict[int, DealRow]) -> ResponseReturnValue:
    presses = [
        Press(token=each.token, code=request.form.get(f"code_{each.deal_id}", "").strip()) for each in asked
    ]
    results = card_payments.pay_cards(
        actor=current_actor(), presses=presses, idempotency_key=request.form.get("key") or new_key()
    )
    paid = []
    for authentication, outcome in zip(asked, results, strict=True):
        name = rows[authentication.deal_id].deal.offering.name
        if outcome.payment is not None:
            paid.append(outcome.payment.id)
        elif outcome.refusal is not None:
            flash(f"'{name}': {outcome.refusal.text}", "danger")
    if not paid:
        return redirect(url_for("payments.cart_codes"))
    session.pop(TOKENS, None)
    return redirect(url_for("payments.cart_result", id=paid))


@blueprint.get("/cart/result")
@needs(Permission.DEMAND_VIEW)
def cart_result() -> ResponseReturnValue:
    """Which of the bills were paid, which not, and why; the address can be kept."""
    actor = current_actor()
    found = [payments_reads.get(actor=actor, payment_id=each) for each in _ticked()]
    return render_template("portal/payments/cart_result.html", payments=found)
