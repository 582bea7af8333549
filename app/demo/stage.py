"""What the scenes of the demonstration share: its programme, its people, and the way to a sent code."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any

import httpx
from flask import current_app

from app import clock
from app.demo.words import Words
from app.models.companies import Company, VerifiedAs
from app.models.numbers import digits
from app.models.people import VerificationPurpose
from app.models.programme import Programme
from app.policy import Actor, Role
from app.workflows import instrument_holder, verification

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

    def verify_person(self, company: Company, actor: Actor) -> None:
        """본인인증 by the representative of a company from K-Startup, before its personal card (R-INS-4).

        The birth date follows from the phone: two who share a name are two people.
        """
        if company.verified_name:
            return
        phone = digits(company.phone)
        number = int(phone[-8:])
        born = f"{60 + number % 40:02}{number // 40 % 12 + 1:02}{number // 480 % 28 + 1:02}1"
        asked = verification.request(
            purpose=VerificationPurpose.SIGN_UP,
            name=company.representative,
            birth7=born,
            carrier="SKT",
            phone=phone,
        )
        verification.confirm(token=asked.token, code=self.code_sent_to(phone))
        instrument_holder.verify_person(
            actor=actor, verification_token=asked.token, verified_as=VerifiedAs.REPRESENTATIVE
        )


def instant(day: date, hour: int = 10, minute: int = 0) -> datetime:
    return datetime.combine(day, time(hour, minute), tzinfo=clock.KST)


def business_day_after(day: date, days: int) -> date:
    """The nth business day after a day."""
    return clock.korean_day(clock.deadline_after(instant(day), days, business=True)) - timedelta(days=1)
