"""What is on sale: found, filtered, sorted and counted (R-CAT-1, R-CAT-2).

Browsing walks one of the indexes that begin with the order asked for, so that no page sorts the catalogue; a
search sorts what it has found.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    exists,
    false,
    func,
    literal,
    literal_column,
    select,
    union_all,
)
from sqlalchemy.orm import aliased, joinedload

from app.db import db
from app.models.catalogue import (
    Category,
    Offering,
    OfferingFile,
    OfferingFileKind,
    OfferingState,
    Supplier,
    SupplierState,
    Wish,
)
from app.models.programme import Programme
from app.models.types import Labelled
from app.workflows import search

COUNTED = 1000
"""A list says '1,000+' beyond: nobody needs the number, and counting on would cost more than the page."""
LARGEST_SIZE = 60
_HALF_A_TENTH = Decimal("0.05")


class Sort(Labelled):
    RELEVANCE = "relevance", "정확도순"
    RATING = "rating", "평점순"
    PRICE = "price", "낮은 가격순"
    LATEST = "latest", "최신순"


@dataclass(frozen=True, kw_only=True)
class Filters:
    """What a list is narrowed by; prices in won, of a service's cheapest plan."""

    category_id: int | None = None
    supplier: str = ""
    """Part of the company's name."""
    price_from: int | None = None
    price_to: int | None = None
    rating: Decimal | None = None
    """At least; as the lists show it, so that 3.96 counts as 4.0."""


EVERYTHING = Filters()


@dataclass(frozen=True, kw_only=True)
class CataloguePage:
    items: list[Offering]
    total: int
    total_capped: bool
    page: int
    pages: int
    sort: Sort
    wished: set[int] = field(default_factory=set)
    """Which of the items lie on the company's wish list (R-CAT-4)."""
    pictures: dict[int, int] = field(default_factory=dict)
    """The file of each item that has a picture."""


def on_sale() -> list[ColumnElement[bool]]:
    """R-CAT-5, R-SUP-1: an approved service of a 선정 supplier."""
    return [Offering.state == OfferingState.ON_SALE, Supplier.state == SupplierState.SELECTED]


def order(sort: Sort, query: str) -> list[Any]:
    """As the indexes `ix_offering_latest`, `_price` and `_rating` are written."""
    rating = [Offering.rating.desc().nulls_last(), Offering.rating_count.desc(), Offering.id.desc()]
    if sort is Sort.RELEVANCE:
        return [search.name_first(query), *rating]
    if sort is Sort.RATING:
        return rating
    if sort is Sort.PRICE:
        return [Offering.lowest_price.asc(), Offering.id.desc()]
    return [Offering.published_at.desc().nulls_last(), Offering.id.desc()]


def _narrowed(filters: Filters, q: str) -> list[ColumnElement[bool]]:
    conditions = [*on_sale(), search.matching(q)]
    if filters.category_id is not None:
        conditions.append(_in_category(filters.category_id))
    if supplier := search.clean(filters.supplier):
        conditions.append(_named(supplier))
    if filters.price_from is not None:
        conditions.append(Offering.lowest_price >= filters.price_from)
    if filters.price_to is not None:
        conditions.append(Offering.lowest_price <= filters.price_to)
    if filters.rating is not None:
        conditions.append(Offering.rating >= filters.rating - _HALF_A_TENTH)
    return conditions


def _in_category(category_id: int) -> ColumnElement[bool]:
    """Its number stands in the statement itself: a plan that was made for any of them would look for an empty
    category in the whole table."""
    return Offering.category_id == literal_column(str(int(category_id)))


def _named(text: str) -> ColumnElement[bool]:
    """A whole name means that company, and not those whose longer names hold it."""
    other = aliased(Supplier)
    whole = exists().where(other.name == text)
    return (Supplier.name == text) | (~whole & Supplier.name.icontains(text, autoescape=True))


def picture() -> ColumnElement[int | None]:
    """The picture of the offering of the row."""
    return (
        select(func.max(OfferingFile.id))
        .where(
            OfferingFile.offering_id == Offering.id,
            OfferingFile.kind == OfferingFileKind.PICTURE,
            OfferingFile.replaced_at.is_(None),
        )
        .correlate(Offering)
        .scalar_subquery()
    )


def is_wished(company_id: int | None) -> ColumnElement[bool]:
    """Whether the offering of the row lies on this company's list."""
    if company_id is None:
        return false()
    return exists().where(Wish.company_id == company_id, Wish.offering_id == Offering.id)


def page_of(
    *,
    filters: Filters = EVERYTHING,
    q: str = "",
    sort: Sort | None = None,
    page: int = 1,
    size: int = 12,
    company_id: int | None = None,
) -> CataloguePage:
    """One page of what is on sale, in two statements; no page lies beyond the counted thousand.

    With `company_id` it says what that company has put on its wish list.
    """
    size, sort = max(1, min(size, LARGEST_SIZE)), _sort(sort, q)
    found = select(Offering).join(Offering.supplier).where(*_narrowed(filters, q))
    total = _total(found)
    shown = min(total, COUNTED)
    pages = max(1, -(-shown // size))
    page = max(1, min(page, pages))
    ordered = found.order_by(*order(sort, q)).limit(size).offset((page - 1) * size)
    rows = db.session.execute(_with_marks(ordered, company_id)).all()
    return CataloguePage(
        items=[row[0] for row in rows],
        total=shown,
        total_capped=total > COUNTED,
        page=page,
        pages=pages,
        sort=sort,
        wished={row[0].id for row in rows if row.wished},
        pictures={row[0].id: row.picture for row in rows if row.picture},
    )


def _sort(wanted: Sort | None, q: str) -> Sort:
    """Without words there is nothing to be close to."""
    if search.words(q):
        return wanted or Sort.RELEVANCE
    return wanted if wanted not in (None, Sort.RELEVANCE) else Sort.LATEST


def _with_marks(statement: Select[Any], company_id: int | None) -> Select[Any]:
    """With what the page shows beside the service: no further statement for any of them."""
    return statement.add_columns(is_wished(company_id).label("wished"), picture().label("picture")).options(
        joinedload(Offering.supplier), joinedload(Offering.category)
    )


def _total(found: Select[Any]) -> int:
    counted = found.with_only_columns(Offering.id).limit(COUNTED + 1).subquery()
    return db.session.scalar(select(func.count()).select_from(counted)) or 0


def categories_with_counts(*, programme: Programme | None) -> list[tuple[Category, int]]:
    """The programme's open categories with how many services are on sale in each, up to `COUNTED` + 1.

    Two statements whose cost is bound: nobody counts a hundred thousand for a menu.
    """
    statement = select(Category).where(Category.is_open).order_by(Category.position, Category.id)
    if programme is not None and programme.category_codes:
        statement = statement.where(Category.code.in_(programme.category_codes))
    categories = list(db.session.scalars(statement))
    if not categories:
        return []
    rows = db.session.execute(union_all(*[_count(category.id) for category in categories]))
    counts: dict[int, int] = {category_id: number for category_id, number in rows}
    return [(category, counts[category.id]) for category in categories]


def _count(category_id: int) -> Any:
    some = (
        select(literal(1))
        .select_from(Offering)
        .join(Offering.supplier)
        .where(*on_sale(), _in_category(category_id))
        .limit(COUNTED + 1)
        .subquery()
    )
    number = literal_column(str(int(category_id)), BigInteger)
    return select(number, func.count()).select_from(some)
