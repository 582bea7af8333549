"""Runs: deadlines moved by a job after a stop of the clocks or a closing day (R-TIME-2, R-TIME-5a).

The declaration is a short transaction: it writes the stop, and down a row for each clock that runs at that
instant; nobody begins a clock meanwhile. A clock that begins later counts the stop by itself and has no row,
so nothing is moved twice. A record whose row waits is held: no sweep ends it, and an answer that comes after
its old deadline moves it first (`catch_up`). A job moves the rest in chunks, each a transaction under the
run's lock; a row is settled in the transaction that moves its record, under that record's lock. So a worker
that dies leaves nothing half, and two that work on one run take turns.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, delete, func, insert, literal, literal_column, or_, select, update

from app import clock, policy
from app.db import db, lock, transaction
from app.errors import Conflict, NotFound
from app.models.programme import ClockRun, ClockRunRow, ClockStop, ClosingDay, Programme
from app.policy import Actor, Permission, Role
from app.workflows import clock_moves, record
from app.workflows.clock_moves import CLOCKS, Cause

CHUNK = 1_000
LEASE = timedelta(seconds=20)
MANY_TRIES = 5
"""Taken up so often without getting on, somebody has to look at it: its page says so."""

ROW = ClockRunRow
_WAITS = ROW.told.is_(None)


@dataclass(frozen=True, kw_only=True)
class Progress:
    """A run as its page shows it."""

    run: ClockRun
    settled: int

    @property
    def stuck(self) -> bool:
        return self.run.finished_at is None and self.run.tries >= MANY_TRIES


# --- declared -----------------------------------------------------------------------------------------


def refuse_while_running(programme_id: int) -> None:
    """Raises Conflict `clock_run.under_way`: what is still on its way must not be moved by two at once."""
    if _under_way(programme_id) is not None:
        raise Conflict(
            "clock_run.under_way",
            "앞서 정한 기한 중지나 휴무일에 맞추어 기한을 늦추는 중입니다. '기한 관리'에서 끝난 것을 확인한 "
            "뒤 다시 정해 주세요.",
        )


def start(cause: Cause, *, actor: Actor, **what: Any) -> ClockRun:
    """Write down what runs now, for the job to move: inside the transaction of the declaration, which has
    kept those out who begin clocks. `what` is the stop's or the closing day's key."""
    session = db.session
    run = ClockRun(
        programme_id=cause.after.programme.id,
        by_id=actor.id,
        by_name=actor.name,
        by_ip=actor.ip,
        started_at=clock.now(),
        **what,
    )
    session.add(run)
    session.flush()
    for kind, clocks in CLOCKS.items():
        if clocks.concern(cause):
            keys = clock_moves.running(clocks, cause).add_columns(literal(run.id), literal(kind))
            session.execute(insert(ROW).from_select(["record_id", "run_id", "kind"], keys))
    run.rows = session.scalar(select(func.count()).where(ROW.run_id == run.id)) or 0
    session.flush()
    return run


# --- while it runs ------------------------------------------------------------------------------------


def held(model: Any) -> ColumnElement[bool]:
    """Whether a record still waits to be moved: what its old deadline says is not true any more.

    The OFFSET keeps it a look into the index for each record that is due. As a join it would be planned by
    what the table held before, nothing mostly, and each record compared with all rows of a new run.
    """
    own = (ROW.kind.in_(_kinds(model)), ROW.record_id == model.id, _WAITS)
    return select(ROW.record_id).where(*own).offset(literal_column("0")).exists()


def held_sql(model: Any, key: str) -> str:
    """`held` for a statement written out, in which `key` is the record's id."""
    kinds = ", ".join(f"'{kind}'" for kind in _kinds(model))
    return f"""EXISTS (SELECT FROM clock_run_row r
                        WHERE r.kind IN ({kinds}) AND r.record_id = {key} AND r.told IS NULL OFFSET 0)"""


def overtaken(model: Any, keys: Collection[int]) -> set[int]:
    """Of records whose deadline has struck, those that wait: no page may call them late."""
    if not keys:
        return set()
    return set(db.session.scalars(select(model.id).where(model.id.in_(keys), held(model))))


def catch_up(found: Any) -> None:
    """Move a record that waits at once, for whoever is about to go by its deadline.

    Inside the caller's transaction, which has locked the record; if that fails, the job moves it.
    """
    kinds = _kinds(type(found))
    statement = select(ROW.run_id, ROW.kind).where(ROW.kind.in_(kinds), ROW.record_id == found.id, _WAITS)
    for row in db.session.execute(statement).all():
        _settle(db.session.get_one(ClockRun, row.run_id), row.kind, [found.id])
        db.session.refresh(found)


def _kinds(model: Any) -> list[str]:
    return [kind for kind, clocks in CLOCKS.items() if clocks.model is model]


# --- the job ------------------------------------------------------------------------------------------


def claim_unattended() -> list[int]:
    """The runs that nobody works on: just declared, or their worker died. Each is claimed for a while.

    None is ever given up: what waits may not end before it has been moved.
    """
    now = clock.real_now()
    free = or_(ClockRun.leased_until.is_(None), ClockRun.leased_until < now)
    unattended = select(ClockRun.id).where(ClockRun.finished_at.is_(None), free).order_by(ClockRun.id)
    with transaction() as session:
        # Who works on a chunk at this moment holds the row, and is alive.
        keys = list(session.scalars(unattended.with_for_update(skip_locked=True)))
        claimed = update(ClockRun).where(ClockRun.id.in_(keys)).values(leased_until=now + LEASE)
        session.execute(claimed.execution_options(synchronize_session=False))
    return keys


def work(*, run_id: int) -> None:
    """Do what is left of a run, chunk by chunk, until it is done. Any number may call this."""
    with transaction():
        run = lock(ClockRun, run_id)
        if run.finished_at is None:
            run.tries, run.leased_until = run.tries + 1, clock.real_now() + LEASE
    while _chunk(run_id):
        pass


def _chunk(run_id: int) -> bool:
    """One chunk in one transaction; whether there may be more."""
    with transaction():
        run = lock(ClockRun, run_id)
        if run.finished_at is not None:
            return False
        for kind in CLOCKS:
            if keys := _next(run_id, kind):
                _settle(run, kind, keys)
                run.tries, run.leased_until = 0, clock.real_now() + LEASE
                return True
        _finish(run)
        return False


def _next(run_id: int, kind: str) -> list[int]:
    waiting = select(ROW.record_id).where(ROW.run_id == run_id, ROW.kind == kind, _WAITS)
    return list(db.session.scalars(waiting.order_by(ROW.record_id).limit(CHUNK)))


def _settle(run: ClockRun, kind: str, keys: Sequence[int]) -> None:
    """Move what of these still runs and waits, and mark all of them. Rows change under the records' locks:
    so they are read again once these are held."""
    session, clocks, cause = db.session, CLOCKS[kind], _cause(run)
    running = set(clock_moves.hold(clocks, cause, keys))
    own = (ROW.run_id == run.id, ROW.kind == kind, ROW.record_id.in_(keys), _WAITS)
    waiting = session.scalars(select(ROW.record_id).where(*own).order_by(ROW.record_id)).all()
    told = clock_moves.move(clocks, cause, [key for key in waiting if key in running], actor=_actor(run))
    session.execute(
        update(ROW)
        .where(*own)
        .values(told=ROW.record_id.in_(told))
        .execution_options(synchronize_session=False)
    )


def _finish(run: ClockRun) -> None:
    """Count what moved, for the run and the programme's trail; the rows have done their work."""
    cause, session = _cause(run), db.session
    lock(Programme, run.programme_id)
    told = select(ROW.kind, func.count()).where(ROW.run_id == run.id, ROW.told.is_(True)).group_by(ROW.kind)
    moved = clock_moves.counted({kind: number for kind, number in session.execute(told)})
    run.moved_deals, run.moved_vouchers, run.moved_offers = moved.deals, moved.vouchers, moved.offers
    run.finished_at, run.leased_until = clock.now(), None
    session.execute(delete(ROW).where(ROW.run_id == run.id).execution_options(synchronize_session=False))
    record.write(
        "programme",
        run.programme_id,
        "move_deadlines",
        actor=_actor(run),
        change=moved.as_change(),
        reason=cause.reason,
    )


def _cause(run: ClockRun) -> Cause:
    programme = db.session.get_one(Programme, run.programme_id)
    if run.closed_on is not None:
        day = db.session.get_one(ClosingDay, (run.programme_id, run.closed_on))
        return clock_moves.closing(programme, day.day, day.reason)
    stop = db.session.get_one(ClockStop, run.stop_id)
    return clock_moves.stopping(programme, clock.Stop(stop.starts_at, stop.ends_at, stop.reason))


def _actor(run: ClockRun) -> Actor:
    """Who declared it: what they were allowed to do then is carried out, whatever became of their account."""
    return Actor(id=run.by_id, role=Role.PROGRAMME_MANAGER, name=run.by_name, ip=run.by_ip)


# --- its page -----------------------------------------------------------------------------------------


def _under_way(programme_id: int) -> ClockRun | None:
    running = select(ClockRun).where(ClockRun.programme_id == programme_id, ClockRun.finished_at.is_(None))
    return db.session.scalar(running)


def under_way(*, actor: Actor, programme_id: int) -> Progress | None:
    """The run that is moving the programme's deadlines, if one is. Raises Denied."""
    policy.require(actor, Permission.DEAL_VIEW)
    run = _under_way(programme_id)
    return _progress(run) if run else None


def progress(*, actor: Actor, programme_id: int, run_id: int) -> Progress:
    """How far a run is. Raises Denied, NotFound."""
    policy.require(actor, Permission.DEAL_VIEW)
    own = select(ClockRun).where(ClockRun.id == run_id, ClockRun.programme_id == programme_id)
    run = db.session.scalar(own)
    if run is None:
        raise NotFound()
    return _progress(run)


def _progress(run: ClockRun) -> Progress:
    if run.finished_at is not None:
        return Progress(run=run, settled=run.rows)
    settled = select(func.count()).where(ROW.run_id == run.id, ROW.told.is_not(None))
    return Progress(run=run, settled=db.session.scalar(settled) or 0)
