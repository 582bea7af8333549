"""The thread of a deal as both sides and the lead agency read it, and its files (R-DEAL-2a, R-FILE-1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import selectinload

from app import policy
from app.db import db, transaction
from app.documents import store
from app.errors import Denied, NotFound
from app.models.deals import Deal, DealState
from app.models.threads import DealFile, DealMessage, DealSide
from app.policy import Actor, Permission
from app.workflows import record, threads
from app.workflows.attachments import HandedOut

PAGE = 50
_READS = (Permission.DEMAND_VIEW, Permission.SUPPLIER_VIEW, Permission.DEAL_VIEW)


@dataclass(frozen=True, kw_only=True)
class ThreadView:
    deal_id: int
    messages: list[DealMessage]
    """One page of them in the order in which they were sent, the latest last."""
    total: int
    earlier: int | None
    """The cursor of the page before, if there is one."""
    own: DealSide | None
    may_write: bool
    until: datetime | None
    """From when an ended deal's thread can only be read."""
    closed: str | None


def other(side: DealSide) -> DealSide:
    return DealSide.SUPPLIER if side is DealSide.COMPANY else DealSide.COMPANY


def _require(actor: Actor, deal: Deal | None) -> Deal:
    if not any(actor.may(permission) for permission in _READS):
        raise Denied()
    if deal is None:
        raise NotFound()
    policy.require_own(actor, deal)
    return deal


def thread(*, actor: Actor, deal_id: int, before: int | None = None) -> ThreadView:
    """The latest messages of a deal, or those before one of them. Raises NotFound, Denied."""
    deal = _require(actor, db.session.get(Deal, deal_id))
    own = DealMessage.deal_id == deal_id
    wanted = select(DealMessage).options(selectinload(DealMessage.files)).where(own)
    if before is not None:
        wanted = wanted.where(DealMessage.id < before)
    found = list(db.session.scalars(wanted.order_by(DealMessage.id.desc()).limit(PAGE + 1)))
    side, closed = threads.side_of(actor), threads.closed_text(deal)
    page = found[:PAGE][::-1]
    return ThreadView(
        deal_id=deal_id,
        messages=page,
        total=db.session.scalar(select(func.count()).select_from(DealMessage).where(own)) or 0,
        earlier=page[0].id if len(found) > PAGE else None,
        own=side,
        may_write=side is not None and closed is None,
        until=threads.open_until(deal),
        closed=closed,
    )


def last_written_by(deal_ids: Sequence[int]) -> dict[int, DealSide]:
    """Who wrote last, for those of the deals that have a message."""
    if not deal_ids:
        return {}
    rows = db.session.execute(
        select(DealMessage.deal_id, DealMessage.side)
        .where(DealMessage.deal_id.in_(deal_ids))
        .ext(distinct_on(DealMessage.deal_id))
        .order_by(DealMessage.deal_id, DealMessage.id.desc())
    )
    return {deal_id: side for deal_id, side in rows}


def waits_for(side: DealSide) -> ColumnElement[bool]:
    """Deals in which the other side wrote last: '새 메시지'."""
    last = (
        select(DealMessage.side)
        .where(DealMessage.deal_id == Deal.id)
        .order_by(DealMessage.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    return last == other(side)


def waiting(*, actor: Actor) -> int:
    """In how many of a person's deals the other side wrote last, those left out that have ended."""
    side = threads.side_of(actor)
    bound = policy.side(actor)
    if side is None or bound is None or bound[1] is None:
        return 0
    column = Deal.company_id if side is DealSide.COMPANY else Deal.supplier_id
    under_way = [state for state in DealState if state not in threads.ENDED]
    statement = select(func.count()).select_from(Deal)
    statement = statement.where(column == bound[1], Deal.state.in_(under_way), waits_for(side))
    return db.session.scalar(statement) or 0


def file_for(*, actor: Actor, deal_id: int, file_id: int) -> HandedOut:
    """Hand a file of a thread out to its two sides and to the lead agency, whose looks are recorded.

    R-FILE-1, R-AUD-0.
    Raises NotFound, Denied.
    """
    with transaction() as session:
        _require(actor, session.get(Deal, deal_id))
        file = session.scalar(
            select(DealFile)
            .join(DealFile.message)
            .where(DealFile.id == file_id, DealMessage.deal_id == deal_id)
        )
        if file is None:
            raise NotFound()
        if actor.role.is_staff:
            session.execute(select(DealFile.id).where(DealFile.id == file_id).with_for_update())
            change = {"deal_id": (None, deal_id), "file": (None, file.sha256)}
            record.write("deal_file", file_id, "read", actor=actor, change=change)
        answer = file.file_name, file.content_type, file.sha256
    return HandedOut(answer[0], answer[1], store.read(answer[2]))
