"""Payment by ZeroPay certificate: the person approves in ZeroPay's own window, and we confirm (R-PAY-1).

The money is taken by our confirms alone: whoever walks away has paid nothing, and the asking finds it out.
One window may show several bills; each is held, confirmed and settled on its own (R-PAY-5).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from app import clock, gateways, policy
from app.db import db, transaction
from app.errors import InvalidInput, NotFound, Refusal
from app.gateways.errors import Forged, Refused, Unavailable, Unknown
from app.gateways.payments import Failed
from app.gateways.zeropay import Checkout as Window
from app.gateways.zeropay import ReturnedOrder, ReturnResult, WindowOrder
from app.models.payments import WHATEVER_STATE, Payment, PaymentState
from app.models.vouchers import Instrument
from app.policy import Actor, Permission
from app.workflows import payment_resolution, payments, steps
from app.workflows.card_payments import MOST_BILLS, PATIENCE, too_many
from app.workflows.payments import NOT_REACHED, Order


@dataclass(frozen=True, kw_only=True)
class Checkout:
    """Where the person goes on; no address where the payment is decided, or its window is not to be had."""

    payment: Payment
    url: str | None
    expires_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Checkouts:
    """Several bills in one window: their payments, and what is in the way of the others, by deal."""

    payments: list[Payment]
    refusals: dict[int, Refusal]
    url: str | None


def start_zeropay(*, actor: Actor, deal_id: int, idempotency_key: str, return_url: str) -> Checkout:
    """Hold the money and open ZeroPay's window; the same key again gives the same window (R-PAY-4).

    Raises Refusal for what the rules forbid. A window that cannot be opened is a FAILED payment.
    """
    order = _hold(actor, deal_id, idempotency_key)
    window = _open(actor, [order], return_url)
    payment = db.session.get_one(Payment, order.payment_id)
    return Checkout(
        payment=payment,
        url=window.url if window else None,
        expires_at=window.expires_at if window else None,
    )


def start_zeropays(
    *, actor: Actor, deal_ids: Sequence[int], idempotency_key: str, return_url: str
) -> Checkouts:
    """장바구니: hold the money of each bill that can be paid, and open one window for all of them (R-PAY-5).

    Each bill has a key of its own, made from the press's: the same press again gives the same window.
    """
    policy.require(actor, Permission.PAYMENT_MAKE)
    orders: list[Order] = []
    refusals: dict[int, Refusal] = {}
    for deal_id in dict.fromkeys(deal_ids):
        try:
            if len(orders) == MOST_BILLS:
                raise too_many()
            orders.append(_hold(actor, deal_id, f"{idempotency_key}:{deal_id}"))
        except Refusal as refusal:
            refusals[deal_id] = refusal
    window = _open(actor, orders, return_url)
    return Checkouts(payments=_payments(orders), refusals=refusals, url=window.url if window else None)


def _hold(actor: Actor, deal_id: int, idempotency_key: str) -> Order:
    order = payments.hold(
        actor=actor,
        deal_id=deal_id,
        idempotency_key=idempotency_key,
        order_id=payments.new_order_id(),
        card=False,
    )
    steps.reached("payment.held")
    return order


def _open(actor: Actor, orders: Sequence[Order], return_url: str) -> Window | None:
    """The window for those that are not decided yet; None where there is none to be had.

    Then what this press alone has begun has FAILED: nobody has the window's address, and nothing is taken
    without us. What an earlier press began may be on its way, and is asked for instead.
    """
    open_orders, wallet_id = _undecided(actor, orders)
    if not open_orders:
        return None
    try:
        return gateways.get().zeropay.order(
            orders=[
                WindowOrder(order_id=each.order_id, amount=each.total, name=each.name, own_share=each.own)
                for each in open_orders
            ],
            wallet_id=wallet_id,
            return_url=return_url,
            idempotency_key=_window_key(open_orders, return_url),
        )
    except Refused as refused:
        failed = Failed(refused.code, refused.korean)
    except (Unknown, Unavailable):
        failed = Failed("UNAVAILABLE", NOT_REACHED)
    if all(order.is_new for order in orders):
        for order in open_orders:
            payments.settle(payment_id=order.payment_id, outcome=failed)
    return None


def _undecided(actor: Actor, orders: Sequence[Order]) -> tuple[list[Order], str]:
    ids = [order.payment_id for order in orders]
    pending = select(Payment.id).where(Payment.id.in_(ids), Payment.state == PaymentState.PENDING)
    wallet = select(Instrument.issuer_reference).where(Instrument.company_id == actor.company_id)
    with transaction() as session:
        still = set(session.scalars(pending))
        wallet_id = session.scalar(wallet) or ""
    return [order for order in orders if order.payment_id in still], wallet_id


def _window_key(orders: Sequence[Order], return_url: str) -> str:
    """The same bills of the same presses share a window that leads back to the same place. One of the cart is
    opened again by itself: in a window of its own, which takes the bill over."""
    told = "|".join([*(order.key for order in orders), return_url])
    return "window:" + hashlib.sha256(told.encode()).hexdigest()


def _payments(orders: Sequence[Order]) -> list[Payment]:
    return [db.session.get_one(Payment, order.payment_id) for order in orders]


def finish_zeropay(*, actor: Actor, params: Mapping[str, str]) -> Payment:
    """As `finish_zeropays`, for a window of one bill."""
    [payment] = finish_zeropays(actor=actor, params=params)
    return payment


def finish_zeropays(*, actor: Actor, params: Mapping[str, str]) -> list[Payment]:
    """Take the money after the person came back with ZeroPay's signature; a repeat changes nothing (R-PAY-4).

    Raises InvalidInput for a return address that ZeroPay did not sign so, NotFound for another's orders.
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
        returned = [(each, *_returned(actor, each)) for each in result.orders]
    patience = clock.real_now() + PATIENCE
    for each, order, state in returned:
        if state is PaymentState.PENDING:
            _finish(result, each, order, in_time=clock.real_now() < patience)
    return _payments([order for _, order, _ in returned])


def _returned(actor: Actor, returned: ReturnedOrder) -> tuple[Order, PaymentState]:
    query = select(Payment).where(Payment.order_id == returned.order_id, WHATEVER_STATE)
    payment = db.session.execute(query).scalar_one_or_none()
    if payment is None:
        raise NotFound()
    policy.require_own(actor, payment)
    if returned.amount != payment.total:
        raise InvalidInput(
            "payment.return_amount", "제로페이가 알린 금액이 청구 금액과 다릅니다. 콜센터에 문의해 주세요."
        )
    return payments.order_of(payment), payment.state


def _finish(result: ReturnResult, returned: ReturnedOrder, order: Order, *, in_time: bool) -> None:
    if not result.approved:
        payment_resolution.resolve_one(payment_id=order.payment_id)
    elif not in_time:
        # Not taken: ZeroPay closes the order by itself, and the asking finds that out.
        payments.ask_soon(payment_id=order.payment_id)
    else:
        payments.conclude(
            order,
            lambda: gateways.get().zeropay.confirm(
                payment_key=returned.payment_key,
                order_id=order.order_id,
                amount=order.total,
                idempotency_key=order.key,
                requested_at=order.pressed_at,
            ),
            # The return address may be opened again, or in two tabs, while an earlier confirm is on its way.
            first=False,
        )
