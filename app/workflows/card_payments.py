"""Payment by Shinhan card: number and expiry, then a code by SMS to the payment contact (R-PAY-1).

Number, expiry and code pass through to the card company and are kept nowhere; what stays is its key and the
last four digits (R-PAY-2).
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select

from app import clock, gateways, policy
from app.db import db, transaction
from app.errors import Conflict, InvalidInput, NotFound, Refusal
from app.gateways.card import CardAuthentication as Authenticated
from app.gateways.errors import Refused, Unavailable, Unknown
from app.models.companies import Company
from app.models.numbers import digits
from app.models.payments import CardAuthentication, Payment
from app.policy import Actor, Permission
from app.workflows import payment_checks, payments
from app.workflows.payments import GatewayDown

_FIELD_OF = {
    "INVALID_CARD_NUMBER": "card_number",
    "INVALID_CARD_EXPIRATION": "expiry",
}


@dataclass(frozen=True, kw_only=True)
class Started:
    """One bill of several: the code was sent, or what is in the way."""

    deal_id: int
    authentication: CardAuthentication | None = None
    refusal: Refusal | None = None


@dataclass(frozen=True, kw_only=True)
class Press:
    token: str
    code: str


@dataclass(frozen=True, kw_only=True)
class Result:
    """One bill of several: its payment, or what is in the way."""

    token: str
    payment: Payment | None = None
    refusal: Refusal | None = None


@dataclass(frozen=True, kw_only=True)
class _Asked:
    company_id: int
    phone: str
    total: int
    name: str


def start_card(*, actor: Actor, deal_id: int, card_number: str, expiry: str) -> CardAuthentication:
    """Have the card company send its code. Takes no money; `expires_at` is in real time.

    Raises InvalidInput for the card, Conflict for deal, voucher, instrument or money, GatewayDown.
    """
    number, month_year = _card(card_number, expiry)
    with transaction():
        bill = payment_checks.check_bill(actor=actor, deal_id=deal_id, card=True)
        company = db.session.get_one(Company, bill.deal.company_id)
        asked = _Asked(
            company_id=company.id,
            phone=company.payment_contact_phone or company.phone,
            total=bill.total,
            name=bill.deal.offering.name,
        )
    order_id = payments.new_order_id()
    answer = _authenticate(asked, order_id=order_id, card_number=number, expiry=month_year)
    with transaction() as session:
        authentication = CardAuthentication(
            token=secrets.token_urlsafe(24),
            deal_id=deal_id,
            company_id=asked.company_id,
            order_id=order_id,
            auth_key=answer.auth_key,
            last4=answer.last4,
            requested_at=clock.now(),
            expires_at=answer.expires_at,
        )
        session.add(authentication)
        session.flush()
        return authentication


def _card(card_number: str, expiry: str) -> tuple[str, str]:
    number, month_year = digits(card_number), expiry.replace("/", "").replace(" ", "")
    fields = {}
    if not re.fullmatch(r"\d{16}", number, re.ASCII):
        fields["card_number"] = "카드번호 숫자 16자리를 입력해 주세요."
    if not re.fullmatch(r"(0[1-9]|1[0-2])\d\d", month_year, re.ASCII):
        fields["expiry"] = "유효기간을 월/년 순서로 입력해 주세요. 예: 03/24"
    if fields:
        raise InvalidInput("payment.card", "카드번호와 유효기간을 확인해 주세요.", fields=fields)
    return number, f"{month_year[:2]}/{month_year[2:]}"


def _authenticate(asked: _Asked, *, order_id: str, card_number: str, expiry: str) -> Authenticated:
    try:
        return gateways.get().card.authenticate(
            order_id=order_id,
            amount=asked.total,
            card_number=card_number,
            expiry=expiry,
            phone=asked.phone,
            order_name=asked.name,
        )
    except Refused as refused:
        field = _FIELD_OF.get(refused.code)
        fields = {field: refused.korean} if field else {}
        raise InvalidInput("payment.card_refused", refused.korean, fields=fields) from None
    except (Unknown, Unavailable):
        # Asking for a code takes nothing, whatever became of the call.
        raise GatewayDown() from None


def pay_card(*, actor: Actor, token: str, code: str, idempotency_key: str) -> Payment:
    """Pay the bill that the code was sent for; the same key again returns the same payment (R-PAY-4).

    The card company's no is a FAILED payment and no exception. After INVALID_AUTH_CODE the token may be
    tried again with another key. Raises Refusal for what the rules forbid; then nothing was pressed.
    """
    policy.require(actor, Permission.PAYMENT_MAKE)
    if not re.fullmatch(r"\d{6}", code.strip(), re.ASCII):
        text = "문자로 받은 인증번호 여섯 자리를 입력해 주세요."
        raise InvalidInput("payment.code", text, fields={"code": text})
    with transaction():
        authentication = _authentication(actor, token)
        auth_key, expired = authentication.auth_key, authentication.expires_at <= clock.real_now()
        deal_id, order_id = authentication.deal_id, authentication.order_id
        known = _known(idempotency_key)
    if expired and not known:
        raise Conflict(
            "payment.code_expired", "인증번호 입력 시간이 지났습니다. 카드번호 입력부터 다시 진행해 주세요."
        )
    order = payments.hold(
        actor=actor, deal_id=deal_id, idempotency_key=idempotency_key, order_id=order_id, card=True
    )
    if not order.is_new:
        return db.session.get_one(Payment, order.payment_id)
    return payments.conclude(
        order,
        lambda: gateways.get().card.confirm(
            auth_key=auth_key,
            code=code.strip(),
            order_id=order.order_id,
            amount=order.total,
            idempotency_key=order.key,
            requested_at=order.pressed_at,
        ),
    )


def _authentication(actor: Actor, token: str) -> CardAuthentication:
    query = select(CardAuthentication).where(CardAuthentication.token == token)
    authentication = db.session.execute(query).scalar_one_or_none()
    if authentication is None:
        raise NotFound()
    policy.require_own(actor, authentication)
    return authentication


def _known(idempotency_key: str) -> bool:
    query = select(Payment.id).where(Payment.idempotency_key == idempotency_key)
    return db.session.execute(query).first() is not None


def start_cards(*, actor: Actor, deal_ids: Sequence[int], card_number: str, expiry: str) -> list[Started]:
    """장바구니: ask for a code for each bill. One that cannot be paid does not stop the others."""
    started = []
    for deal_id in deal_ids:
        try:
            sent = start_card(actor=actor, deal_id=deal_id, card_number=card_number, expiry=expiry)
            started.append(Started(deal_id=deal_id, authentication=sent))
        except Refusal as refusal:
            started.append(Started(deal_id=deal_id, refusal=refusal))
    return started


def pay_cards(*, actor: Actor, presses: Sequence[Press], idempotency_key: str) -> list[Result]:
    """Pay several bills, each standing or falling alone; together never more than the voucher (R-PAY-5)."""
    results = []
    for press in presses:
        try:
            payment = pay_card(
                actor=actor,
                token=press.token,
                code=press.code,
                idempotency_key=f"{idempotency_key}:{press.token}",
            )
            results.append(Result(token=press.token, payment=payment))
        except Refusal as refusal:
            results.append(Result(token=press.token, refusal=refusal))
    return results
