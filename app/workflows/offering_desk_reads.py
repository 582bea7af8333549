"""What waits for the lead agency's approval, and what a price is compared with (R-CAT-5)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, or_, select, tuple_
from sqlalchemy.orm import joinedload

from app import clock, policy
from app.db import db
from app.models.catalogue import Offering, OfferingState, Plan, Supplier, SupplierState
from app.models.record import AuditRow
from app.policy import Actor, Permission
from app.workflows import offering_review, search
from app.workflows.storefront import MONTHLY

_ASKS = ("submit", "propose")
PROPOSED = and_(Offering.state == OfferingState.ON_SALE, Offering.proposed_version_id.is_not(None))
NEW = Offering.state == OfferingState.IN_REVIEW


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """A service, or its new prices, since when its supplier waits."""

    offering: Offering
    asked_at: datetime
    kind: str

    @property
    def id(self) -> int:
        return self.offering.id

    @property
    def days(self) -> int:
        """Business days."""
        return clock.business_days_between(self.asked_at, clock.now())


def asked_at() -> Any:
    """When its approval was last asked for; of what stands without a trail, when it was made."""
    asked = (
        select(func.max(AuditRow.at))
        .where(AuditRow.entity == "offering", AuditRow.entity_id == Offering.id, AuditRow.action.in_(_ASKS))
        .correlate(Offering)
        .scalar_subquery()
    )
    return func.coalesce(asked, Offering.created_at)


def _conditions(kind: str, category_id: int | None, text: str) -> list[ColumnElement[bool]]:
    waits = {offering_review.NEW: NEW, offering_review.PRICE: PROPOSED}.get(kind, or_(NEW, PROPOSED))
    found: list[ColumnElement[bool]] = [waits, search.matching(text)]
    return [*found, Offering.category_id == category_id] if category_id is not None else found


def approval_queue(
    *,
    actor: Actor,
    kind: str = "",
    category_id: int | None = None,
    text: str = "",
    after: int | None = None,
    size: int = 50,
) -> list[Waiting]:
    """New services and new prices, who waits longest first; `after` is the last service of the page before.

    Raises Denied.
    """
    policy.require(actor, Permission.DEAL_VIEW)
    since_when = asked_at()
    statement = select(Offering, since_when).where(*_conditions(kind, category_id, text))
    if after is not None:
        since = db.session.scalar(select(since_when).where(Offering.id == after))
        statement = statement.where(tuple_(since_when, Offering.id) > tuple_(since, after))
    rows = db.session.execute(
        statement.options(joinedload(Offering.supplier), joinedload(Offering.category))
        .order_by(since_when, Offering.id)
        .limit(size)
    )
    return [
        Waiting(
            offering=offering, asked_at=since.astimezone(clock.KST), kind=offering_review.kind_of(offering)
        )
        for offering, since in rows
    ]


def counts(*, actor: Actor) -> dict[str, int]:
    """How many of each kind wait."""
    policy.require(actor, Permission.DEAL_VIEW)
    new, price = db.session.execute(
        select(func.count().filter(NEW), func.count().filter(PROPOSED)).where(or_(NEW, PROPOSED))
    ).one()
    return {offering_review.NEW: new, offering_review.PRICE: price}


def listing(
    *,
    actor: Actor,
    state: OfferingState | None = None,
    category_id: int | None = None,
    text: str = "",
    before: int | None = None,
    size: int = 50,
) -> list[Offering]:
    """All services that were ever asked about, newest first: where one is found to be suspended."""
    policy.require(actor, Permission.DEAL_VIEW)
    conditions = [Offering.state == state if state else Offering.state != OfferingState.DRAFT]
    conditions.append(search.matching(text))
    if category_id is not None:
        conditions.append(Offering.category_id == category_id)
    if before is not None:
        conditions.append(Offering.id < before)
    statement = select(Offering).where(*conditions).order_by(Offering.id.desc()).limit(size)
    return list(
        db.session.scalars(statement.options(joinedload(Offering.supplier), joinedload(Offering.category)))
    )


@dataclass(frozen=True, kw_only=True)
class Prices:
    """Of the plans on sale in a category, for one month each, in won; None where there are none."""

    plans: int
    median: int | None
    least: int | None
    most: int | None


def category_prices(*, category_id: int, without: int) -> Prices:
    """What the other services of a category cost."""
    months = Plan.period_months
    monthly = case(
        (func.btrim(Plan.unit).in_(MONTHLY), Plan.price),
        else_=(Plan.price * 2 + months) // (months * 2),
    )
    found = db.session.execute(
        select(
            func.count(),
            func.percentile_disc(0.5).within_group(monthly),
            func.min(monthly),
            func.max(monthly),
        )
        .join(Offering, Offering.current_version_id == Plan.version_id)
        .join(Supplier, Supplier.id == Offering.supplier_id)
        .where(
            Offering.category_id == category_id,
            Offering.id != without,
            Offering.state == OfferingState.ON_SALE,
            Supplier.state == SupplierState.SELECTED,
        )
    ).one()
    numbers = [None if value is None else int(value) for value in found[1:]]
    return Prices(plans=found[0], median=numbers[0], least=numbers[1], most=numbers[2])


@dataclass(frozen=True, kw_only=True)
class PriceChange:
    """A plan of the old or the new version, or of both where the name is the same."""

    name: str
    before: Plan | None
    after: Plan | None

    @property
    def tenths(self) -> int | None:
        """By how many tenths of a percent the price rises, half away from zero; None without a pair."""
        if self.before is None or self.after is None:
            return None
        difference, base = self.after.price - self.before.price, self.before.price
        rounded = (abs(difference) * 2000 + base) // (2 * base)
        return rounded if difference >= 0 else -rounded

    @property
    def percent(self) -> str:
        """`+12.5%`, `−3.0%`, `0.0%`."""
        if self.tenths is None:
            return ""
        sign = "+" if self.tenths > 0 else "−" if self.tenths < 0 else ""
        return f"{sign}{abs(self.tenths) // 10}.{abs(self.tenths) % 10}%"


def price_changes(*, before: list[Plan], after: list[Plan]) -> list[PriceChange]:
    """Old and new prices side by side, by the plan's name: the new order, then what falls away."""
    old = {plan.name: plan for plan in before}
    new = {plan.name for plan in after}
    kept = [PriceChange(name=plan.name, before=old.get(plan.name), after=plan) for plan in after]
    gone = [PriceChange(name=plan.name, before=plan, after=None) for plan in before if plan.name not in new]
    return kept + gone
