"""The reviewers' queue (R-SCR-3, R-SCR-3b): own agency's alone, oldest first, by keyset.

No read grows with the queue. A page walks an index from its cursor; a tab's number and a filter's total stop
at `COUNTED`: before a list nobody acts on the difference between 400 and 4,000, and a counter kept by a
trigger would be one hot row for every decision of an agency. Exact numbers stand on the dashboards.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Unpack

from sqlalchemy import select

from app import policy
from app.db import db
from app.models.applications import ApplicationState as State
from app.models.people import Account
from app.models.programme import Agency
from app.policy import Actor, Permission, Role
from app.workflows import queue_rows, queue_sql
from app.workflows.queue_rows import QueueFilters, QueuePage, QueueRow, cursor_of
from app.workflows.queue_search import FEW, MANY, Search
from app.workflows.queue_sql import FLAGGED, Shape, Way
from app.workflows.queue_time import QueueTime

__all__ = ["COUNTED", "FLAGGED", "QueueFilters", "QueuePage", "QueueRow", "counted", "cursor_of"]

COUNTED = 300
MOST_AT_ONCE = 50_000


def counted(number: int) -> str:
    """A total in words: `300+` where nobody has counted further."""
    return f"{number:,}" if number <= COUNTED else f"{COUNTED:,}+"


def _agency(actor: Actor, agency_id: int | None = None) -> int | None:
    """An operating agency sees its own only (R-ROLE-2); None means all of them."""
    policy.require(actor, Permission.SCREENING_VIEW)
    if actor.role.is_operating_agency:
        # Without an agency it would be nobody's queue, and never everybody's.
        return actor.agency_id or 0
    return agency_id


@dataclass(frozen=True)
class _Question:
    shape: Shape
    values: dict[str, Any]
    search: Search

    def ask(self, statement: Any) -> Any:
        return db.session.execute(statement, self.values)


def _question(
    actor: Actor, asked: QueueFilters, time: QueueTime, after: int | str | None = None
) -> _Question:
    agency_id, search = _agency(actor, asked.get("agency_id")), Search.read(asked.get("search", ""))
    # What was not applied for stands in no queue.
    states = [state for state in asked.get("states", (State.SCREENING,)) if state is not State.NOT_APPLIED]
    values: dict[str, Any] = {"agency_id": agency_id}
    holder = actor.id if asked.get("mine") else asked.get("account_id")
    kind, windows = asked.get("kind"), time.windows(late=bool(asked.get("late")), age=asked.get("age") or "")
    values |= {"holder": holder, "kind": kind and kind.value, **queue_rows.bounds(windows)}
    shape = Shape(
        everywhere=agency_id is None,
        states=tuple(state.value for state in states),
        flagged=bool(asked.get("flagged")),
        held=holder is not None,
        unheld=bool(asked.get("unassigned")),
        kind=kind is not None,
        windows=len(windows),
        again=bool(asked.get("again")),
        words=len(search.words),
        numbered=search.has_number,
        lettered=search.has_letters,
    )
    return _behind(_Question(shape, values | search.values(), search), after)


def _behind(question: _Question, after: int | str | None) -> _Question:
    """From a row's cursor on, or from an application; an unreadable cursor is none."""
    text = "" if after is None else str(after)
    if text.isascii() and text.isdigit() and int(text) < 2**63:
        values: dict[str, Any] = {"seen_id": int(text)}
        shape = replace(question.shape, behind="id")
    elif place := queue_rows.place_of(text):
        shape = replace(question.shape, behind="place")
        values = {"seen_at": place[0], "seen_id": place[1]}
    else:
        return question
    return replace(question, shape=shape, values=question.values | values)


def page(
    *, actor: Actor, after: int | str | None = None, size: int = 20, **asked: Unpack[QueueFilters]
) -> QueuePage:
    """Oldest first; `after` is a row's cursor, or the id of the application seen last."""
    time = QueueTime.read()
    question = _question(actor, asked, time, after)
    way, total = _way(question)
    found = question.ask(queue_sql.page(replace(question.shape, size=size), way)).all()
    if total is None and found:
        total = found[0].total
    return QueuePage([queue_rows.row(row, time) for row in found], total)


def _way(question: _Question) -> tuple[Way, int | None]:
    """How to meet the rows, and how many there are where that had to be found out first.

    A word of some thousand companies is walked to where many of them are in this list, else looked up: the
    walk would go on to the list's end.
    """
    if not question.search.words:
        return "walk", None
    expected = question.search.estimate()
    if expected <= FEW:
        return "look up", None
    way: Way = "look up" if expected <= MANY else "walk"
    total = _total(question, way)
    return ("walk" if total > COUNTED else way), total


def _total(question: _Question, way: Way) -> int:
    shape = replace(question.shape, behind="", size=COUNTED + 1)
    return int(question.ask(queue_sql.total(shape, way)).scalar_one())


def queue(
    *, actor: Actor, after: int | str | None = None, size: int = 20, **asked: Unpack[QueueFilters]
) -> list[QueueRow]:
    return page(actor=actor, after=after, size=size, **asked).rows


def ids(*, actor: Actor, limit: int = MOST_AT_ONCE, **asked: Unpack[QueueFilters]) -> list[int]:
    """All that match, in the queue's order: for what is done to all of them at once (R-SCR-3c)."""
    question = _question(actor, asked, QueueTime.read())
    few = bool(question.search.words) and question.search.estimate() <= MANY
    statement = queue_sql.ids(replace(question.shape, size=limit), "look up" if few else "walk")
    return list(question.ask(statement).scalars())


def total(*, actor: Actor, **asked: Unpack[QueueFilters]) -> int:
    """How many match, at most `COUNTED + 1`."""
    question = _question(actor, asked, QueueTime.read())
    few = bool(question.search.words) and question.search.estimate() <= MANY
    return _total(question, "look up" if few else "walk")


def counts(*, actor: Actor) -> dict[State | str, int]:
    """How many in each state and `FLAGGED`, each at most `COUNTED + 1`, within the actor's scope."""
    agency_id, states = _agency(actor), [state.value for state in State if state is not State.NOT_APPLIED]
    values = {"agency_id": agency_id, "states": states}
    found: dict[State | str, int] = dict.fromkeys((*State, FLAGGED), 0)
    for name, count in db.session.execute(queue_sql.counts(agency_id is None, COUNTED + 1), values):
        found[FLAGGED if name == FLAGGED else State(name)] = min(count, COUNTED + 1)
    return found


def colleagues(*, actor: Actor) -> list[tuple[int, str]]:
    """Who takes cases in the actor's agency, by name: to filter by, and to give to (R-SCR-3b)."""
    policy.require(actor, Permission.SCREENING_VIEW)
    own = (Account.agency_id == actor.agency_id, Account.role.in_((Role.REVIEWER, Role.MANAGER)))
    statement = select(Account.id, Account.name).where(*own, Account.is_active)
    return [(row.id, row.name) for row in db.session.execute(statement.order_by(Account.name, Account.id))]


def agencies(*, actor: Actor) -> list[tuple[int, str]]:
    """For the lead agency's filter; an operating agency sees its own, and needs none."""
    if _agency(actor) is not None:
        return []
    statement = select(Agency.id, Agency.name).where(~Agency.is_lead).order_by(Agency.id)
    return [(row.id, row.name) for row in db.session.execute(statement)]


def next_case(
    *, actor: Actor, states: Sequence[State] = (State.SCREENING,), after: int | None = None
) -> int | None:
    """The oldest case of the queue that is nobody else's (R-SCR-3b); behind the application `after` if given.

    Looks at two places of an index for each agency and state, whatever lies in others' hands before them. The
    lead agency's cases are in the hands of those who screened them: to it each is free.
    """
    agency_id = _agency(actor)
    values = {"agency_id": agency_id, "states": [state.value for state in states], "holder": actor.id}
    statement = queue_sql.next_case(agency_id is None, after is not None)
    found: int | None = db.session.scalar(statement, values | {"seen_id": after})
    return found
