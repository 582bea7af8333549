"""What deadlines do when they strike, and how they are worked out in words (R-TIME-1 to R-TIME-6)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import func, select, tuple_, update

from app import clock, policy
from app.db import db, transaction
from app.models.deals import Deal, DealState
from app.models.payments import Payment, PaymentState
from app.models.programme import Programme
from app.models.vouchers import Voucher, VoucherState
from app.policy import Actor, Permission
from app.workflows import programmes, vouchers
from app.workflows.deal_lifecycle import DEAL, LAPSE_REASONS
from app.workflows.lifecycle import fire_many

BATCH = 2000
Kind = Literal["consultation", "payment", "first_payment", "full_use"]


@dataclass(frozen=True, kw_only=True)
class SweepResult:
    """How many records each deadline ended."""

    consultations: int
    bills: int
    vouchers_revoked: int
    vouchers_expired: int


@dataclass(frozen=True, kw_only=True)
class Explanation:
    deadline: datetime
    text: str


def sweep(*, at: datetime | None = None, actor: Actor = policy.CLOCK) -> SweepResult:
    """End what was due by `at` (now by default): unanswered deals become 불가, unused vouchers end.

    What counts is the deadline, not when the sweep runs (R-TIME-6): late, twice, side by side or for a
    moment in the past, each record ends once, at its own deadline. Each batch is a transaction of its own.
    """
    policy.require(actor, Permission.CLOCKWORK)
    instant = at or clock.now()
    with clock.at(instant):
        consultations = _lapse(DealState.CONSULTING, instant, actor)
        bills = _lapse(DealState.BILLED, instant, actor)
        revoked, expired = _end_vouchers(instant)
    return SweepResult(
        consultations=consultations, bills=bills, vouchers_revoked=revoked, vouchers_expired=expired
    )


def _lapse(state: DealState, instant: datetime, actor: Actor) -> int:
    ended, last = 0, None
    while True:
        with transaction() as session:
            due = list(session.execute(_due(state, instant, last)))
            moved = _end([key for _due_at, key in due], state, instant, actor) if due else []
        ended += len(moved)
        if len(due) < BATCH:
            return ended
        last = due[-1]


def _due(state: DealState, instant: datetime, last: tuple[datetime, int] | None) -> Any:
    """The next batch, locked; what somebody else is answering at this moment is passed over.

    A bill under payment is decided by its press, not by this clock (R-VOU-3).
    """
    statement = select(Deal.due_at, Deal.id).where(Deal.state == state, Deal.due_at <= instant, ~_paying())
    if last is not None:
        statement = statement.where(tuple_(Deal.due_at, Deal.id) > last)
    return statement.order_by(Deal.due_at, Deal.id).limit(BATCH).with_for_update(of=Deal, skip_locked=True)


def _paying() -> Any:
    pending = Payment.state == PaymentState.PENDING
    return select(Payment.id).where(Payment.deal_id == Deal.id, pending).exists()


def _end(keys: list[int], state: DealState, instant: datetime, actor: Actor) -> list[int]:
    """The payments are looked at again: one may have begun between the batch's snapshot and its locks."""
    moved = fire_many(
        DEAL,
        keys,
        "lapse",
        actor=actor,
        source=state,
        reason=LAPSE_REASONS[state],
        changes={"reason": LAPSE_REASONS[state]},
        also=(Deal.due_at <= instant, ~_paying()),
    )
    if moved:
        db.session.execute(
            update(Deal)
            .where(Deal.id.in_(moved))
            .values(closed_at=Deal.due_at)
            .execution_options(synchronize_session=False)
        )
    return moved


def _end_vouchers(instant: datetime) -> tuple[int, int]:
    revoked = expired = 0
    while True:
        swept = vouchers.sweep(at=instant)
        if not swept.revoked and not swept.expired:
            return revoked, expired
        revoked += len(swept.revoked)
        expired += len(swept.expired)


def next_deadline(*, after: datetime) -> datetime | None:
    """The earliest deadline of an open deal or a usable voucher after an instant; None where none runs."""
    deal = select(func.min(Deal.due_at)).where(
        Deal.state.in_([DealState.CONSULTING, DealState.BILLED]), Deal.due_at > after
    )
    voucher = select(func.min(Voucher.due_at)).where(
        Voucher.state == VoucherState.USABLE, Voucher.due_at > after
    )
    found = [instant for instant in (db.session.scalar(deal), db.session.scalar(voucher)) if instant]
    return min(found, default=None)


def explain(*, kind: Kind, at: datetime, programme: Programme) -> Explanation:
    """A deadline that begins at `at`, with how it is reckoned in Korean (R-TIME-5a).

    For vouchers the day of `at` is the 선정일. Raises ValueError for another kind.
    """
    if kind in ("consultation", "payment"):
        asked = kind == "consultation"
        days = programme.consultation_days if asked else programme.payment_days
        business = programme.consultation_business if asked else programme.payment_business
        closed = programmes.closing_days(programme_id=programme.id) if business else frozenset()
        return Explanation(
            deadline=clock.deadline_after(at, days, business=business, closed=closed),
            text=clock.explain_deadline(at, days, business=business, closed=closed),
        )
    if kind not in ("first_payment", "full_use"):
        raise ValueError(f"no deadline of kind {kind}")
    months = programme.first_payment_months if kind == "first_payment" else programme.full_use_months
    selected = clock.korean_day(at)
    deadline = clock.months_deadline(selected, months)
    text = f"{clock.write_deadline(deadline)}, 선정일 {clock.write_day(selected)}부터 {months}개월"
    if clock.add_months(selected, months).day != selected.day:
        text += ", 같은 날이 없는 달이라 그 달의 마지막 날"
    return Explanation(deadline=deadline, text=text)
