"""The demonstration's own time (R-TIME-7): starts at a set instant, runs on, and moves forward only."""

from __future__ import annotations

from datetime import datetime, timedelta

from app import clock
from app.db import db, transaction
from app.errors import Conflict
from app.models.demonstration import DemonstrationClock
from app.policy import Actor
from app.workflows import deadlines, record, usage_watch

FIRST_INSTANT = datetime(2020, 11, 16, 9, 0, tzinfo=clock.KST)
STEPS = {"hour": timedelta(hours=1), "day": timedelta(days=1)}
NEXT_DEADLINE = "deadline"


def offset() -> timedelta:
    """How far the demonstration's time is from the real one; zero before it was started."""
    row = db.session.get(DemonstrationClock, 1)
    return row.shown_at - row.real_at if row else timedelta()


def has_begun() -> bool:
    """Whether the clock runs: the last thing that the filling of the demonstration does."""
    return db.session.get(DemonstrationClock, 1) is not None


def set_process_clock() -> None:
    """Let this thread or process live in the demonstration's time."""
    clock.set_offset(offset())


def start(*, shown_at: datetime = FIRST_INSTANT) -> None:
    """Set the clock going, once."""
    with transaction() as session:
        if session.get(DemonstrationClock, 1) is None:
            session.add(DemonstrationClock(id=1, real_at=clock.real_now(), shown_at=shown_at))
    set_process_clock()


def next_deadline() -> datetime | None:
    """The instant at which the next open deadline strikes."""
    return deadlines.next_deadline(after=clock.now())


def move(*, actor: Actor, step: str) -> datetime:
    """Move the time forward by an hour, a day or to the next deadline, let the deadlines do their work, and
    return the new instant. Raises Conflict where no deadline is open."""
    target = next_deadline() if step == NEXT_DEADLINE else clock.now() + STEPS[step]
    if target is None:
        text = "열려 있는 기한이 없습니다. 시간이나 하루 단위로 옮겨 주세요."
        raise Conflict("demonstration.no_deadline", text)
    return move_to(actor=actor, target=target)


def move_to(*, actor: Actor, target: datetime) -> datetime:
    """Move the time forward to an instant. Raises Conflict for one that has passed: time never goes back."""
    with transaction() as session:
        row = session.get(DemonstrationClock, 1, with_for_update=True, populate_existing=True)
        if row is None:
            raise Conflict("demonstration.not_started", "시연 시계가 아직 시작되지 않았습니다.")
        now = clock.real_now() + (row.shown_at - row.real_at)
        if target < now:
            text = "시연 시각은 뒤로 되돌릴 수 없습니다. 이후 시각을 골라 주세요."
            raise Conflict("demonstration.back", text)
        row.real_at, row.shown_at = clock.real_now(), target
        record.write("demonstration", 1, "move", actor=actor, change={"shown_at": (now, target)})
    set_process_clock()
    deadlines.sweep_through(since=now, until=clock.now())
    usage_watch.sweep_through(since=now, until=clock.now())
    return clock.now()
