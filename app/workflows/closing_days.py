"""Closing days of a programme: no business days (R-TIME-2); what counts them moves on."""

from __future__ import annotations

import dataclasses
from datetime import date

from app import clock, policy
from app.db import lock, transaction
from app.errors import InvalidInput
from app.models.programme import ClosingDay, Programme
from app.policy import Actor, Permission
from app.workflows import clock_moves, reckoning, record
from app.workflows.clock_moves import Cause, Moved


def declare(*, actor: Actor, programme_id: int, day: date, reason: str) -> Moved:
    """Declare a closing day; deadlines that count it move on by a business day, and who waits is told.

    Raises Denied, NotFound, InvalidInput (a day gone by, a day declared before, no reason).
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
        moved = clock_moves.move(_cause(programme, day, reason), actor=actor)
        session.add(ClosingDay(programme_id=programme_id, day=day, reason=reason))
        session.flush()
        change = {"closing_day": (None, day), **moved.as_change()}
        record.write("programme", programme_id, "close_day", actor=actor, change=change, reason=reason)
        return moved


def _cause(programme: Programme, day: date, reason: str) -> Cause:
    before = reckoning.of(programme)
    return Cause(
        before=before,
        after=dataclasses.replace(before, closed=before.closed | {day}),
        since=clock.start_of(day),
        action="close_day",
        words=f"{clock.write_day(day)} 하루를 휴무일로 정했습니다",
        reason=reason,
    )
