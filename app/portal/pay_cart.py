"""장바구니: several bills by one code of the card, or in one window of ZeroPay, each alone (R-PAY-5)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from flask import flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue

from app.access import current_actor, needs
from app.errors import InvalidInput, Refusal
from app.models.deals import Deal, DealState
from app.models.payments import UNDECIDED, CardAuthentication
from app.policy import Permission
from app.portal import identity, lists
from app.portal.pay import PRESS_LIMIT, CardForm, CodeForm, wanted_certificates
from app.portal.payment_flow import blueprint, new_key
from app.web.forms import BaseForm, refusal_to_form
from app.web.limits import CODE_LIMIT, limiter, per_account
from app.workflows import (
    bill_splits,
    card_payments,
    deals_reads,
    instruments,
    payment_next,
    payments_reads,
    zeropay_payments,
)
from app.workflows.card_payments import Result

# Why bills were not tried, by deal, in the browser's signed cookie; the address names the bills.
REASONS = "cart_reasons"


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """A bill that was ticked and not tried, as it stands now."""

    deal: Deal
    reason: str
    payable: bool

    @property
    def paid(self) -> bool:
        return self.deal.state is DealState.PAID


@blueprint.route("/cart/pay", methods=["GET", "POST"])
@needs(Permission.PAYMENT_MAKE)
@limiter.limit(CODE_LIMIT, key_func=per_account, methods=["POST"])
def cart_pay() -> ResponseReturnValue:
    """The ticked bills with the split of each and their sums; the card here, or the way to ZeroPay."""
    actor, ticked = current_actor(), lists.ticked()
    rows = deals_reads.payable(actor=actor, deal_ids=ticked)
    if not rows:
        gone = "고르신 청구는 지금 결제할 수 없습니다. 청구마다 현재 상태를 확인해 주세요."
        flash(gone if ticked else "결제할 청구를 하나 이상 선택해 주세요.", "warning")
        return redirect(url_for("deals.cart"))
    over, rows = len(rows) - card_payments.MOST_BILLS, rows[: card_payments.MOST_BILLS]
    ids = [row.deal.id for row in rows]
    form = CardForm()
    if form.validate_on_submit():
        answer = _ask_for_code(form, ids)
        if answer is not None:
            return answer
    form.forget()
    splits, instrument = bill_splits.splits(actor=actor, deal_ids=ids), instruments.own(actor=actor)
    page = render_template(
        "portal/payments/cart_pay.html",
        rows=rows,
        splits=splits,
        gone=len(ticked) - len(rows) - max(over, 0),
        over=over,
        form=form,
        instrument=instrument,
        wanted=wanted_certificates(instrument, splits.own),
        key=new_key(),
    )
    return page, 422 if form.errors else 200


def _ask_for_code(form: CardForm, ids: list[int]) -> ResponseReturnValue | None:
    """On to the code; None where the form is to be shown again with what is wrong."""
    number, expiry = form.card_number.data or "", form.expiry.data or ""
    try:
        started = card_payments.start_cards(
            actor=current_actor(), deal_ids=ids, card_number=number, expiry=expiry
        )
    except Refusal as refusal:
        refusal_to_form(form, refusal)
        return None
    refusals = {each.deal_id: each.refusal for each in started if each.refusal is not None}
    tokens = [each.authentication.token for each in started if each.authentication is not None]
    if not tokens:
        _say(form, refusals.values())
        return None
    _keep(refusals)
    return redirect(url_for("payments.cart_codes", token=tokens, out=list(refusals)))


def _say(form: BaseForm, refusals: Iterable[Refusal]) -> None:
    form.form_errors.extend(dict.fromkeys(refusal.text for refusal in refusals))


def _keep(refusals: Mapping[int, Refusal]) -> None:
    """For the pages that follow: what was in the way of each bill."""
    session[REASONS] = {str(deal_id): refusal.text for deal_id, refusal in refusals.items()}


def _left_out(deal_ids: Sequence[int]) -> list[LeftOut]:
    """The company's bills that were not tried, and why not: what has changed since goes before the reason of
    then, which a kept address finds gone."""
    if not deal_ids:
        return []
    actor, reasons = current_actor(), session.get(REASONS, {})
    payable = {row.deal.id for row in deals_reads.payable(actor=actor, deal_ids=deal_ids)}
    left = bill_splits.splits(actor=actor, deal_ids=[]).left
    found = []
    for deal in deals_reads.bills(actor=actor, deal_ids=deal_ids):
        fits = (deal.amount or 0) <= left
        reason = reasons.get(str(deal.id), "함께 결제하지 않은 청구입니다.")
        if deal.state is DealState.PAID:
            reason = "다른 화면에서 결제되었습니다."
        elif deal.id not in payable:
            reason = f"지금은 결제할 수 없습니다(현재 상태: {deal.state.label}). 거래 내용을 확인해 주세요."
        elif not fits:
            reason = f"바우처 잔액이 {left:,}원만 남아 있습니다. 공급기업에 금액 조정을 요청해 주세요."
        found.append(LeftOut(deal=deal, reason=reason, payable=fits and deal.id in payable))
    return found


@blueprint.route("/cart/codes", methods=["GET", "POST"])
@needs(Permission.PAYMENT_MAKE)
@limiter.limit(PRESS_LIMIT, key_func=per_account, methods=["POST"])
def cart_codes() -> ResponseReturnValue:
    """The one code of all bills, and the press that pays them; a wrong one may be followed by another."""
    actor, out = current_actor(), lists.ticked("out")
    tokens = request.args.getlist("token")[: card_payments.MOST_BILLS]
    asked = card_payments.authentications(actor=actor, tokens=tokens)
    form = CodeForm()
    if asked and form.validate_on_submit():
        answer = _press(form, asked, out)
        if answer is not None:
            return answer
    rows = {row.deal.id: row for row in deals_reads.payable(actor=actor, deal_ids=[a.deal_id for a in asked])}
    asked = [each for each in asked if each.deal_id in rows]
    if not asked:
        return redirect(url_for("deals.cart"))
    form.forget()
    ids = [each.deal_id for each in asked]
    page = render_template(
        "portal/payments/cart_codes.html",
        asked=asked,
        rows=[rows[deal_id] for deal_id in ids],
        splits=bill_splits.splits(actor=actor, deal_ids=ids),
        left_out=_left_out(out),
        form=form,
        seconds=min(identity.seconds_left(each.expires_at) for each in asked),
    )
    return page, 422 if form.errors else 200


def _press(form: CodeForm, asked: list[CardAuthentication], out: list[int]) -> ResponseReturnValue | None:
    """Pay; None where the form is to be shown again with what is wrong."""
    try:
        results = card_payments.pay_cards(
            actor=current_actor(),
            tokens=[each.token for each in asked],
            code=form.code.data or "",
            idempotency_key=form.key.data or new_key(),
        )
    except Refusal as refusal:
        refusal_to_form(form, refusal)
        return None
    text = _wrong_code(results)
    if text:
        refusal_to_form(form, InvalidInput("payment.code", text, fields={"code": text}))
        return None
    deals = {each.token: each.deal_id for each in asked}
    refusals = {deals[each.token]: each.refusal for each in results if each.refusal is not None}
    paid = [each.payment.id for each in results if each.payment is not None]
    if not paid:
        _say(form, refusals.values())
        return None
    session[REASONS] = session.get(REASONS, {}) | {str(key): each.text for key, each in refusals.items()}
    return redirect(url_for("payments.cart_result", id=paid, out=[*refusals, *out]))


def _wrong_code(results: list[Result]) -> str:
    """What to say where the code may be typed again."""
    payments = [each.payment for each in results if each.payment is not None]
    wrong = [each for each in payments if card_payments.may_type_again(each)]
    return (wrong[0].failure_text or "인증번호가 맞지 않습니다.") if wrong else ""


@blueprint.post("/cart/zeropay")
@needs(Permission.PAYMENT_MAKE)
@limiter.limit(PRESS_LIMIT, key_func=per_account)
def cart_zeropay() -> ResponseReturnValue:
    """Hold the money of each bill and lead on to ZeroPay's one window for all of them (R-PAY-1)."""
    ids = lists.ticked()
    checkouts = zeropay_payments.start_zeropays(
        actor=current_actor(),
        deal_ids=ids,
        idempotency_key=request.form.get("key") or new_key(),
        return_url=url_for("payments.zeropay_return", bills=",".join(map(str, ids)), _external=True),
    )
    _keep(checkouts.refusals)
    out = list(checkouts.refusals)
    if not checkouts.payments:
        for text in dict.fromkeys(each.text for each in checkouts.refusals.values()):
            flash(text, "danger")
        return redirect(url_for("payments.cart_pay", id=ids))
    paid = [payment.id for payment in checkouts.payments]
    return redirect(checkouts.url or url_for("payments.cart_result", id=paid, out=out), 303)


@blueprint.get("/cart/result")
@needs(Permission.DEMAND_VIEW)
def cart_result() -> ResponseReturnValue:
    """Which of the bills were paid, which not, why, and what to do next; the address can be kept."""
    actor = current_actor()
    found = payments_reads.several(actor=actor, payment_ids=lists.ticked())
    return render_template(
        "portal/payments/cart_result.html",
        payments=found,
        next=payment_next.after_failure(found),
        left_out=_left_out(lists.ticked("out")),
        waiting=any(payment.state in UNDECIDED for payment in found),
    )
