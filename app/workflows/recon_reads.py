"""The queue of differences and one of them, as the console shows them (R-SET-3)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import joinedload

from app import clock, policy
from app.db import db
from app.errors import NotFound
from app.models.deals import Deal
from app.models.holds import SettlementHold
from app.models.payments import Payment
from app.models.people import Account
from app.models.statements import (
    Bucket,
    ItemState,
    ReconAct,
    ReconItem,
    StatementLine,
    StatementSystem,
)
from app.models.types import Labelled
from app.policy import GRANTS, Actor, Permission, Role
from app.workflows import search
from app.workflows.lifecycle import Edge
from app.workflows.recon_lifecycle import ITEM

OLD = timedelta(days=3)
"""From here on a difference is worth asking about: it should have been explained by then."""
MOST_CANDIDATES = 20


class Shown(Labelled):
    """Which of them a list shows."""

    LIVE = "live", "처리할 건"
    PROPOSED = "proposed", "종결 확인 대기"
    CLOSED = "closed", "종결"
    ALL = "all", "전체"


class Whose(Labelled):
    MINE = "mine", "내 담당"
    NOBODY = "nobody", "담당자 없음"


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """The filters of the address, but for the bucket."""

    shown: Shown = Shown.LIVE
    system: StatementSystem | None = None
    whose: Whose | None = None
    old: bool = False
    since: date | None = None
    until: date | None = None
    q: str = ""


@dataclass(frozen=True)
class Row:
    item: ReconItem
    age: timedelta
    """Since it was opened, until it was closed."""

    @property
    def id(self) -> int:
        return self.item.id

    @property
    def ours(self) -> int:
        """Won as they moved: what was given back is negative."""
        return -self.item.ours if self.item.is_cancel else self.item.ours

    @property
    def theirs(self) -> int:
        return -self.item.theirs if self.item.is_cancel else self.item.theirs

    @property
    def who(self) -> str:
        """Whose it is; of what is closed and was nobody's, who closed it."""
        item = self.item
        if item.owner is not None:
            return item.owner.name
        if item.state is ItemState.CLOSED:
            return item.closed_by.name if item.closed_by else "자동 해소"
        return ""

    @property
    def is_old(self) -> bool:
        return self.item.state is not ItemState.CLOSED and self.age >= OLD

    @property
    def approval_number(self) -> str | None:
        if self.item.line:
            return self.item.line.approval_number
        return self.item.payment.approval_number if self.item.payment else None

    @property
    def order_id(self) -> str | None:
        if self.item.payment:
            return self.item.payment.order_id
        return self.item.line.order_id if self.item.line else None


@dataclass(frozen=True)
class Counts:
    """Of what the filters leave, by bucket: how many, and the won between the books."""

    count: dict[Bucket, int]
    won: dict[Bucket, int]
    old: int

    @property
    def total(self) -> int:
        return sum(self.count.values())


@dataclass(frozen=True)
class ItemPage:
    row: Row
    acts: list[ReconAct]
    edges: list[Edge]
    candidates: list[ReconItem]
    """Differences of the other side, of the same won, with which it could be matched by hand."""
    partner: ReconItem | None
    holds: list[SettlementHold] = field(default_factory=list)

    @property
    def item(self) -> ReconItem:
        return self.row.item


_DEAL = joinedload(ReconItem.payment).joinedload(Payment.deal)
_EAGER = (
    joinedload(ReconItem.line).joinedload(StatementLine.file),
    joinedload(ReconItem.owner),
    joinedload(ReconItem.closed_by),
    _DEAL.joinedload(Deal.company),
    _DEAL.joinedload(Deal.supplier),
)


def listing(
    *, actor: Actor, wanted: Wanted, bucket: Bucket | None = None, after: int | None = None, size: int = 20
) -> list[Row]:
    """The oldest first, by keyset (`after` is an item's id). Raises Denied."""
    policy.require(actor, Permission.RECONCILE_VIEW)
    query = select(ReconItem).options(*_EAGER).where(*_conditions(wanted, actor), ReconItem.id > (after or 0))
    if bucket is not None:
        query = query.where(ReconItem.bucket == bucket)
    return [_row(item) for item in db.session.scalars(query.order_by(ReconItem.id).limit(size))]


def _row(item: ReconItem) -> Row:
    return Row(item, (item.closed_at or clock.now()) - item.opened_at)


def counts(*, actor: Actor, wanted: Wanted) -> Counts:
    """By bucket, for the tabs. Raises Denied."""
    policy.require(actor, Permission.RECONCILE_VIEW)
    old = func.count().filter(ReconItem.state != ItemState.CLOSED, ReconItem.opened_at <= clock.now() - OLD)
    between = func.sum(func.abs(ReconItem.theirs - ReconItem.ours))
    query = (
        select(ReconItem.bucket, func.count(), between, old)
        .where(*_conditions(wanted, actor))
        .group_by(ReconItem.bucket)
    )
    found = {row[0]: row for row in db.session.execute(query)}
    return Counts(
        count={each: found[each][1] if each in found else 0 for each in Bucket},
        won={each: int(found[each][2]) if each in found else 0 for each in Bucket},
        old=sum(row[3] for row in found.values()),
    )


def _conditions(wanted: Wanted, actor: Actor) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [*_SHOWN[wanted.shown]]
    if wanted.system is not None:
        found.append(ReconItem.system == wanted.system)
    if wanted.whose is not None:
        mine = wanted.whose is Whose.MINE
        found.append(ReconItem.owner_id == actor.id if mine else ReconItem.owner_id.is_(None))
    if wanted.old:
        found.append(ReconItem.opened_at <= clock.now() - OLD)
    if wanted.since is not None:
        found.append(ReconItem.day >= wanted.since)
    if wanted.until is not None:
        found.append(ReconItem.day <= wanted.until)
    return found + [_said(word) for word in search.words(wanted.q)]


_SHOWN: dict[Shown, tuple[ColumnElement[bool], ...]] = {
    Shown.LIVE: (ReconItem.state != ItemState.CLOSED,),
    Shown.PROPOSED: (ReconItem.state == ItemState.PROPOSED,),
    Shown.CLOSED: (ReconItem.state == ItemState.CLOSED,),
    Shown.ALL: (),
}


def _said(word: str) -> ColumnElement[bool]:
    """An approval number or an order, on either side."""

    def either(*columns: Any) -> ColumnElement[bool]:
        return or_(*[column.icontains(word, autoescape=True) for column in columns])

    theirs = select(StatementLine.id).where(
        StatementLine.id == ReconItem.line_id,
        either(StatementLine.approval_number, StatementLine.order_id),
    )
    ours = select(Payment.id).where(
        Payment.id == ReconItem.payment_id, either(Payment.approval_number, Payment.order_id)
    )
    return or_(theirs.exists(), ours.exists())


def item(*, actor: Actor, item_id: int) -> ItemPage:
    """One difference with all that was done about it. Raises Denied, NotFound."""
    policy.require(actor, Permission.RECONCILE_VIEW)
    query = select(ReconItem).options(*_EAGER).where(ReconItem.id == item_id)
    found = db.session.scalars(query).one_or_none()
    if found is None:
        raise NotFound()
    acts = select(ReconAct).where(ReconAct.item_id == item_id).order_by(ReconAct.id)
    return ItemPage(
        row=_row(found),
        acts=list(db.session.scalars(acts)),
        edges=ITEM.open_to(actor, found),
        candidates=_candidates(found) if actor.may(Permission.RECONCILE_WORK) else [],
        partner=db.session.get(ReconItem, found.with_item_id) if found.with_item_id else None,
        holds=_holds(found),
    )


def _candidates(found: ReconItem) -> list[ReconItem]:
    """Open ones of the other side that could be the same: equal won and kind, the nearest day first."""
    if found.state is not ItemState.OPEN or (found.line_id is not None and found.ours):
        return []
    other_side = ReconItem.line_id.is_(None) if found.line_id is not None else ReconItem.line_id.is_not(None)
    won = ReconItem.ours == found.theirs if found.line_id is not None else ReconItem.theirs == found.ours
    query = (
        select(ReconItem)
        .options(*_EAGER)
        .where(
            ReconItem.state == ItemState.OPEN,
            ReconItem.system == found.system,
            ReconItem.is_cancel == found.is_cancel,
            ReconItem.bucket != Bucket.AMOUNT,
            other_side,
            won,
        )
        .order_by(func.abs(ReconItem.day - found.day), ReconItem.id)
        .limit(MOST_CANDIDATES)
    )
    return list(db.session.scalars(query))


def _holds(found: ReconItem) -> list[SettlementHold]:
    if found.payment_id is None:
        return []
    query = select(SettlementHold).where(
        SettlementHold.payment_id == found.payment_id, SettlementHold.released_at.is_(None)
    )
    return list(db.session.scalars(query.order_by(SettlementHold.id)))


def owners(*, actor: Actor) -> list[Account]:
    """Who may clear differences, by name. Raises Denied."""
    policy.require(actor, Permission.RECONCILE_VIEW)
    roles = [role for role in Role if Permission.RECONCILE_WORK in GRANTS[role]]
    query = select(Account).where(Account.role.in_(roles), Account.is_active)
    return list(db.session.scalars(query.order_by(Account.name, Account.id)))
