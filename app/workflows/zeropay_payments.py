"""Payment by ZeroPay certificate: the person approves in ZeroPay's own window, and we confirm (R-PAY-1).

The money is taken by our confirm alone: whoever walks away has paid nothing, and the asking finds it out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from app import gateways, policy
from app.db import db, transaction
from app.errors import InvalidInput, NotFound
from app.gateways.errors import Forged, Refused, Unavailable, Unknown
from app.gateways.payments import Failed
from app.gateways.zeropay import ReturnResult
from app.models.payments import Payment, PaymentState
from app.models.vouchers import Instrument
from app.policy import Actor, Permission
from app.workflows import payment_resolution, payments, steps
from app.workflows.payments import NOT_REACHED, Order


@dataclass(frozen=True, kw_only=True)
class Checkout:
    """Where the person goes on; no address when the payment is decided already."""

    payment: Payment
    url: str | None
    expires_at: datetime | None = None


def start_zeropay(*, actor: Actor, deal_id: int, idempotency_key: str, return_url: str) -> Checkout:
    """Hold the money and open ZeroPay's window; the same key again gives the same window (R-PAY-4).

    Raises Refusal for what the rules forbid. A window that cannot be opened is a FAILED payment.
    """
    order = payments.hold(
        actor=actor,
        deal_id=deal_id,
        idempotency_key=idempotency_key,
        order_id=payments.new_order_id(),
        card=False,
    )
    with transaction() as session:
        payment = session.get_one(Payment, order.payment_id)
        wallet_id = _wallet_of(payment.company_id)
        pending = payment.state is PaymentState.PENDING
    if not pending:
        return Checkout(payment=payment, url=None)
    steps.reached("payment.held")
    return _open(order, wallet_id=wallet_id, return_url=return_url)


def _wallet_of(company_id: int) -> str:
    query = select(Instrument.issuer_reference).where(Instrument.company_id == company_id)
    return db.session.execute(query).scalar_one() or ""


def _open(order: Order, *, wallet_id: str, return_url: str) -> Checkout:
    try:
        window = gateways.get().zeropay.order(
            order_id=order.order_id,
            amount=order.total,
            order_name=order.name,
            wallet_id=wallet_id,
            return_url=return_url,
            own_share=order.own,
            idempotency_key=f"{order.key}:window",
        )
    except Refused as refused:
        failed = Failed(refused.code, refused.korean)
    except (Unknown, Unavailable):
        # Even if the window stands open somewhere: nobody has its address, and nothing is taken without us.
        failed = Failed("UNAVAILABLE", NOT_REACHED)
    else:
        payment = db.session.get_one(Payment, order.payment_id)
        return Checkout(payment=payment, url=window.url, expires_at=window.expires_at)
    return Checkout(payment=payments.settle(payment_id=order.payment_id, outcome=failed), url=None)


def finish_zeropay(*, actor: Actor, params: Mapping[str, str]) -> Payment:
    """Take the money after the person came back with ZeroPay's signature; a repeat changes nothing (R-PAY-4).

    Raises InvalidInput for a return address that ZeroPay did not sign for this order, NotFound for another's.
    """
    policy.require(actor, Permission.PAYMENT_MAKE)
    try:
        result = gateways.get().zeropay.verify_return(params=params)
    except Forged:
        raise InvalidInput(
            "payment.return",
            "제로페이의 결제 결과를 확인할 수 없습니다. '서비스 결제 관리'에서 결과를 확인해 주세요.",
        ) from None
    with transaction():
        order, state = _returned(actor, result)
    if state is not PaymentState.PENDING:
        return db.session.get_one(Payment, order.payment_id)
    if not result.approved:
        return payment_resolution.resolve_one(payment_id=order.payment_id)
    return payments.conclude(
        order,
        lambda: gateways.get().zeropay.confirm(
            payment_key=result.payment_key,
            order_id=order.order_id,
            amount=order.total,
            idempotency_key=order.key,
            requested_at=order.pressed_at,
        ),
        # The return address may be opened again, or in two tabs, while an earlier confirm is on its way.
        first=False,
    )


def _returned(actor: Actor, result: ReturnResult) -> tuple[Order, PaymentState]:
    query = select(Payment).where(Payment.order_id == result.order_id)
    payment = db.session.execute(query).scalar_one_or_none()
    if payment is None:
        raise NotFound()
    policy.require_own(actor, payment)
    if result.amount != payment.total:
        raise InvalidInput(
            "payment.return_amount", "제로페이가 알린 금액이 청구 금액과 다릅니다. 콜센터에 문의해 주세요."
        )
    return payments.order_of(payment), payment.state
