"""Outcomes nobody knows are asked for until they are known (R-PAY-4); our book against the gateways'."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import func, select, update

from app import clock, gateways
from app.db import db, transaction
from app.gateways import callbacks
from app.gateways.errors import Forged as Forged
from app.gateways.errors import GatewayError, Refused, Unavailable, Unknown
from app.gateways.payments import Approval, Cancelled, Failed, Found, InProgress, NotFound
from app.models.payments import Payment, PaymentState
from app.models.vouchers import InstrumentKind
from app.workflows import cancellations, payments

log = logging.getLogger(__name__)

UNDECIDED = (PaymentState.PENDING, PaymentState.CANCELLING)
LONGEST_SECONDS = 900
NEVER_ASKED = Failed("NOT_FOUND_PAYMENT", "결제가 시작되지 않아 돈이 나가지 않았습니다. 다시 결제해 주세요.")
ASKED_ENOUGH = 4
"""How often, over more than a minute, a gateway must not know an order before it counts as never made: a
press that is still on its way looks the same at first."""
TAKEN_BACK = Failed("CANCELED", "결제 기관에서 취소된 결제입니다. 다시 결제해 주세요.")


@dataclass(frozen=True)
class Resolved:
    """What became of those asked about."""

    asked: int = 0
    paid: int = 0
    failed: int = 0
    cancelled: int = 0
    refused: int = 0
    unknown: int = 0


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One payment on which the books do not agree."""

    payment_id: int
    order_id: str
    ours: str
    theirs: str


@dataclass(frozen=True, kw_only=True)
class Reconciliation:
    checked: int
    unanswered: int
    """The gateway could not be asked about so many."""
    differences: list[Difference] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class _Case:
    """A payment as plain values: no transaction stays open while its gateway is asked."""

    payment_id: int
    order_id: str
    kind: InstrumentKind
    state: PaymentState
    total: int
    asked: int


def resolve(*, limit: int = 100) -> Resolved:
    """Ask about what is due, one after the other. Any number may run: each takes what no other has taken."""
    counts = dict.fromkeys(("paid", "failed", "cancelled", "refused", "unknown"), 0)
    due = _claim(limit)
    for case in due:
        counts[_ask_about(case)] += 1
    return Resolved(asked=len(due), **counts)


def resolve_one(*, payment_id: int) -> Payment:
    """Ask about one payment now, whenever its turn would be."""
    with transaction() as session:
        case = _case(session.get_one(Payment, payment_id, populate_existing=True))
    if case.state in UNDECIDED:
        _ask_about(case)
    return db.session.get_one(Payment, payment_id, populate_existing=True)


def _claim(limit: int) -> list[_Case]:
    """Take what is due by setting its next turn, further off each time: no lock is kept while asking."""
    due = (
        select(Payment.id)
        .where(Payment.state.in_(UNDECIDED), Payment.ask_again_at <= clock.real_now())
        .order_by(Payment.ask_again_at, Payment.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("due")
    )
    seconds = func.least(LONGEST_SECONDS, 5 * func.power(2, func.least(Payment.asked, 10)))
    later = clock.real_now() + func.make_interval(0, 0, 0, 0, 0, 0, seconds)
    with transaction() as session:
        claimed = update(Payment).where(Payment.id.in_(select(due.c.id)))
        claimed = claimed.values(ask_again_at=later, asked=Payment.asked + 1)
        rows = session.execute(
            claimed.returning(Payment).execution_options(synchronize_session=False, populate_existing=True)
        )
        return [_case(payment) for payment in rows.scalars()]


def _case(payment: Payment) -> _Case:
    return _Case(
        payment_id=payment.id,
        order_id=payment.order_id,
        kind=payment.instrument_kind,
        state=payment.state,
        total=payment.total,
        asked=payment.asked,
    )


def _ask_about(case: _Case) -> str:
    """Returns the name of the count in `Resolved` that this outcome adds to."""
    try:
        found = cancellations.gateway_of(case.kind).find(order_id=case.order_id)
    except GatewayError as error:
        # A refusal to answer is no answer either: our key may be wrong, the payment is not.
        log.warning("gateway cannot say", extra={"payment_id": case.payment_id, "why": type(error).__name__})
        return "unknown"
    if case.state is PaymentState.PENDING:
        payment = _decide_payment(case, found)
    else:
        payment = _decide_cancellation(case, found)
    with transaction():
        # Reading a row opens a transaction: it must not stay open while the next one is asked about.
        return _outcome(case, payment)


def _outcome(case: _Case, payment: Payment | None) -> str:
    if payment is None or payment.state in UNDECIDED:
        return "unknown"
    if payment.state is PaymentState.PAID:
        return "paid" if case.state is PaymentState.PENDING else "refused"
    return "failed" if payment.state is PaymentState.FAILED else "cancelled"


def _decide_payment(case: _Case, found: Found) -> Payment | None:
    outcome: Approval | Failed
    match found:
        case Approval() | Failed():
            outcome = found
        case NotFound():
            if case.asked < ASKED_ENOUGH:
                return None
            outcome = NEVER_ASKED
        case Cancelled(balance=0):
            outcome = TAKEN_BACK
        case Cancelled():
            log.error("partly cancelled before it was known", extra={"payment_id": case.payment_id})
            return None
        case InProgress():
            return None
    return payments.settle(payment_id=case.payment_id, outcome=outcome)


def _decide_cancellation(case: _Case, found: Found) -> Payment | None:
    if isinstance(found, Cancelled) and found.balance == 0 and found.cancellations:
        last = found.cancellations[-1]
        return cancellations.settle(payment_id=case.payment_id, outcome=last)
    if isinstance(found, Approval):
        with transaction() as session:
            payment = session.get_one(Payment, case.payment_id, populate_existing=True)
            if payment.state is not PaymentState.CANCELLING:
                return payment
            intent = cancellations.intent_of(payment)
        return cancellations.carry_out(intent)
    log.error("cancellation of a payment that is none", extra={"payment_id": case.payment_id})
    return None


def take_callback(*, system: str, headers: Mapping[str, str], body: bytes) -> bool:
    """A gateway's hint that an order changed: it is asked for in the next turn, whatever the hint says.

    `system` is card or zeropay. True where the order is of unknown outcome here. Raises Forged.
    """
    outer = {"card": gateways.get().card, "zeropay": gateways.get().zeropay}.get(system)
    if outer is None:
        raise Forged("no such system")
    secret = outer.transport.endpoint.secret
    hint = callbacks.verify(headers=headers, body=body, secret=secret, now=clock.real_now())
    with transaction() as session:
        statement = (
            update(Payment)
            .where(Payment.order_id == hint.order_id, Payment.state.in_(UNDECIDED))
            .values(ask_again_at=clock.real_now())
            .returning(Payment.id)
        )
        return session.execute(statement).first() is not None


def reconcile(*, since: datetime, until: datetime) -> Reconciliation:
    """Ask about every decided payment pressed in [since, until) and say where the books differ."""
    checked, unanswered, differences, after = 0, 0, [], 0
    while page := _decided(since, until, after):
        after = page[-1].payment_id
        for case in page:
            checked += 1
            try:
                found = cancellations.gateway_of(case.kind).find(order_id=case.order_id)
            except (Unknown, Unavailable, Refused):
                unanswered += 1
                continue
            differences += _differences(case, found)
    return Reconciliation(checked=checked, unanswered=unanswered, differences=differences)


def _decided(since: datetime, until: datetime, after: int, *, size: int = 500) -> list[_Case]:
    """A failed attempt at an order that a later press paid is left out: the order speaks for that one."""
    paid = select(Payment.order_id).where(Payment.state != PaymentState.FAILED)
    query = (
        select(Payment)
        .where(
            Payment.id > after,
            Payment.pressed_at >= since,
            Payment.pressed_at < until,
            Payment.state.not_in(UNDECIDED),
            (Payment.state != PaymentState.FAILED) | Payment.order_id.not_in(paid),
        )
        .order_by(Payment.id)
        .limit(size)
    )
    with transaction() as session:
        return [_case(payment) for payment in session.execute(query).scalars()]


def _differences(case: _Case, found: Found) -> list[Difference]:
    ours = case.total if case.state is PaymentState.PAID else 0
    match found:
        case Approval():
            theirs, text = found.amount, f"결제 {found.amount:,}원"
        case Cancelled():
            theirs, text = found.balance, f"취소 후 남은 결제 {found.balance:,}원"
        case NotFound():
            theirs, text = 0, "없는 주문"
        case _:
            theirs, text = 0, "결제되지 않음"
    if ours == theirs:
        return []
    mine = f"{case.state.label} {case.total:,}원"
    return [Difference(payment_id=case.payment_id, order_id=case.order_id, ours=mine, theirs=text)]
