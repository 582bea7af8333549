"""Bulk actions as their pages show them (R-SCR-3c)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import joinedload

from app.db import db
from app.errors import NotFound
from app.models.applications import Application
from app.models.bulk import BulkKind, BulkRow, BulkRun
from app.models.bulk import BulkOutcome as Outcome
from app.models.bulk import BulkState as State
from app.models.people import Account
from app.models.types import Labelled
from app.policy import Actor
from app.workflows import bulk
from app.workflows.lifecycle import Edge


class Part(Labelled):
    """Which rows a page shows."""

    ALL = "all", "전체"
    CAN = "can", "처리 가능"
    LATER = "later", "예산 부족"
    CANNOT = "cannot", "처리 불가"
    DONE = "done", "처리됨"
    REFUSED = "refused", "처리하지 못함"
    WAITING = "waiting", "남음"


_OF_PART: dict[Part, list[ColumnElement[bool]]] = {
    Part.ALL: [],
    Part.CAN: [BulkRow.outcome == Outcome.WAITING, BulkRow.reason.is_(None)],
    Part.LATER: [BulkRow.outcome == Outcome.WAITING, BulkRow.reason.is_not(None)],
    Part.CANNOT: [BulkRow.outcome == Outcome.REFUSED],
    Part.DONE: [BulkRow.outcome == Outcome.DONE],
    Part.REFUSED: [BulkRow.outcome == Outcome.REFUSED],
    Part.WAITING: [BulkRow.outcome == Outcome.WAITING],
}


@dataclass(frozen=True, kw_only=True)
class RunPage:
    run: BulkRun
    counts: dict[Part, int]
    reasons: list[tuple[str, int]]
    """Why rows cannot be, or could not, with how many; the most frequent first."""
    reviewers: list[str]
    """Whom the cases are given to."""
    edges: list[Edge]
    """What this person may do with it now."""
    is_own: bool

    @property
    def parts(self) -> Sequence[Part]:
        if self.run.state is State.PREVIEWED:
            budget = (Part.LATER,) if self.run.kind is BulkKind.CONFIRM else ()
            return Part.ALL, Part.CAN, *budget, Part.CANNOT
        return Part.ALL, Part.DONE, Part.REFUSED, Part.WAITING


def runs(*, actor: Actor, before: int | None = None, size: int = 20) -> list[BulkRun]:
    """Newest first. Raises Denied."""
    statement = select(BulkRun).where(*bulk.scope(actor)).options(joinedload(BulkRun.created_by))
    if before is not None:
        statement = statement.where(BulkRun.id < before)
    return list(db.session.scalars(statement.order_by(BulkRun.id.desc()).limit(size)))


def find(*, actor: Actor, run_id: int) -> BulkRun:
    """Raises NotFound, Denied."""
    statement = select(BulkRun).where(BulkRun.id == run_id, *bulk.scope(actor))
    run = db.session.scalar(statement.options(joinedload(BulkRun.created_by)))
    if run is None:
        raise NotFound("bulk.unknown", "일괄 처리를 찾을 수 없습니다. 목록에서 다시 선택해 주세요.")
    return run


def page(*, actor: Actor, run_id: int) -> RunPage:
    """Raises NotFound, Denied."""
    run = find(actor=actor, run_id=run_id)
    groups = db.session.execute(
        select(BulkRow.outcome, BulkRow.reason, func.count())
        .where(BulkRow.run_id == run_id)
        .group_by(BulkRow.outcome, BulkRow.reason)
    ).all()
    counts = dict.fromkeys(Part, 0)
    reasons: dict[str, int] = {}
    for outcome, reason, number in groups:
        counts[Part.ALL] += number
        counts[Part(outcome.value)] += number
        if reason is not None:
            reasons[reason] = reasons.get(reason, 0) + number
        if outcome is Outcome.WAITING:
            counts[Part.CAN if reason is None else Part.LATER] += number
    counts[Part.CANNOT] = counts[Part.REFUSED]
    return RunPage(
        run=run,
        counts=counts,
        reasons=sorted(reasons.items(), key=lambda pair: (-pair[1], pair[0])),
        reviewers=_names(run),
        edges=_edges(run, actor),
        is_own=run.created_by_id == actor.id,
    )


def _names(run: BulkRun) -> list[str]:
    if run.kind is not BulkKind.ASSIGN:
        return []
    statement = select(Account.name).where(Account.id.in_(run.arguments["account_ids"]))
    return list(db.session.scalars(statement.order_by(Account.name)))


def _edges(run: BulkRun, actor: Actor) -> list[Edge]:
    """To stop one is open to all of its side; to start one, and to go on, to whoever made it."""
    if not actor.may(bulk.PERMISSIONS[run.kind]):
        return []
    own = run.created_by_id == actor.id
    return [edge for edge in bulk.BULK.open_to(actor, run) if own or edge.action == "stop"]


def rows(
    *, actor: Actor, run_id: int, part: Part = Part.ALL, after: int | None = None, size: int = 50
) -> list[BulkRow]:
    """In the order in which they are done; `after` is a row's position. Raises NotFound, Denied."""
    find(actor=actor, run_id=run_id)
    statement = (
        select(BulkRow)
        .where(BulkRow.run_id == run_id, *_OF_PART[part])
        .options(
            joinedload(BulkRow.application).joinedload(Application.company),
            joinedload(BulkRow.application).joinedload(Application.agency),
        )
        .order_by(BulkRow.position)
        .limit(size)
    )
    if after is not None:
        statement = statement.where(BulkRow.position > after)
    return list(db.session.scalars(statement))
