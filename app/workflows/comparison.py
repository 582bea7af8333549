"""Up to three services side by side (R-CAT-3): what an address names, as far as it is on sale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import joinedload

from app import clock
from app.db import db
from app.models.catalogue import Offering, OfferingVersion, Plan
from app.models.deals import Deal, DealState
from app.policy import Actor
from app.workflows import catalogue, storefront

MOST = 3


@dataclass(frozen=True, kw_only=True)
class Compared:
    """One column of the comparison."""

    offering: Offering
    plans: list[Plan]
    picture: int | None
    open_deal_id: int | None
    """The company's consultation about it that waits for its answer."""

    @property
    def id(self) -> int:
        return self.offering.id

    @property
    def cheapest(self) -> Plan:
        """By the month: what a plan for a year costs is no reason against it."""
        return min(self.plans, key=storefront.monthly)


def of(*, actor: Actor | None, offering_ids: Sequence[int]) -> list[Compared]:
    """The services in the order asked for, those on sale alone, in one statement."""
    wanted = list(dict.fromkeys(offering_ids))[:MOST]
    if not wanted:
        return []
    columns = _columns(wanted, actor.company_id if actor else None)
    found = {
        row[0].id: Compared(
            offering=row[0],
            plans=row[0].current_version.plans,
            picture=row.picture,
            open_deal_id=row.open_deal_id,
        )
        for row in db.session.execute(columns).unique()
    }
    return [found[key] for key in wanted if key in found]


def _columns(offering_ids: Sequence[int], company_id: int | None) -> Select[Any]:
    waiting = (
        select(func.max(Deal.id))
        .where(
            Deal.offering_id == Offering.id,
            Deal.company_id == company_id,
            Deal.state == DealState.CONSULTING,
            Deal.due_at > clock.now(),
        )
        .correlate(Offering)
        .scalar_subquery()
    )
    return (
        select(Offering, catalogue.picture().label("picture"), waiting.label("open_deal_id"))
        .join(Offering.supplier)
        .where(*catalogue.on_sale(), Offering.id.in_(offering_ids), Offering.current_version_id.is_not(None))
        .options(
            joinedload(Offering.supplier),
            joinedload(Offering.category),
            joinedload(Offering.current_version).joinedload(OfferingVersion.plans),
        )
    )


def names(*, offering_ids: Sequence[int]) -> list[tuple[int, str]]:
    """Id and name of those on sale, in the order asked for: what a browser keeps in mind."""
    wanted = list(dict.fromkeys(offering_ids))[:MOST]
    rows = db.session.execute(
        select(Offering.id, Offering.name)
        .join(Offering.supplier)
        .where(*catalogue.on_sale(), Offering.id.in_(wanted))
    )
    found = {row.id: row.name for row in rows}
    return [(key, found[key]) for key in wanted if key in found]
