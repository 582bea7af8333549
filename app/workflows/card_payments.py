"""Payment by Shinhan card: number and expiry, then a code by SMS to the payment contact (R-PAY-1).

One code serves all bills that it was asked for; each is held, confirmed and settled on its own (R-PAY-5).
Number, expiry and code pass through to the card company and are kept nowhere; what stays is its key and the
last four digits (R-PAY-2).
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, bindparam, select

from app import clock, gateways, policy
from app.db import db, transaction
from app.errors import Conflict, InvalidInput, NotFound, Refusal
from app.gateways.card import CardAuthentication as Authenticated
from app.gateways.card import CardOrder
from app.gateways.errors import Refused, Unavailable, Unknown
from app.models.companies import Company
from app.models.numbers import digits
from app.models.payments import CardAuthentication, Payment, PaymentState
from app.policy import Actor, Permission
from app.workflows import bill_splits, payment_checks, payments, steps
from app.workflows.payments import GatewayDown, Outcome

MOST_BILLS = 10
"""Neither the card company nor ZeroPay takes more at once."""
PATIENCE = timedelta(seconds=25)
"""A press of several bills begins none after this: each may wait for its gateway until the time-out."""
WRONG_CODE, TOO_MANY_WRONG = payments.MISTYPED, "EXCEED_MAX_AUTH_COUNT"
_FIELD_OF = {
    "INVALID_CARD_NUMBER": "card_number",
    "INVALID_CARD_EXPIRATION": "expiry",
}


@dataclass(frozen=True, kw_only=True)
class Started:
    """One bill of several: the code was sent for it, or what is in the way."""

    deal_id: int
    authentication: CardAuthentication | None = None
    refusal: Refusal | None = None


@dataclass(frozen=True, kw_only=True)
class Result:
    """One bill of several: its payment, or why it was not tried."""

    token: str
    payment: Outcome | None = None
    refusal: Refusal | None = None


def start_card(*, actor: Actor, deal_id: int, card_number: str, expiry: str) -> CardAuthentication:
    """Have the card company send its code. Takes no money; `expires_at` is in real time.

    Raises InvalidInput for the card, Conflict for deal, voucher, instrument or money, GatewayDown.
    """
    number, month_year = _card(card_number, expiry)
    order = _order_for(actor, deal_id)
    return _start(actor, {deal_id: order}, number, month_year)[deal_id]


def start_cards(*, actor: Actor, deal_ids: Sequence[int], card_number: str, expiry: str) -> list[Started]:
    """장바구니: one code for all bills that can be paid together; the others do not stop them (R-PAY-5).

    Raises InvalidInput for the card, Denied, GatewayDown.
    """
    policy.require(actor, Permission.PAYMENT_MAKE)
    number, month_year = _card(card_number, expiry)
    deal_ids = list(dict.fromkeys(deal_ids))
    orders, refusals = _orders_for(actor, deal_ids)
    sent = _start(actor, orders, number, month_year) if orders else {}
    return [
        Started(deal_id=each, authentication=sent.get(each), refusal=refusals.get(each)) for each in deal_ids
    ]


def _card(card_number: str, expiry: str) -> tuple[str, str]:
    number, month_year = digits(card_number), expiry.replace("/", "").replace(" ", "")
    fields = {}
    if not re.fullmatch(r"\d{16}", number, re.ASCII):
        fields["card_number"] = "카드번호 숫자 16자리를 입력해 주세요."
    if not re.fullmatch(r"(0[1-9]|1[0-2])\d\d", month_year, re.ASCII):
        fields["expiry"] = "유효기간을 월/년 순서로 입력해 주세요. 예) 03/24"
    if fields:
        raise InvalidInput("payment.card", "카드번호와 유효기간을 확인해 주세요.", fields=fields)
    return number, f"{month_year[:2]}/{month_year[2:]}"


def _order_for(actor: Actor, deal_id: int) -> CardOrder:
    with transaction():
        bill = payment_checks.check_bill(actor=actor, deal_id=deal_id, card=True)
        name = bill.deal.offering.name
        return CardOrder(order_id=payments.new_order_id(), amount=bill.total, name=name)


def _orders_for(actor: Actor, deal_ids: Sequence[int]) -> tuple[dict[int, CardOrder], dict[int, Refusal]]:
    """Each bill in a transaction of its own: what two presses lock, they lock in the same order."""
    orders: dict[int, CardOrder] = {}
    refusals: dict[int, Refusal] = {}
    for deal_id in deal_ids:
        try:
            orders[deal_id] = _order_for(actor, deal_id)
        except Refusal as refusal:
            refusals[deal_id] = refusal
    for bill in bill_splits.splits(actor=actor, deal_ids=list(orders)).bills:
        if bill.refusal is not None:
            refusals[bill.deal_id] = bill.refusal
            del orders[bill.deal_id]
    for deal_id in list(orders)[MOST_BILLS:]:
        refusals[deal_id] = too_many()
        del orders[deal_id]
    return orders, refusals


def too_many() -> Conflict:
    text = f"한 번에 {MOST_BILLS}건까지 결제할 수 있습니다. 이번 결제가 끝난 뒤 이어서 결제해 주세요."
    return Conflict("payment.too_many", text)


def _start(
    actor: Actor, orders: Mapping[int, CardOrder], card_number: str, expiry: str
) -> dict[int, CardAuthentication]:
    """Have the code sent, and keep the card company's key once for each bill. By deal."""
    with transaction() as session:
        company = session.get_one(Company, actor.company_id)
        phone = company.payment_contact_phone or company.phone
    answer = _authenticate(list(orders.values()), card_number=card_number, expiry=expiry, phone=phone)
    steps.reached("payment.authenticated")
    with transaction() as session:
        kept = {
            deal_id: CardAuthentication(
                token=secrets.token_urlsafe(24),
                deal_id=deal_id,
                company_id=actor.company_id,
                order_id=order.order_id,
                auth_key=answer.auth_key,
                last4=answer.last4,
                requested_at=clock.now(),
                expires_at=answer.expires_at,
            )
            for deal_id, order in orders.items()
        }
        session.add_all(kept.values())
        session.flush()
        return kept


def _authenticate(orders: list[CardOrder], *, card_number: str, expiry: str, phone: str) -> Authenticated:
    try:
        return gateways.get().card.authenticate(
            orders=orders, card_number=card_number, expiry=expiry, phone=phone
        )
    except Refused as refused:
        field = _FIELD_OF.get(refused.code)
        fields = {field: refused.korean} if field else {}
        raise InvalidInput("payment.card_refused", refused.korean, fields=fields) from None
    except (Unknown, Unavailable):
        # Asking for a code takes nothing, whatever became of the call.
        raise GatewayDown() from None


def pay_card(*, actor: Actor, token: str, code: str, idempotency_key: str) -> Outcome:
    """Pay the bill that the code was sent for; the same key again returns the same payment (R-PAY-4).

    The card company's no is a FAILED payment and no exception. After INVALID_AUTH_CODE the token may be
    tried again with another key. Raises Refusal for what the rules forbid; then nothing was pressed.
    """
    policy.require(actor, Permission.PAYMENT_MAKE)
    typed = _code(code)
    asked = _authentication(actor, token)
    if asked.expires_at <= clock.real_now() and not _known(idempotency_key):
        raise Conflict(
            "payment.code_expired", "인증번호 입력 시간이 지났습니다. 카드번호 입력부터 다시 진행해 주세요."
        )
    order = payments.hold(
        actor=actor,
        deal_id=asked.deal_id,
        idempotency_key=idempotency_key,
        order_id=asked.order_id,
        card=True,
    )
    if not order.is_new:
        return payments.outcome_of(order.payment_id)
    return payments.conclude(
        order,
        lambda: gateways.get().card.confirm(
            auth_key=asked.auth_key,
            code=typed,
            order_id=order.order_id,
            amount=order.total,
            idempotency_key=order.key,
            requested_at=order.pressed_at,
        ),
    )


def _code(code: str) -> str:
    typed = code.strip()
    if not re.fullmatch(r"\d{6}", typed, re.ASCII):
        text = "문자로 받은 인증번호 여섯 자리를 입력해 주세요."
        raise InvalidInput("payment.code", text, fields={"code": text})
    return typed


_PASS = select(
    CardAuthentication.deal_id,
    CardAuthentication.company_id,
    CardAuthentication.order_id,
    CardAuthentication.auth_key,
    CardAuthentication.expires_at,
).where(CardAuthentication.token == bindparam("token"))


def _authentication(actor: Actor, token: str) -> Row[int, int, str, str, datetime]:
    """One read and no commit of its own: the hold that follows ends the transaction that it opens."""
    found = db.session.execute(_PASS, {"token": token}).one_or_none()
    if found is None:
        raise NotFound()
    policy.require_own(actor, found)
    return found


def _known(idempotency_key: str) -> bool:
    query = select(Payment.id).where(Payment.idempotency_key == idempotency_key)
    return db.session.execute(query).first() is not None


def pay_cards(*, actor: Actor, tokens: Sequence[str], code: str, idempotency_key: str) -> list[Result]:
    """Pay several bills by their one code, each standing or falling alone (R-PAY-5).

    The press's key gives each bill a key of its own, so that the same press again changes nothing (R-PAY-4).
    After a wrong code the others are not tried with it. Raises InvalidInput for a code of another form.
    """
    policy.require(actor, Permission.PAYMENT_MAKE)
    typed = _code(code)
    results: list[Result] = []
    stop, patience = None, clock.real_now() + PATIENCE
    for token in tokens:
        if stop is None:
            results.append(_pay_one(actor, token, typed, f"{idempotency_key}:{token}"))
            stop = _reason_to_stop(results[-1].payment, patience)
        else:
            results.append(Result(token=token, refusal=stop))
    return results


def _pay_one(actor: Actor, token: str, code: str, idempotency_key: str) -> Result:
    try:
        payment = pay_card(actor=actor, token=token, code=code, idempotency_key=idempotency_key)
    except Refusal as refusal:
        return Result(token=token, refusal=refusal)
    return Result(token=token, payment=payment)


def _reason_to_stop(payment: Outcome | None, patience: datetime) -> Refusal | None:
    failed = payment is not None and payment.state is PaymentState.FAILED
    if payment is not None and failed and payment.failure_code in (WRONG_CODE, TOO_MANY_WRONG):
        return Conflict(
            "payment.code_wrong",
            "인증번호가 맞지 않아 결제하지 않았습니다. 장바구니에서 다시 결제해 주세요.",
        )
    if clock.real_now() >= patience:
        return Conflict(
            "payment.slow",
            "결제 기관의 응답이 늦어 결제하지 않았습니다. 앞의 결제 결과를 확인한 뒤 장바구니에서 다시 "
            "결제해 주세요.",
        )
    return None


def may_type_again(payment: Outcome) -> bool:
    """Whether a wrong code alone was in the way: another press may follow without typing the card again."""
    return payment.state is PaymentState.FAILED and payment.failure_code == WRONG_CODE


def authentications(*, actor: Actor, tokens: Sequence[str]) -> list[CardAuthentication]:
    """The company's own, in this order; what is another's or unknown is left out."""
    policy.require(actor, Permission.PAYMENT_MAKE)
    wanted: tuple[Any, ...] = (
        CardAuthentication.token.in_(tokens),
        CardAuthentication.company_id == actor.company_id,
    )
    found = {each.token: each for each in db.session.scalars(select(CardAuthentication).where(*wanted))}
    return [found[token] for token in dict.fromkeys(tokens) if token in found]
