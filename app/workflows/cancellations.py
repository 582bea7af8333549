"""Cancelling a payment: by the company on its Korean day, later by the supplier only (R-PAY-6); by the clock
for want of use (R-SET-1a).

As with the payment itself, the intent is committed with its key before the gateway is asked, and what is not
known stays 취소중 until it is.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from app import clock, gateways, policy
from app.db import db, lock, transaction
from app.errors import Conflict
from app.gateways.errors import Refused, Unavailable, Unknown
from app.gateways.payments import Cancellation, Cancelled, PaymentGateway
from app.models.ledger import JournalKind, LedgerAccount
from app.models.payments import NOT_FAILED, Payment, PaymentState, SlipKind
from app.models.record import AuditRow
from app.models.vouchers import InstrumentKind, Voucher
from app.policy import CLOCK, Actor
from app.workflows import deals, payments, record, slips, steps, vouchers
from app.workflows.lifecycle import fire
from app.workflows.payment_lifecycle import PAYMENT

log = logging.getLogger(__name__)

# The person's own words stay with us; the same words each time, for the same key must carry the same request.
REASON_FOR_GATEWAY = "바우처 결제취소"


@dataclass(frozen=True, kw_only=True)
class Intent:
    """A committed cancellation as the gateway is told of it: plain values, no transaction is open then."""

    payment_id: int
    kind: InstrumentKind
    payment_key: str
    cancel_key: str
    amount: int
    pressed_at: datetime


def cancel_today(*, actor: Actor, payment_id: int, reason: str) -> Payment:
    """The company takes its payment back, until 24:00 of the Korean day of payment (R-PAY-6).

    Ends CANCELLED, CANCELLING (outcome unknown) or PAID (the gateway refused: `failure_text` says why).
    Raises NotFound, Denied, Conflict, InvalidInput. Again after it began: changes nothing.
    """
    return _cancel(actor, payment_id, "cancel_today", reason)


def cancel_late(*, actor: Actor, payment_id: int, reason: str) -> Payment:
    """The supplier cancels, after the Korean day of payment; outcomes and errors as with `cancel_today`."""
    return _cancel(actor, payment_id, "cancel_late", reason)


def cancel_idle(*, payment_id: int, reason: str, is_idle: Callable[[], bool]) -> Payment:
    """The clock cancels what was paid and is not used (R-SET-1a); outcomes as with `cancel_today`.

    Whose turn it is does not matter: neither side presses. What was settled is clawed back (R-PAY-6).
    `is_idle` is asked in the transaction that decides, with the payment locked; where it says no, nothing
    is cancelled.
    """
    return _cancel(CLOCK, payment_id, "cancel_idle", reason, is_idle)


def cancellable_by(*, actor: Actor, payment: Payment) -> bool:
    """Whether this person's button is there: the edge is open, and it is this side's turn."""
    actions = {edge.action for edge in PAYMENT.open_to(actor, payment)}
    return ("cancel_today" if _is_today(payment) else "cancel_late") in actions


def _is_today(payment: Payment) -> bool:
    return payment.paid_at is not None and clock.today() == clock.korean_day(payment.paid_at)


def _cancel(
    actor: Actor, payment_id: int, action: str, reason: str, still: Callable[[], bool] = lambda: True
) -> Payment:
    intent = _intend(actor, payment_id, action, reason, still)
    if intent is None:
        return db.session.get_one(Payment, payment_id)
    steps.reached("cancellation.intended")
    return carry_out(intent)


def _intend(
    actor: Actor, payment_id: int, action: str, reason: str, still: Callable[[], bool]
) -> Intent | None:
    """Commit the intent at the instant of the press; None where it was before, or is not wanted any more."""
    with clock.at(clock.now()), transaction():
        payment = lock(Payment, payment_id)
        policy.require_own(actor, payment)
        policy.require(actor, PAYMENT.of(action)[0].permission)
        if payment.state in (PaymentState.CANCELLING, PaymentState.CANCELLED):
            return None
        if payment.state is PaymentState.PAID:
            _refuse_out_of_turn(payment, action)
        if not still():
            return None
        changes = {
            "cancel_key": secrets.token_urlsafe(24),
            "cancel_pressed_at": clock.now(),
            "cancel_reason": reason.strip(),
            "failure_code": None,
            "failure_text": None,
            "ask_again_at": clock.real_now() + payments.ASK_FIRST,
            "asked": 0,
        }
        name = payment.deal.offering.name if action == "cancel_idle" else ""
        fire(PAYMENT, payment_id, action, actor=actor, name=name, reason=reason, changes=changes)
        steps.reached("cancellation.intend.written")
        return intent_of(payment)


def _refuse_out_of_turn(payment: Payment, action: str) -> None:
    """At each instant one side alone may cancel: the company on the day, the supplier after it (R-PAY-6)."""
    if action == "cancel_today" and not _is_today(payment):
        raise Conflict(
            "payment.cancel_today.late",
            "결제한 날이 지나 직접 취소할 수 없습니다. 공급기업에 결제취소를 요청해 주세요.",
        )
    if action == "cancel_late" and _is_today(payment):
        raise Conflict(
            "payment.cancel_late.early",
            "결제 당일 24:00까지는 수요기업만 취소할 수 있습니다. 그 뒤에 다시 눌러 주세요.",
        )


def intent_of(payment: Payment) -> Intent:
    """Of a payment in 취소중. Raises ValueError for one that lacks what its state promises."""
    if payment.payment_key is None or payment.cancel_key is None or payment.cancel_pressed_at is None:
        raise ValueError(f"payment {payment.id} is being cancelled without its keys")
    return Intent(
        payment_id=payment.id,
        kind=payment.instrument_kind,
        payment_key=payment.payment_key,
        cancel_key=payment.cancel_key,
        amount=payment.total,
        pressed_at=payment.cancel_pressed_at,
    )


def gateway_of(kind: InstrumentKind) -> PaymentGateway:
    return gateways.get().card if kind.is_card else gateways.get().zeropay


def return_charge(payload: Mapping[str, Any], key: str, /) -> None:
    """The outbox handler of 'return_charge': give back what a gateway took for a payment that had failed.

    Raises GatewayError while it is not known to be given back; the outbox then tries again.
    """
    with transaction() as session:
        payment = lock(Payment, payload["payment_id"])
        kind, order_id = payment.instrument_kind, payment.order_id
        lives = session.execute(select(Payment.id).where(Payment.order_id == order_id, NOT_FAILED)).first()
    if lives is not None:
        log.error("a charge that pays a later press is kept", extra={"payment_id": payload["payment_id"]})
        return
    gateway = gateway_of(kind)
    try:
        gateway.cancel(
            payment_key=payload["payment_key"],
            amount=payload["amount"],
            reason=REASON_FOR_GATEWAY,
            idempotency_key=key,
        )
    except Unknown:
        found = gateway.find(order_id=order_id)
        if not (isinstance(found, Cancelled) and found.balance == 0):
            raise
    with transaction():
        lock(Payment, payload["payment_id"])
        record.write("payment", payload["payment_id"], "return_charge", actor=CLOCK)


NOT_YET = {"FORBIDDEN_CONSECUTIVE_REQUEST", "PROVIDER_ERROR"}
"""What a gateway answers to a repeat while it still works on the first request: no refusal of that."""


def carry_out(intent: Intent, *, first: bool = True) -> Payment:
    """Ask the gateway for what is intended, and enter its answer. Harmless to repeat: the key is the same.

    `first` is False where an earlier request may be on its way: some refusals then say nothing of that one.
    """
    outcome: Cancellation | Refused
    try:
        outcome = gateway_of(intent.kind).cancel(
            payment_key=intent.payment_key,
            amount=intent.amount,
            reason=REASON_FOR_GATEWAY,
            idempotency_key=intent.cancel_key,
            requested_at=intent.pressed_at,
        )
    except Refused as refused:
        if not first and refused.code in NOT_YET:
            return payments.ask_soon(payment_id=intent.payment_id)
        outcome = refused
    except (Unknown, Unavailable) as unknown:
        # Not reached is as good as unknown: the person pressed in time, so it is asked for again.
        log.warning(
            "cancellation outcome unknown", extra={"payment_id": intent.payment_id, "why": unknown.reason}
        )
        return payments.ask_soon(payment_id=intent.payment_id)
    steps.reached("cancellation.answered")
    payment = settle(payment_id=intent.payment_id, outcome=outcome)
    steps.reached("cancellation.settled")
    return payment


def settle(*, payment_id: int, outcome: Cancellation | Refused) -> Payment:
    """Enter what the gateway said; whoever comes second changes nothing (R-PAY-4)."""
    with transaction():
        payment = lock(Payment, payment_id)
        if payment.state is not PaymentState.CANCELLING:
            return payment
        if isinstance(outcome, Refused):
            return _refuse(payment, outcome)
        return _complete(payment, outcome)


def _complete(payment: Payment, cancellation: Cancellation) -> Payment:
    """The parts go back to the voucher, or to the budget; what the supplier was owed sinks by as much.

    Where it was settled already, the supplier owes it now, and the next batch takes it back (환수).
    """
    fire(
        PAYMENT,
        payment.id,
        "cancelled",
        actor=CLOCK,
        reason=payment.cancel_reason,
        changes={"cancelled_at": cancellation.cancelled_at, "ask_again_at": None},
    )
    deals.mark_payment_cancelled(deal_id=payment.deal_id, actor=CLOCK, reason=_whose_press(payment))
    payments.give_back(payment, JournalKind.CANCELLATION, source=(LedgerAccount.PAYABLE, payment.supplier_id))
    slips.ask(payment.id, SlipKind.CANCELLATION)
    steps.reached("cancellation.settle.written")
    return payment


_WHOSE = {
    "cancel_today": "수요기업이 요청한 취소입니다.",
    "cancel_late": "공급기업이 요청한 취소입니다.",
    "cancel_idle": "이용실적이 없어 시스템이 취소했습니다.",
}


def _whose_press(payment: Payment) -> str:
    """For those who are told: who wanted it, as the trail has kept it (R-PAY-6, R-SET-1a)."""
    intents = (
        select(AuditRow.action)
        .where(AuditRow.entity == PAYMENT.entity, AuditRow.entity_id == payment.id)
        .where(AuditRow.action.in_(_WHOSE))
        .order_by(AuditRow.seq.desc())
    )
    whose = _WHOSE[db.session.scalars(intents.limit(1)).one()]
    return f"{whose} 사유: {payment.cancel_reason}" if payment.cancel_reason else whose


def _refuse(payment: Payment, refused: Refused) -> Payment:
    fire(
        PAYMENT,
        payment.id,
        "cancel_refused",
        actor=CLOCK,
        name=payment.deal.offering.name,
        reason=refused.korean,
        changes={"failure_code": refused.code, "failure_text": refused.korean, "ask_again_at": None},
    )
    # A voucher that was emptied meanwhile waited for this answer before it became 소진.
    vouchers.after_payment(lock(Voucher, payment.voucher_id))
    return payment
