"""결제: by card with a code sent by SMS, or by certificate in ZeroPay's own window (R-PAY-1, R-PAY-2)."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from wtforms import HiddenField, StringField

from app.access import current_actor, needs
from app.errors import InvalidInput, Refusal
from app.models.deals import DealState
from app.models.vouchers import Instrument, InstrumentState
from app.policy import Permission
from app.portal import identity
from app.portal.payment_flow import blueprint, new_key, result_url
from app.web.errors import refused
from app.web.forms import BaseForm, Required, refusal_to_form
from app.web.limits import CODE_LIMIT, limiter, per_account
from app.web.pages import key_of
from app.workflows import (
    bill_splits,
    card_payments,
    certificates,
    deals_reads,
    instruments,
    payments_reads,
    zeropay_payments,
)
from app.workflows.certificates import Certificates
from app.workflows.deals_reads import DealView

PRESS_LIMIT = "20 per minute"


class CardForm(BaseForm):
    """Number and expiry pass through and are never put back into a page (R-PAY-2)."""

    card_number = StringField(
        "카드번호",
        [Required()],
        description="바우처 카드 앞면의 숫자 16자리",
        render_kw={"autocomplete": "cc-number", "inputmode": "numeric", "maxlength": 23},
    )
    expiry = StringField(
        "유효기간(월/년)",
        [Required()],
        description="카드에 적힌 순서대로. 예) 03/24",
        render_kw={"autocomplete": "cc-exp", "inputmode": "numeric", "maxlength": 7, "placeholder": "MM/YY"},
    )

    def forget(self) -> None:
        self.card_number.data = self.expiry.data = None


class CodeForm(BaseForm):
    code = StringField(
        "인증번호",
        [Required()],
        description="문자로 받은 숫자 6자리",
        render_kw={"autocomplete": "one-time-code", "inputmode": "numeric", "maxlength": 6},
    )
    key = HiddenField()

    def forget(self) -> None:
        """A code counts once, and so does the key of its press."""
        self.code.data, self.key.data = None, new_key()


@blueprint.route("/pay/<int:deal_id>", methods=["GET", "POST"])
@needs(Permission.PAYMENT_MAKE)
@limiter.limit(CODE_LIMIT, key_func=per_account, methods=["POST"])
def pay(deal_id: int) -> ResponseReturnValue:
    """The bill and its split; a card's number here, or the way to ZeroPay."""
    actor = current_actor()
    view = deals_reads.deal_view(actor=actor, deal_id=deal_id)
    elsewhere = _elsewhere(view)
    if elsewhere is not None:
        return elsewhere
    form = CardForm()
    if form.validate_on_submit():
        try:
            sent = card_payments.start_card(
                actor=actor,
                deal_id=deal_id,
                card_number=form.card_number.data or "",
                expiry=form.expiry.data or "",
            )
        except Refusal as refusal:
            refusal_to_form(form, refusal)
        else:
            return redirect(url_for("payments.card_code", token=sent.token))
    form.forget()
    split, instrument = bill_splits.bill_split(actor=actor, deal_id=deal_id), instruments.own(actor=actor)
    page = render_template(
        "portal/payments/pay.html",
        view=view,
        deal=view.deal,
        form=form,
        split=split,
        instrument=instrument,
        wanted=wanted_certificates(instrument, split.own if split else 0),
        key=new_key(),
    )
    return page, 422 if form.errors else 200


def wanted_certificates(instrument: Instrument | None, own: int) -> Certificates | None:
    """What must have been bought before ZeroPay's window opens; None for a card, or where nobody can say."""
    if instrument is None or instrument.kind.is_card or instrument.state is not InstrumentState.ISSUED:
        return None
    return certificates.needed_for(actor=current_actor(), own=own)


def _elsewhere(view: DealView) -> ResponseReturnValue | None:
    """Where a bill that cannot be paid now is explained."""
    payment = payments_reads.live_payment(actor=current_actor(), deal_id=view.deal.id)
    if payment is not None:
        return redirect(result_url(payment))
    if view.deal.state is not DealState.BILLED or view.late:
        flash("결제할 수 있는 청구가 아닙니다. 아래에서 현재 상태를 확인해 주세요.", "warning")
        return redirect(url_for("deals.detail", deal_id=view.deal.id))
    return None


@blueprint.route("/pay/card/<token>", methods=["GET", "POST"])
@needs(Permission.PAYMENT_MAKE)
@limiter.limit(PRESS_LIMIT, key_func=per_account, methods=["POST"])
def card_code(token: str) -> ResponseReturnValue:
    """The code, and the press that pays. A wrong code may be followed by another press, with another key.

    The press comes before everything that only the form needs.
    """
    actor, form = current_actor(), CodeForm()
    if form.validate_on_submit():
        answer = _press(form, token)
        if answer is not None:
            return answer
    asked = payments_reads.authentication(actor=actor, token=token)
    view = deals_reads.deal_view(actor=actor, deal_id=asked.deal_id)
    elsewhere = _elsewhere(view)
    if elsewhere is not None:
        return elsewhere
    form.forget()
    page = render_template(
        "portal/payments/code.html",
        view=view,
        deal=view.deal,
        form=form,
        asked=asked,
        seconds=identity.seconds_left(asked.expires_at),
    )
    return page, 422 if form.errors else 200


def _press(form: CodeForm, token: str) -> ResponseReturnValue | None:
    """Pay; None where the form is to be shown again with what is wrong."""
    try:
        payment = card_payments.pay_card(
            actor=current_actor(),
            token=token,
            code=form.code.data or "",
            idempotency_key=form.key.data or new_key(),
        )
    except Refusal as refusal:
        refusal_to_form(form, refusal)
        return None
    if card_payments.may_type_again(payment):
        text = payment.failure_text or "인증번호가 맞지 않습니다."
        refusal_to_form(form, InvalidInput("payment.code", text, fields={"code": text}))
        return None
    return redirect(result_url(payment))


@blueprint.post("/pay/<int:deal_id>/zeropay")
@needs(Permission.PAYMENT_MAKE)
@limiter.limit(PRESS_LIMIT, key_func=per_account)
def zeropay(deal_id: int) -> ResponseReturnValue:
    """Hold the money and lead on to ZeroPay's window, where the password is typed (R-PAY-1)."""
    try:
        checkout = zeropay_payments.start_zeropay(
            actor=current_actor(),
            deal_id=deal_id,
            idempotency_key=request.form.get("key") or new_key(),
            return_url=url_for("payments.zeropay_return", _external=True),
        )
    except Refusal as refusal:
        return refused(refusal, to=url_for("payments.pay", deal_id=deal_id))
    return redirect(checkout.url or result_url(checkout.payment), 303)


@blueprint.get("/pay/zeropay/return")
@needs(Permission.PAYMENT_MAKE)
def zeropay_return() -> ResponseReturnValue:
    """Back from ZeroPay: a GET writes nothing, so that the page sends itself on as a POST."""
    page = render_template("portal/payments/zeropay_return.html", params=request.args.to_dict())
    return page, 200, {"Cache-Control": "no-store"}


@blueprint.post("/pay/zeropay/finish")
@needs(Permission.PAYMENT_MAKE)
def zeropay_finish() -> ResponseReturnValue:
    try:
        paid = zeropay_payments.finish_zeropays(actor=current_actor(), params=request.form.to_dict())
    except Refusal as refusal:
        return refused(refusal, to=url_for("payments.index"))
    done = {payment.deal_id for payment in paid}
    bills = [key for each in request.form.get("bills", "").split(",") if (key := key_of(each)) is not None]
    out = [bill for bill in bills if bill not in done]
    if len(paid) == 1 and not out:
        return redirect(result_url(paid[0]))
    return redirect(url_for("payments.cart_result", id=[payment.id for payment in paid], out=out))
