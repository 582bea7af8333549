"""What deadlines do when they strike, and how they are worked out in words (R-TIME-1 to R-TIME-6)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import func, select

from app import clock, policy
from app.db import db, transaction
from app.models.deals import Deal, DealState
from app.models.offers import BudgetOffer, OfferState
from app.models.programme import Programme
from app.models.vouchers import Voucher, VoucherState
from app.policy import Actor, Permission
from app.workflows import lifecycle, offers_sweep, reckoning, record, reminders, vouchers
from app.workflows.deadlines_sql import LAPSES, LOOK, Lapse
from app.workflows.deal_lifecycle import DEAL
from app.workflows.reckoning import Kind, Reckoner

BATCH = 2000
_BEGINNING = datetime.min.replace(tzinfo=UTC)
VOUCHER_KINDS: tuple[Kind, ...] = ("first_payment", "full_use")


@dataclass(frozen=True, kw_only=True)
class SweepResult:
    """How many records each deadline ended, how many were reminded of, and what was offered."""

    consultations: int
    bills: int
    vouchers_revoked: int
    vouchers_expired: int
    deals_reminded: int
    vouchers_reminded: int
    offers_lapsed: int
    offers_made: int
    """To those who wait for a budget, of what is free (R-SCR-4)."""


_NO_OFFERS = offers_sweep.Swept(lapsed=0, offered=0)


@dataclass(frozen=True, kw_only=True)
class Explanation:
    deadline: datetime
    text: str


def sweep(*, at: datetime | None = None, actor: Actor = policy.CLOCK) -> SweepResult:
    """End what was due by `at` (now by default): unanswered deals become 불가, unused vouchers end; then
    remind of what is due soon (R-VOU-4).

    What counts is the deadline, not when the sweep runs (R-TIME-6): late, twice, side by side or for a
    moment in the past, each record ends once, at its own deadline. Each batch is a transaction of its own.
    For a moment in the past nobody is offered or reminded of anything: an offer's clock would have run in
    part before anybody heard of it, and a reminder would name days that are gone.
    """
    policy.require(actor, Permission.CLOCKWORK)
    instant = at or clock.now()
    past = instant < clock.now()
    with clock.at(instant):
        with transaction() as session:
            found = session.execute(LOOK, {"at": instant}).one()
        consultations = _lapse(DealState.CONSULTING, instant, actor) if found.consultations else 0
        bills = _lapse(DealState.BILLED, instant, actor) if found.bills else 0
        revoked, expired = _end_vouchers(instant) if found.vouchers else (0, 0)
        # After the vouchers: what they give back is offered at once.
        offers = _NO_OFFERS if not found.offers else offers_sweep.sweep(at=instant, offering=not past)
        reminding = found.reminders and not past
        reminded = reminders.sweep(at=instant) if reminding else reminders.Reminded(deals=0, vouchers=0)
    return SweepResult(
        consultations=consultations,
        bills=bills,
        vouchers_revoked=revoked,
        vouchers_expired=expired,
        deals_reminded=reminded.deals,
        vouchers_reminded=reminded.vouchers,
        offers_lapsed=offers.lapsed,
        offers_made=offers.offered,
    )


def sweep_through(*, since: datetime, until: datetime) -> None:
    """As if the sweep had run all along: at every instant between at which something was due, then now.

    For a clock that jumps (R-TIME-7): what was to be told in between is told, each at its own time.
    """
    instant = next_event(after=since)
    while instant is not None and instant < until:
        with clock.at(instant):
            sweep()
        instant = next_event(after=instant)
    with clock.at(until):
        sweep()


def _lapse(state: DealState, instant: datetime, actor: Actor) -> int:
    """Batch by batch, each from where the last one ended."""
    lapse, ended = LAPSES[state], 0
    after: tuple[datetime, int] = (_BEGINNING, 0)
    while True:
        with transaction() as session:
            # Core statements do not flush, and expire_all() below would drop what is pending.
            session.flush()
            found = {"at": instant, "after": after[0], "after_id": after[1], "size": BATCH}
            batch = session.execute(lapse.take, found).one()
            if batch.ids:
                ended += _end(lapse, batch.ids, actor)
                session.expire_all()
        if len(batch.ids) < BATCH:
            return ended
        after = batch.last, batch.ids[-1]


def _end(lapse: Lapse, keys: list[int], actor: Actor) -> int:
    """The edge of one, for thousands: what `lifecycle.fire_many` writes, without reading the rows."""
    policy.require(actor, lapse.edge.permission)
    return record.write_set(
        lapse.end,
        DEAL.entity,
        lapse.edge.action,
        actor=actor,
        reason=lapse.reason,
        ids=keys,
        target=lapse.edge.target.value,
        change=lapse.change,
        messages=lifecycle.told_alike(lapse.edge, reason=lapse.reason),
    )


def _end_vouchers(instant: datetime) -> tuple[int, int]:
    revoked = expired = 0
    while True:
        swept = vouchers.sweep(at=instant)
        if not swept.revoked and not swept.expired:
            return revoked, expired
        revoked += len(swept.revoked)
        expired += len(swept.expired)


def next_deadline(*, after: datetime) -> datetime | None:
    """The earliest deadline of an open deal, a usable voucher or an offer after an instant, if one runs."""
    running = DealState.CONSULTING, DealState.BILLED
    offered, usable = OfferState.OFFERED, VoucherState.USABLE
    found = [
        db.session.scalar(select(func.min(column)).where(state, column > after))
        for column, state in (
            (Deal.due_at, Deal.state.in_(running)),
            (Voucher.due_at, Voucher.state == usable),
            (BudgetOffer.due_at, BudgetOffer.state == offered),
        )
    ]
    return min((instant for instant in found if instant), default=None)


def next_event(*, after: datetime) -> datetime | None:
    """The earliest deadline or reminder after an instant: when a sweep next finds something to do."""
    found = [next_deadline(after=after), reminders.next_reminder(after=after)]
    return min((instant for instant in found if instant), default=None)


def business_deadline(programme_id: int, begin: datetime, days: int) -> datetime:
    """24:00 of the nth business day of a clock that begins, stopped clocks counted (R-TIME-2, R-TIME-5a).

    Inside the caller's transaction, which keeps the programme's clocks from being moved until it ends; who
    also locks offers, deals or vouchers asks for the deadline first.
    """
    programme = db.session.get_one(Programme, programme_id)
    return reckoning.begin(programme).business_deadline(begin, days)


def explain(*, kind: Kind, at: datetime, programme: Programme) -> Explanation:
    """A deadline that begins at `at`, with how it is reckoned in Korean (R-TIME-5a).

    For vouchers the day of `at` is the 선정일. Raises ValueError for another kind.
    """
    reckoner = reckoning.of(programme)
    begin = clock.start_of(clock.korean_day(at)) if kind in VOUCHER_KINDS else at
    return Explanation(
        deadline=reckoner.deadline(kind, begin),
        text=clock.explain(begin, reckoner.count(kind), reckoner.stops),
    )


def explain_deal(deal: Deal) -> str | None:
    """The present deadline of a deal in words; None where no clock runs."""
    began = {DealState.CONSULTING: deal.requested_at, DealState.BILLED: deal.billed_at}.get(deal.state)
    if began is None or deal.due_at is None:
        return None
    kind: Kind = "consultation" if deal.state is DealState.CONSULTING else "payment"
    reckoner = reckoning.of(db.session.get_one(Programme, deal.programme_id))
    return _words(reckoner, kind, began, deal.due_at)


def explain_voucher(voucher: Voucher) -> tuple[str, str]:
    """First payment and full use of a voucher in words."""
    reckoner = reckoning.of(db.session.get_one(Programme, voucher.programme_id))
    begin = clock.start_of(voucher.selected_on)
    return (
        _words(reckoner, "first_payment", begin, voucher.first_payment_by),
        _words(reckoner, "full_use", begin, voucher.full_use_by),
    )


def _words(reckoner: Reckoner, kind: Kind, begin: datetime, due_at: datetime) -> str:
    """How it was reckoned; where settings changed since, the deadline and the stops that lie within."""
    count, stops = reckoner.count(kind), reckoner.stops
    if clock.run(begin, count, stops).deadline == due_at:
        return clock.explain(begin, count, stops)
    within = [f"{clock.write_stop(s)} 포함" for s in stops if s.ends_at > begin and s.starts_at < due_at]
    return ", ".join([clock.write_deadline(due_at), *within])
