"""Evaluations as a supplier and the lead agency read them: lists, and averages by service (R-EVA-1)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import contains_eager

from app import clock, policy
from app.db import db
from app.errors import NotFound
from app.models.catalogue import Offering, Supplier
from app.models.companies import Company
from app.models.deals import Deal
from app.models.settlements import Evaluation
from app.policy import Actor, Permission
from app.workflows.evaluation_stats import tenths

LOW_TOTAL = 15
"""Five criteria of 3 points: an evaluation below it is one to look into."""
_MOST_SERVICES = 200


@dataclass(frozen=True, kw_only=True)
class ServiceAverage:
    """What a service was given; averages with one decimal, rounded half up."""

    offering_id: int
    name: str
    supplier: str
    count: int
    average: str
    criteria: dict[str, str]
    """By the criterion's Korean name."""


def of_supplier(
    *,
    actor: Actor,
    offering_id: int | None = None,
    since: date | None = None,
    until: date | None = None,
    before: int | None = None,
    size: int = 20,
) -> list[Evaluation]:
    """What the supplier's services were given, newest first; `before` is an evaluation's id."""
    where = _conditions(since=since, until=until, before=before)
    if offering_id is not None:
        where.append(Evaluation.offering_id == offering_id)
    statement = _listed().where(Evaluation.supplier_id == _supplier(actor), *where)
    return list(db.session.scalars(statement.limit(size)))


def averages_of_supplier(*, actor: Actor) -> list[ServiceAverage]:
    """One line for each of the supplier's evaluated services, by name."""
    return _averages(Evaluation.supplier_id == _supplier(actor))


def listing(
    *,
    actor: Actor,
    q: str = "",
    low: bool = False,
    since: date | None = None,
    until: date | None = None,
    before: int | None = None,
    size: int = 20,
) -> list[Evaluation]:
    """All evaluations, newest first: by service, supplier or company, or only those that are low."""
    policy.require(actor, Permission.DEAL_VIEW)
    where = [*_conditions(since=since, until=until, before=before), *_about(q, low)]
    return list(db.session.scalars(_listed().where(*where).limit(size)))


def averages(
    *, actor: Actor, q: str = "", low: bool = False, since: date | None = None, until: date | None = None
) -> list[ServiceAverage]:
    """Of what `listing` shows: one line for each service, the most evaluated first."""
    policy.require(actor, Permission.DEAL_VIEW)
    found = _averages(*_conditions(since=since, until=until), *_about(q, low))
    return sorted(found, key=lambda each: -each.count)


def of_deal(*, actor: Actor, deal: Deal) -> Evaluation | None:
    """A deal's evaluation, to either side and to the lead agency's readers. Raises Denied, NotFound."""
    policy.require_own(actor, deal)
    if policy.side(actor) is None:
        policy.require(actor, Permission.DEAL_VIEW)
    return db.session.scalar(select(Evaluation).where(Evaluation.deal_id == deal.id))


def _supplier(actor: Actor) -> int:
    policy.require(actor, Permission.SUPPLIER_VIEW)
    if actor.supplier_id is None:
        raise NotFound()
    return actor.supplier_id


def _listed() -> Select[Evaluation]:
    deal = contains_eager(Evaluation.deal)
    return (
        select(Evaluation)
        .join(Deal, Deal.id == Evaluation.deal_id)
        .join(Offering, Offering.id == Deal.offering_id)
        .join(Company, Company.id == Deal.company_id)
        .join(Supplier, Supplier.id == Deal.supplier_id)
        .options(
            deal.contains_eager(Deal.offering),
            deal.contains_eager(Deal.company),
            deal.contains_eager(Deal.supplier),
        )
        .order_by(Evaluation.id.desc())
    )


def _conditions(
    *, since: date | None = None, until: date | None = None, before: int | None = None
) -> list[ColumnElement[bool]]:
    where: list[ColumnElement[bool]] = []
    if since is not None:
        where.append(Evaluation.at >= clock.start_of(since))
    if until is not None:
        where.append(Evaluation.at < clock.end_of(until))
    if before is not None:
        where.append(Evaluation.id < before)
    return where


def _about(q: str, low: bool) -> list[ColumnElement[bool]]:
    where: list[ColumnElement[bool]] = []
    if q:
        names = (Offering.name, Supplier.name, Company.name)
        where.append(or_(*(name.icontains(q, autoescape=True) for name in names)))
    if low:
        where.append(_total() < LOW_TOTAL)
    return where


def _total() -> ColumnElement[int]:
    first, *rest = (getattr(Evaluation, name) for name in Evaluation.CRITERIA)
    total: ColumnElement[int] = sum(rest, start=first)
    return total


def _averages(*where: ColumnElement[bool]) -> list[ServiceAverage]:
    sums = [func.sum(getattr(Evaluation, name)) for name in Evaluation.CRITERIA]
    statement = (
        select(Offering.id, Offering.name, Supplier.name, func.count(), *sums)
        .select_from(Evaluation)
        .join(Offering, Offering.id == Evaluation.offering_id)
        .join(Supplier, Supplier.id == Evaluation.supplier_id)
        .join(Company, Company.id == Evaluation.company_id)
        .where(*where)
        .group_by(Offering.id, Offering.name, Supplier.name)
        .order_by(Offering.name, Offering.id)
        .limit(_MOST_SERVICES)
    )
    return [_average(*row) for row in db.session.execute(statement)]


def _average(offering_id: int, name: str, supplier: str, count: int, *sums: int) -> ServiceAverage:
    labels = Evaluation.CRITERIA.values()
    return ServiceAverage(
        offering_id=offering_id,
        name=name,
        supplier=supplier,
        count=count,
        average=tenths(sum(sums), count * len(sums)),
        criteria={label: tenths(total, count) for label, total in zip(labels, sums, strict=True)},
    )
