"""What the scenes of the demonstration share: its programme, its people, and the way to a sent code."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any

import httpx
from flask import current_app

from app import clock
from app.demo.words import Words
from app.models.programme import Programme
from app.policy import Actor, Role

# The people behind the machine: what they do is audited under these names.
PREPARER = Actor(id=None, role=Role.PROGRAMME_MANAGER, name="시연 준비")
ACCOUNT_KEEPER = Actor(id=None, role=Role.SYSTEM_ADMIN, name="시연 준비")

CARD_NUMBER = "4518420000000007"
CARD_EXPIRY = "12/29"


@dataclass
class Stage:
    programme: Programme
    words: Words
    staff: dict[str, Actor]
    http: httpx.Client
    suppliers: dict[int, Actor] = field(default_factory=dict)
    """By supplier id."""
    counts: dict[str, int] = field(default_factory=dict)

    def reviewer_of(self, agency_id: int) -> Actor:
        return next(a for a in self.staff.values() if a.role is Role.REVIEWER and a.agency_id == agency_id)

    def code_sent_to(self, phone: str) -> str:
        """The newest code that a played service sent to this phone, as a person would read it there."""
        answer = self.http.get(
            f"{current_app.config['SANDBOX_URL']}/messages.json", params={"to": phone}
        ).raise_for_status()
        messages: list[dict[str, Any]] = answer.json()
        rows = messages if isinstance(messages, list) else messages["messages"]
        return next(str(row["code"]) for row in rows if row.get("code"))


def instant(day: date, hour: int = 10, minute: int = 0) -> datetime:
    return datetime.combine(day, time(hour, minute), tzinfo=clock.KST)


def business_day_after(day: date, days: int) -> date:
    """The nth business day after a day."""
    return clock.korean_day(clock.deadline_after(instant(day), days, business=True)) - timedelta(days=1)
