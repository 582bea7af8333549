"""Outcomes that nobody knows are asked for until they are known (R-PAY-4).

Each turn is claimed for a short while; then the gateway is asked, outside any transaction, and the next turn
is set, further off each time. Whoever dies in between is followed up when the claim is over. What is decided
may be asked about as well: payment_returns.py gives back what a gateway took for a payment that failed.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, bindparam, case, select, update

from app import clock, gateways
from app.db import db, transaction
from app.errors import NotFound as Nothing
from app.gateways import callbacks
from app.gateways.errors import Forged as Forged
from app.gateways.errors import GatewayError, Refused, Unavailable
from app.gateways.payments import Approval, Cancelled, Failed, Found, InProgress, NotFound
from app.models.payments import (
    UNDECIDED,
    WHATEVER_STATE,
    CardAuthentication,
    Payment,
    PaymentState,
    UnknownWhy,
)
from app.models.vouchers import InstrumentKind
from app.workflows import cancellations, payment_returns, payments, steps
from app.workflows.payment_returns import TAKEN_BACK as TAKEN_BACK
from app.workflows.payment_returns import Case

log = logging.getLogger(__name__)

CARDS = tuple(kind for kind in InstrumentKind if kind.is_card)
SYSTEMS = {"card": CARDS, "zeropay": (InstrumentKind.ZEROPAY,)}
LONGEST_SECONDS = 900
OPEN_ORDER_WAIT = timedelta(seconds=60)
"""An order that a person left is closed by the gateway within minutes: its money is not held much longer."""
NEVER_ASKED = Failed("NOT_FOUND_PAYMENT", "결제가 시작되지 않아 돈이 나가지 않았습니다. 다시 결제해 주세요.")
ASKED_ENOUGH = 5
"""How often, over more than a minute, a gateway must say that it does not know an order before it counts as
never made: a press that is still on its way looks the same at first. Silence says no such thing."""
AT_ONCE = 2
CLAIM = timedelta(seconds=25)
"""Longer than so many questions take at worst, each 3 s for a connection and 8 s for the answer."""
TURN = timedelta(seconds=45)
"""How long one run takes up new questions: well inside its job's time-out, however slow the gateways are."""


@dataclass(frozen=True)
class Resolved:
    """What became of those asked about."""

    asked: int = 0
    paid: int = 0
    failed: int = 0
    cancelled: int = 0
    refused: int = 0
    """Cancellations that the gateway turned down: paid as before."""
    returned: int = 0
    """Failed payments whose charge went back."""
    settled: int = 0
    """Decided ones that were asked about once more, and all was well."""
    unknown: int = 0


def resolve(*, limit: int = 100) -> Resolved:
    """Ask about what is due, one after the other. Any number may run: each takes what no other has taken.

    A gateway that answers none of a handful is left alone until the next run, so that it does not hold up
    what the other one knows.
    """
    counts = dict.fromkeys(
        ("paid", "failed", "cancelled", "refused", "returned", "settled", "unknown", "asked"), 0
    )
    until = clock.real_now() + TURN
    for kinds in SYSTEMS.values():
        for due in (undecided(), watched()):
            _ask_by_turns(kinds, due, limit, until, counts)
    return Resolved(**counts)


def resolve_one(*, payment_id: int) -> Payment:
    """Ask about one payment now, whenever its turn would be."""
    with transaction() as session:
        payment = session.get_one(Payment, payment_id, populate_existing=True)
        due = payment.state in UNDECIDED or payment.ask_again_at is not None
        asked = _case(payment, payment.ask_again_at)
    if due:
        _ask_about(asked)
    with transaction() as session:
        # Not left open behind: whoever asked may go on to ask the gateway more.
        return session.get_one(Payment, payment_id, populate_existing=True)


def undecided() -> ColumnElement[bool]:
    return Payment.state.in_(_states())


def watched() -> ColumnElement[bool]:
    """Decided, and yet to be asked about."""
    return Payment.state.not_in(_states()) & Payment.ask_again_at.is_not(None)


def _states() -> BindParameter[tuple[PaymentState, ...]]:
    # Written out: a plan that is made for any parameter would not find the partial indexes.
    return bindparam(None, UNDECIDED, type_=Payment.state.type, expanding=True, literal_execute=True)


def _ask_by_turns(
    kinds: tuple[InstrumentKind, ...],
    due: ColumnElement[bool],
    limit: int,
    until: datetime,
    counts: dict[str, int],
) -> None:
    left = limit
    while left > 0 and clock.real_now() < until:
        cases = _claim(kinds, due, min(AT_ONCE, left))
        if not cases:
            return
        steps.reached("resolution.claimed")
        heard = False
        for asked in cases:
            if clock.real_now() >= until:
                return
            outcome, answered = _ask_about(asked)
            counts[outcome] += 1
            counts["asked"] += 1
            heard |= answered
        if not heard:
            return
        left -= len(cases)


def _claim(kinds: tuple[InstrumentKind, ...], which: ColumnElement[bool], limit: int) -> list[Case]:
    """Take what is due by putting it off for as long as the asking may take: no lock is kept meanwhile."""
    due = (
        select(Payment.id)
        .where(which, Payment.ask_again_at <= clock.real_now(), Payment.instrument_kind.in_(kinds))
        .order_by(Payment.ask_again_at, Payment.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("due")
    )
    with transaction() as session:
        claimed = update(Payment).where(Payment.id.in_(select(due.c.id)))
        claimed = claimed.values(ask_again_at=clock.real_now() + CLAIM, asked=Payment.asked + 1)
        rows = session.execute(
            claimed.returning(Payment).execution_options(synchronize_session=False, populate_existing=True)
        )
        turns = [(payment, clock.real_now() + _pause(payment.asked)) for payment in rows.scalars()]
        return [_case(payment, turn, is_turn=True) for payment, turn in turns]


def _pause(asked: int) -> timedelta:
    """Until the next turn, after so many."""
    return timedelta(seconds=min(LONGEST_SECONDS, 5 * 2 ** min(asked - 1, 10)))


def _case(payment: Payment, next_turn: datetime | None, *, is_turn: bool = False) -> Case:
    return Case(
        payment_id=payment.id,
        order_id=payment.order_id,
        kind=payment.instrument_kind,
        state=payment.state,
        total=payment.total,
        not_there=payment.not_there,
        claimed_until=payment.ask_again_at,
        next_turn=next_turn,
        is_turn=is_turn,
    )


def _ask_about(asked: Case) -> tuple[str, bool]:
    """The name of the count in `Resolved` that this outcome adds to, and whether the gateway answered."""
    answered = False
    try:
        found = cancellations.gateway_of(asked.kind).find(order_id=asked.order_id)
        answered = True
        steps.reached("resolution.answered")
        why = _decide(asked, found)
    except GatewayError as error:
        # A refusal to answer is no answer either: our key may be wrong, the payment is not.
        why = _why(error)
    except Exception:
        # One that cannot be entered must not stop those behind it.
        db.session.rollback()
        log.exception("an outcome could not be entered", extra={"payment_id": asked.payment_id})
        why = UnknownWhy.FAULT
    return _noted(asked, why), answered


def _why(error: GatewayError) -> UnknownWhy:
    if isinstance(error, Unavailable):
        return UnknownWhy.UNREACHABLE
    return UnknownWhy.TURNED_AWAY if isinstance(error, Refused) else UnknownWhy.NO_ANSWER


def _decide(asked: Case, found: Found) -> UnknownWhy | None:
    """Enter what the gateway says; why it is not known, where it does not say enough."""
    if asked.state is PaymentState.PENDING:
        return _decide_payment(asked, found)
    if asked.state is PaymentState.CANCELLING:
        return _decide_cancellation(asked, found)
    return payment_returns.look_again(asked, found)


def _decide_payment(asked: Case, found: Found) -> UnknownWhy | None:
    outcome: Approval | Failed
    match found:
        case Approval() if found.amount != asked.total:
            return UnknownWhy.AMOUNT
        case Approval() | Failed():
            outcome = found
        case NotFound():
            if asked.not_there + 1 < ASKED_ENOUGH:
                return UnknownWhy.NOT_THERE
            with transaction():
                payments.settle(payment_id=asked.payment_id, outcome=NEVER_ASKED)
                payment_returns.watch(payment_id=asked.payment_id)
            return None
        case Cancelled():
            # Somebody took it back at the gateway: no payment of ours is paid in part, so the rest goes too.
            if not payment_returns.give_rest_back(asked, found):
                return UnknownWhy.RETURN_REFUSED
            outcome = TAKEN_BACK
        case InProgress():
            return UnknownWhy.IN_PROGRESS
    payments.settle(payment_id=asked.payment_id, outcome=outcome)
    return None


def _decide_cancellation(asked: Case, found: Found) -> UnknownWhy | None:
    match found:
        case Cancelled(balance=0, cancellations=[*_, last]):
            cancellations.settle(payment_id=asked.payment_id, outcome=last)
            return None
        case Approval() | Cancelled():
            # Where a part is gone already, the gateway refuses the whole: that decides it as well.
            with transaction() as session:
                payment = session.get_one(Payment, asked.payment_id, populate_existing=True)
                if payment.state is not PaymentState.CANCELLING:
                    return None
                intent = cancellations.intent_of(payment)
            cancellations.carry_out(intent, first=False)
            return UnknownWhy.NOT_CANCELLED
    log.error("cancellation of a payment that is none", extra={"payment_id": asked.payment_id})
    return UnknownWhy.CONTRADICTION


def _noted(asked: Case, why: UnknownWhy | None) -> str:
    """Keep what came of the asking for those who look at the list."""
    now = clock.real_now()
    values: dict[str, Any] = {"asked_at": now, "unknown_why": why and why.value}
    if why is UnknownWhy.NOT_THERE and asked.is_turn:
        values["not_there"] = Payment.not_there + 1
    with transaction() as session:
        # Reading a row opens a transaction: it must not stay open while the next one is asked about.
        statement = update(Payment).where(Payment.id == asked.payment_id).values(values)
        payment = session.execute(
            statement.returning(Payment).execution_options(synchronize_session=False, populate_existing=True)
        ).scalar_one()
        if payment.state in UNDECIDED:
            _set_turn(asked, why, now)
        elif why is not None and payment.ask_again_at is not None:
            _set_turn(asked, why, now)
        else:
            payment.unknown_why = None
        return _outcome(asked, payment)


def _set_turn(asked: Case, why: UnknownWhy | None, now: datetime) -> None:
    """The turn that was worked out, whatever a repeated cancellation set; but what a call-back set stays."""
    turn = asked.next_turn or now
    if why is UnknownWhy.IN_PROGRESS:
        turn = min(turn, now + OPEN_ORDER_WAIT)
    hinted = (Payment.ask_again_at <= now) & Payment.ask_again_at.is_distinct_from(asked.claimed_until)
    later = case((hinted, Payment.ask_again_at), else_=turn)
    db.session.execute(update(Payment).where(Payment.id == asked.payment_id).values(ask_again_at=later))


def _outcome(asked: Case, payment: Payment) -> str:
    if payment.state in UNDECIDED:
        return "unknown"
    if asked.state not in UNDECIDED:
        if payment.ask_again_at is not None:
            return "unknown"
        return "returned" if payment.returned_at is not None else "settled"
    if payment.state is PaymentState.PAID:
        return "paid" if asked.state is PaymentState.PENDING else "refused"
    return "failed" if payment.state is PaymentState.FAILED else "cancelled"


def take_callback(*, system: str, headers: Mapping[str, str], body: bytes) -> bool:
    """A gateway's hint that an order changed: it is asked for in the next turn, whatever the hint says.

    `system` is card or zeropay. True where the order is asked for. Raises Forged; and NotFound for an order
    that we never made.
    """
    outer = {"card": gateways.get().card, "zeropay": gateways.get().zeropay}.get(system)
    if outer is None:
        raise Forged("no such system")
    secret = outer.transport.endpoint.secret
    hint = callbacks.verify(headers=headers, body=body, secret=secret, now=clock.real_now())
    with transaction() as session:
        ours = select(Payment).where(
            Payment.order_id == hint.order_id,
            WHATEVER_STATE,
            Payment.instrument_kind.in_(SYSTEMS[system]),
        )
        presses = list(session.execute(ours.order_by(Payment.id)).scalars())
        if presses:
            return _ask_next(presses, hint.status)
        begun = select(CardAuthentication.id).where(CardAuthentication.order_id == hint.order_id)
        if system == "card" and session.execute(begun).first() is not None:
            return False  # a code was sent, and nobody pressed
    log.warning("call-back about an order that is none of ours", extra={"system": system})
    raise Nothing("callback.unknown_order", "이 가맹점의 주문이 아닙니다.")


TOLD_ALREADY = {PaymentState.PAID: "DONE", PaymentState.CANCELLED: "CANCELED"}
"""What a gateway's call-back says about every payment and every cancellation that we entered ourselves."""


def _ask_next(presses: list[Payment], status: str) -> bool:
    """Of several presses of one order, the one that is not failed speaks for it, or else the last."""
    speaks = next((payment for payment in presses if payment.state is not PaymentState.FAILED), presses[-1])
    if TOLD_ALREADY.get(speaks.state) == status:
        return False
    if speaks.state is PaymentState.FAILED and speaks.returned_at is not None:
        return False
    same = update(Payment).where(Payment.id == speaks.id, Payment.state == speaks.state)
    db.session.execute(same.values(ask_again_at=clock.real_now()))
    return True
