"""Stopped clocks: a period that counts for no deadline, for an outage or by decree (R-TIME-5a)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Select, func, select
from sqlalchemy.orm import joinedload

from app import clock, policy
from app.db import db, lock, transaction
from app.errors import InvalidInput
from app.models.deals import Deal, DealState
from app.models.offers import BudgetOffer, OfferState
from app.models.programme import AgencyBudget, ClockRun, ClockStop, Programme
from app.models.vouchers import Voucher, VoucherState
from app.policy import Actor, Permission
from app.workflows import clock_moves, clock_runs, reckoning, record
from app.workflows.clock_moves import Moved

LONGEST = timedelta(days=366)
MAX_REASON = 200


@dataclass(frozen=True, kw_only=True)
class Preview:
    """What a declaration would do, and what comes too late for it."""

    starts_at: datetime
    ends_at: datetime
    moved: Moved
    ended: Moved
    """What has ended since the period began stays ended."""


def preview(*, actor: Actor, programme_id: int, starts_at: datetime, ends_at: datetime) -> Preview:
    """Nothing is written. Raises Denied, InvalidInput as `declare`."""
    policy.require(actor, Permission.PROGRAMME_MANAGE)
    _check_period(programme_id, starts_at, ends_at)
    programme = db.session.get_one(Programme, programme_id)
    cause = clock_moves.stopping(programme, clock.Stop(starts_at, ends_at))
    return Preview(
        starts_at=starts_at,
        ends_at=ends_at,
        moved=clock_moves.preview(cause),
        ended=_ended(programme_id, starts_at),
    )


def declare(
    *, actor: Actor, programme_id: int, starts_at: datetime, ends_at: datetime, reason: str
) -> ClockRun:
    """Stop the programme's clocks for a period, gone by or ahead; a job moves every deadline open in it.

    A clock that began before it moves by its whole length, one begun within begins at its end; whoever is
    concerned is told the new deadline and the reason. What has ended stays ended. Two presses make one.

    Raises Denied, NotFound, InvalidInput (no reason, no period, an overlap with another stop), Conflict
    `clock_run.under_way`.
    """
    policy.require(actor, Permission.PROGRAMME_MANAGE)
    reason = reason.strip()
    if not 1 <= len(reason) <= MAX_REASON:
        text = f"중지 사유를 {MAX_REASON}자까지 입력해 주세요."
        raise InvalidInput("clock_stop.reason", text, fields={"reason": text})
    with transaction() as session:
        reckoning.hold_alone(programme_id)
        programme = lock(Programme, programme_id)
        _check_period(programme_id, starts_at, ends_at)
        clock_runs.refuse_while_running(programme_id)
        stop = ClockStop(
            programme_id=programme_id,
            starts_at=starts_at,
            ends_at=ends_at,
            reason=reason,
            declared_by_id=actor.id,
            declared_at=clock.now(),
        )
        session.add(stop)
        session.flush()
        cause = clock_moves.stopping(programme, clock.Stop(starts_at, ends_at, reason))
        change = {"clock_stop": (None, clock.write_period(starts_at, ends_at))}
        record.write("programme", programme_id, "stop_clock", actor=actor, change=change, reason=reason)
        return clock_runs.start(cause, actor=actor, stop_id=stop.id)


def _check_period(programme_id: int, starts_at: datetime, ends_at: datetime) -> None:
    if starts_at >= ends_at:
        text = "중지 기간의 끝은 시작보다 뒤여야 합니다."
        raise InvalidInput("clock_stop.period", text, fields={"ends_at": text})
    if ends_at - starts_at > LONGEST:
        text = "중지 기간은 1년까지 정할 수 있습니다. 시작과 끝을 확인해 주세요."
        raise InvalidInput("clock_stop.period", text, fields={"ends_at": text})
    overlap = select(ClockStop.starts_at, ClockStop.ends_at).where(
        ClockStop.programme_id == programme_id, ClockStop.starts_at < ends_at, ClockStop.ends_at > starts_at
    )
    if found := db.session.execute(overlap.limit(1)).first():
        text = f"이미 정한 중지 기간({clock.write_period(*found)})과 겹칩니다. 겹치지 않게 정해 주세요."
        raise InvalidInput("clock_stop.overlap", text, fields={"starts_at": text})


def _ended(programme_id: int, since: datetime) -> Moved:
    """What the clock ended at a deadline after the period's beginning."""

    def count(keys: Select[int]) -> int:
        return db.session.scalar(select(func.count()).select_from(keys.subquery())) or 0

    deals = select(Deal.id).where(
        Deal.programme_id == programme_id, Deal.state == DealState.LAPSED, Deal.closed_at > since
    )
    vouchers = select(Voucher.id).where(
        Voucher.programme_id == programme_id,
        (Voucher.state == VoucherState.REVOKED) & (Voucher.first_payment_by > since)
        | (Voucher.state == VoucherState.EXPIRED) & (Voucher.full_use_by > since),
    )
    budgets = select(AgencyBudget.id).where(AgencyBudget.programme_id == programme_id)
    offers = select(BudgetOffer.id).where(
        BudgetOffer.agency_budget_id.in_(budgets),
        BudgetOffer.state == OfferState.LAPSED,
        BudgetOffer.due_at > since,
    )
    return Moved(deals=count(deals), vouchers=count(vouchers), offers=count(offers))


def stops(*, actor: Actor, programme_id: int) -> list[ClockStop]:
    """The latest first, with who declared them and their runs. Raises Denied."""
    policy.require(actor, Permission.DEAL_VIEW)
    statement = (
        select(ClockStop)
        .where(ClockStop.programme_id == programme_id)
        .order_by(ClockStop.starts_at.desc())
        .options(joinedload(ClockStop.declared_by), joinedload(ClockStop.run, innerjoin=True))
    )
    return list(db.session.scalars(statement))
