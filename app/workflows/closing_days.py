"""Closing days of a programme: no business days (R-TIME-2); what counts them moves on."""

from __future__ import annotations

from datetime import date

from app import clock, policy
from app.db import lock, transaction
from app.errors import InvalidInput
from app.models.programme import ClockRun, ClosingDay, Programme
from app.policy import Actor, Permission
from app.workflows import clock_moves, clock_runs, reckoning, record


def declare(*, actor: Actor, programme_id: int, day: date, reason: str) -> ClockRun:
    """Declare a closing day; a job moves what counts it on by a business day, and tells who waits.

    Raises Denied, NotFound, InvalidInput (a day gone by, a day declared before, no reason), Conflict
    `clock_run.under_way`.
    """
    policy.require(actor, Permission.PROGRAMME_MANAGE)
    reason = reason.strip()
    if not reason:
        raise InvalidInput(
            "closing_day.reason", "휴무 사유를 입력해 주세요.", fields={"reason": "사유를 입력해 주세요."}
        )
    if day <= clock.today():
        text = "오늘 이후의 날짜만 휴무일로 정할 수 있습니다."
        raise InvalidInput("closing_day.past", text, fields={"day": text})
    with transaction() as session:
        reckoning.hold_alone(programme_id)
        programme = lock(Programme, programme_id)
        if session.get(ClosingDay, (programme_id, day)):
            text = "이미 휴무일로 정한 날짜입니다."
            raise InvalidInput("closing_day.twice", text, fields={"day": text})
        clock_runs.refuse_while_running(programme_id)
        session.add(ClosingDay(programme_id=programme_id, day=day, reason=reason))
        session.flush()
        change = {"closing_day": (None, day)}
        record.write("programme", programme_id, "close_day", actor=actor, change=change, reason=reason)
        cause = clock_moves.closing(programme, day, reason)
        return clock_runs.start(cause, actor=actor, closed_on=day)
