"""The rounds of screening behind a dashboard's numbers: which cases they were (R-SCR-3, R-ROLE-2)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, func, literal, select
from sqlalchemy.orm import aliased

from app import clock, policy
from app.db import db
from app.models.applications import Application, ScreeningRound
from app.models.companies import Company
from app.models.people import Account
from app.models.programme import Agency
from app.models.record import AuditRow
from app.policy import Actor, Permission
from app.workflows import screening_reasons, screening_stats, waiting

NO_CODE = "none"
"""In an address: decided with a reason that was only written, none of the list."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which rounds: everything that is given must fit."""

    days: int
    agency_id: int | None = None
    decision: str = ""
    code: str = ""
    account_id: int | None = None
    week: date | None = None
    """The Monday of the week of the decision; then `days` does not count."""
    again: bool = False
    """Of a second round or a later one."""
    returned: bool = False
    """반송: what the lead agency sent back in these days, decided anew or not."""
    handed_in: bool = False
    """Of the held ones, those whose companies have handed in again."""


@dataclass(frozen=True, kw_only=True)
class RoundRow:
    id: int
    application_id: int
    receipt_number: str
    company: str
    agency: str
    number: int
    entered_at: datetime
    decided_at: datetime | None
    decision: str
    """In Korean; empty while it is open."""
    who: str
    waited_days: int | None
    reasons: str
    """Of the decision; of a 반송, the lead agency's."""


def rounds(*, actor: Actor, wanted: Wanted, before: int | None = None, size: int = 20) -> list[RoundRow]:
    """Newest first; `before` is the round seen last. Raises Denied."""
    decider = aliased(Account)
    reason = _return_reason() if wanted.returned else literal("")
    statement = (
        select(
            ScreeningRound,
            Application.receipt_number,
            Company.name,
            Agency.name,
            decider.name,
            reason,
        )
        .join(Application, Application.id == ScreeningRound.application_id)
        .join(Company, Company.id == Application.company_id)
        .join(Agency, Agency.id == ScreeningRound.agency_id)
        .outerjoin(decider, decider.id == ScreeningRound.decided_by_id)
        .where(*_conditions(actor, wanted))
        .order_by(ScreeningRound.id.desc())
        .limit(size)
    )
    if before is not None:
        statement = statement.where(ScreeningRound.id < before)
    return [_row(*found, returned=wanted.returned) for found in db.session.execute(statement)]


def total(*, actor: Actor, wanted: Wanted) -> int:
    """How many rounds these are. Raises Denied."""
    statement = select(func.count()).select_from(ScreeningRound).where(*_conditions(actor, wanted))
    return db.session.scalar(statement) or 0


def _row(
    round_: ScreeningRound,
    receipt: str,
    company: str,
    agency: str,
    who: str | None,
    reason: str | None,
    *,
    returned: bool,
) -> RoundRow:
    return RoundRow(
        id=round_.id,
        application_id=round_.application_id,
        receipt_number=receipt,
        company=company,
        agency=agency,
        number=round_.number,
        entered_at=round_.entered_at,
        decided_at=round_.decided_at,
        decision=screening_stats.DECISIONS.get(round_.decision or "", ""),
        who=who or "",
        waited_days=round_.waited_days,
        reasons=(reason or "")
        if returned
        else " ".join(screening_reasons.label(code) for code in round_.reason_codes),
    )


def _conditions(actor: Actor, wanted: Wanted) -> list[ColumnElement[bool]]:
    policy.require(actor, Permission.DASHBOARD_VIEW)
    policy.require(actor, Permission.SCREENING_VIEW)
    agency_id = screening_stats.scope(actor, wanted.agency_id)
    found: list[ColumnElement[bool]] = [_when(wanted)]
    if agency_id is not None:
        found.append(ScreeningRound.agency_id == agency_id)
    if wanted.decision:
        found.append(ScreeningRound.decision == wanted.decision)
    if wanted.code == NO_CODE:
        found.append(func.cardinality(ScreeningRound.reason_codes) == 0)
    elif wanted.code:
        found.append(ScreeningRound.reason_codes.contains([wanted.code]))
    if wanted.account_id is not None:
        found.append(ScreeningRound.decided_by_id == wanted.account_id)
    if wanted.again:
        found.append(ScreeningRound.number > 1)
    if wanted.returned:
        found += [ScreeningRound.number > 1, _neighbour(-1, decision="screen")]
    if wanted.handed_in:
        found.append(_neighbour(1))
    return found


def _when(wanted: Wanted) -> ColumnElement[bool]:
    if wanted.returned:
        return ScreeningRound.entered_at >= waiting.since(wanted.days)
    if wanted.week is not None:
        first = clock.start_of(wanted.week)
        return ScreeningRound.decided_at.between(first, first + timedelta(days=7, microseconds=-1))
    return ScreeningRound.decided_at >= waiting.since(wanted.days)


def _neighbour(step: int, *, decision: str = "") -> ColumnElement[bool]:
    """Whether the same application has the round before (-1) or after (1), ended by `decision`."""
    other = aliased(ScreeningRound)
    conditions: list[Any] = [
        other.application_id == ScreeningRound.application_id,
        other.number == ScreeningRound.number + step,
    ]
    if decision:
        conditions.append(other.decision == decision)
    return select(other.id).where(*conditions).exists()


def _return_reason() -> Any:
    """The audit row is written just before the round begins, in one transaction."""
    return (
        select(AuditRow.reason)
        .where(
            AuditRow.entity == "application",
            AuditRow.entity_id == ScreeningRound.application_id,
            AuditRow.action == "send_back",
            AuditRow.at <= ScreeningRound.entered_at,
        )
        .order_by(AuditRow.seq.desc())
        .limit(1)
        .correlate(ScreeningRound)
        .scalar_subquery()
    )
