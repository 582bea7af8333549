"""The catalogue's categories (R-CAT-1): added, renamed, put in order, closed and opened again.

Which of them a programme has is its setting (R-JOIN-7a). A closed one takes no new services and is not shown;
what stands in it, and every deal, stays.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select

from app import policy
from app.db import db, lock, transaction
from app.errors import Conflict, InvalidInput
from app.models.catalogue import Category, Offering, OfferingState
from app.policy import Actor, Permission
from app.workflows import record, search

LONGEST = 30
_MANAGE = Permission.PROGRAMME_SETTINGS


@dataclass(frozen=True, kw_only=True)
class Shelf:
    """A category and what stands in it."""

    category: Category
    on_sale: int
    all: int

    @property
    def id(self) -> int:
        return self.category.id


def shelves(*, actor: Actor) -> list[Shelf]:
    """All categories in their order, closed ones too. Raises Denied."""
    policy.require(actor, Permission.OPERATIONS_VIEW)
    counted = (
        select(
            Offering.category_id,
            func.count().label("all"),
            func.count().filter(Offering.state == OfferingState.ON_SALE).label("on_sale"),
        )
        .group_by(Offering.category_id)
        .subquery()
    )
    rows = db.session.execute(
        select(Category, func.coalesce(counted.c.on_sale, 0), func.coalesce(counted.c.all, 0))
        .outerjoin(counted, counted.c.category_id == Category.id)
        .order_by(Category.position, Category.id)
    )
    return [Shelf(category=category, on_sale=on_sale, all=number) for category, on_sale, number in rows]


def everything() -> list[Category]:
    """Closed ones too, in order: for filters."""
    return list(db.session.scalars(select(Category).order_by(Category.position, Category.id)))


def names() -> dict[str, str]:
    """Code -> name of every category, in order."""
    rows = db.session.execute(select(Category.code, Category.name).order_by(Category.position, Category.id))
    return {code: name for code, name in rows}


def add(*, actor: Actor, name: str) -> Category:
    """Put a new one at the end. Raises Denied, InvalidInput."""
    policy.require(actor, _MANAGE)
    with transaction() as session:
        _lock_all()
        name = _name(name)
        last, place = session.execute(select(func.max(Category.id), func.max(Category.position))).one()
        category = Category(code=f"added_{(last or 0) + 1}", name=name, position=(place or 0) + 1)
        session.add(category)
        session.flush()
        record.write("category", category.id, "create", actor=actor, change={"name": (None, name)})
        return category


def rename(*, actor: Actor, category_id: int, name: str) -> Category:
    """Raises Denied, NotFound, InvalidInput."""
    policy.require(actor, _MANAGE)
    with transaction() as session:
        _lock_all()
        category = lock(Category, category_id)
        before, category.name = category.name, _name(name, own=category_id)
        session.flush()
        if before != category.name:
            change = {"name": (before, category.name)}
            record.write("category", category_id, "edit", actor=actor, change=change)
        return category


def move(*, actor: Actor, category_id: int, up: bool) -> None:
    """One place up or down; the first goes no higher. Raises Denied, NotFound."""
    policy.require(actor, _MANAGE)
    with transaction() as session:
        order = _lock_all()
        category = lock(Category, category_id)
        place = order.index(category)
        other = place - 1 if up else place + 1
        if not 0 <= other < len(order):
            return
        order[place], order[other] = order[other], order[place]
        for position, each in enumerate(order, start=1):
            each.position = position
        session.flush()
        change = {"position": (place + 1, other + 1)}
        record.write("category", category_id, "reorder", actor=actor, change=change)


def set_open(*, actor: Actor, category_id: int, is_open: bool) -> Category:
    """Close it, or open it again. Raises Denied, NotFound, Conflict `category.last`."""
    policy.require(actor, _MANAGE)
    with transaction() as session:
        order = _lock_all()
        category = lock(Category, category_id)
        if category.is_open == is_open:
            return category
        if not is_open and sum(each.is_open for each in order) == 1:
            raise Conflict("category.last", "마지막 분야는 닫을 수 없습니다. 다른 분야를 먼저 열어 주세요.")
        category.is_open = is_open
        session.flush()
        change = {"is_open": (not is_open, is_open)}
        record.write("category", category_id, "open" if is_open else "close", actor=actor, change=change)
        return category


def _lock_all() -> list[Category]:
    """In their order: names and places concern them all."""
    statement = select(Category).order_by(Category.position, Category.id).with_for_update()
    return list(db.session.scalars(statement.execution_options(populate_existing=True)))


def _name(typed: str, *, own: int | None = None) -> str:
    name, text = search.clean(typed), ""
    same = select(Category.id).where(
        func.lower(Category.name) == name.lower(), Category.id.is_distinct_from(own)
    )
    if not name:
        text = "분야 이름을 입력해 주세요."
    elif len(name) > LONGEST:
        text = f"분야 이름은 {LONGEST}자까지 쓸 수 있습니다."
    elif db.session.scalar(same):
        text = "같은 이름의 분야가 있습니다. 다른 이름을 입력해 주세요."
    if text:
        raise InvalidInput("category.name", text, fields={"name": text})
    return name
