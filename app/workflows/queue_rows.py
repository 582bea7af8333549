"""The lines of the reviewers' queue: values, no records, so that a page costs what it shows (R-SCR-3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypedDict

from app.models.applications import ApplicationState as State
from app.models.companies import CompanyKind
from app.workflows.queue_time import QueueTime, Window

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_LARGEST = 2**63 - 1


class QueueFilters(TypedDict, total=False):
    """What narrows the queue; nothing given means all that waits for screening."""

    states: Sequence[State]
    search: str
    agency_id: int | None
    """For the lead agency; an operating agency sees its own, whatever stands here."""
    flagged: bool
    """Edited after its decision (R-SCR-2), in the order of the edits."""
    mine: bool
    unassigned: bool
    account_id: int | None
    """In the hands of this reviewer."""
    kind: CompanyKind | None
    late: bool
    """Still in screening, and for longer than the programme promises."""
    age: str
    """Still in screening, for as many business days as a class of `waiting.AGES` says (`waiting.age_key`)."""
    again: bool
    """Handed in anew after a hold or a 반송."""


@dataclass(frozen=True, slots=True)
class QueuedAgency:
    id: int
    name: str


@dataclass(frozen=True, slots=True)
class QueuedCompany:
    id: int
    name: str
    kind: CompanyKind
    business_number: str
    representative: str
    tax_office_state: str | None


@dataclass(frozen=True, slots=True)
class QueuedApplication:
    id: int
    receipt_number: str
    state: State
    submitted_at: datetime
    flagged_at: datetime | None
    waitlisted_at: datetime | None
    assigned_to_id: int | None
    score: int | None
    agency: QueuedAgency


@dataclass(frozen=True, slots=True)
class QueueRow:
    application: QueuedApplication
    company: QueuedCompany
    waiting_days: int
    is_late: bool
    """Still in screening, and for longer than promised."""
    is_again: bool
    assigned_name: str | None
    cursor: str
    """The place in the list: what the next page begins after."""


@dataclass(frozen=True)
class QueuePage:
    rows: list[QueueRow]
    total: int | None
    """How many match, where the way to the rows has told; else `queue_reads.total()` says."""


def bounds(windows: dict[int, Window]) -> dict[str, Any]:
    """Parameters that say between which instants a case must have come, by programme."""
    found: dict[str, Any] = {}
    for number, (programme_id, (since, before)) in enumerate(windows.items()):
        found |= {f"programme_{number}": programme_id, f"since_{number}": since, f"before_{number}": before}
    if windows:
        found["since"] = min(since for since, _ in windows.values())
        found["before"] = max(before for _, before in windows.values())
    return found


def row(found: Any, time: QueueTime) -> QueueRow:
    return QueueRow(
        application=QueuedApplication(
            id=found.id,
            receipt_number=found.receipt_number,
            state=found.state,
            submitted_at=found.submitted_at,
            flagged_at=found.flagged_at,
            waitlisted_at=found.waitlisted_at,
            assigned_to_id=found.assigned_to_id,
            score=found.score,
            agency=QueuedAgency(found.agency_id, found.agency_name),
        ),
        company=QueuedCompany(
            id=found.company_id,
            name=found.company_name,
            kind=found.kind,
            business_number=found.business_number,
            representative=found.representative,
            tax_office_state=found.tax_office_state,
        ),
        waiting_days=time.waited(found.programme_id, found.submitted_at),
        is_late=found.state is State.SCREENING and time.is_late(found.programme_id, found.submitted_at),
        is_again=found.is_again,
        assigned_name=found.assigned_name,
        cursor=cursor_of(found.place, found.id),
    )


def cursor_of(place: datetime, key: int) -> str:
    return f"{(place - _EPOCH) // _MICROSECOND}-{key}"


def place_of(cursor: str) -> tuple[datetime, int] | None:
    """What a cursor says; None for one that no list has given."""
    numbers = [int(part) for part in cursor.split("-") if part.isascii() and part.isdigit()]
    if len(numbers) != 2 or max(numbers) > _LARGEST:
        return None
    try:
        return _EPOCH + numbers[0] * _MICROSECOND, numbers[1]
    except OverflowError:
        return None
