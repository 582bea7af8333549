"""찜: the services that a demand company keeps in mind (R-CAT-4)."""

from __future__ import annotations

from sqlalchemy import ColumnElement, delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import joinedload

from app import clock, policy
from app.db import db, transaction
from app.errors import Denied, NotFound
from app.models.catalogue import Offering, OfferingState, Supplier, SupplierState, Wish
from app.policy import Actor, Permission


def _company_id(actor: Actor) -> int:
    policy.require(actor, Permission.DEMAND_VIEW)
    if actor.company_id is None:
        raise Denied()
    return actor.company_id


def toggle(*, actor: Actor, offering_id: int) -> bool:
    """Put a service on the list, or take it off; whether it is on it now. Raises Denied, NotFound."""
    company_id = _company_id(actor)
    with transaction() as session:
        taken_off = session.scalar(
            delete(Wish)
            .where(Wish.company_id == company_id, Wish.offering_id == offering_id)
            .returning(Wish.offering_id)
        )
        if taken_off is not None:
            return False
        if not session.scalar(select(Offering.id).where(Offering.id == offering_id, _on_sale())):
            raise NotFound("offering.not_found", "판매 중인 서비스가 아니라서 찜할 수 없습니다.")
        session.execute(
            insert(Wish)
            .values(company_id=company_id, offering_id=offering_id, at=clock.now())
            .on_conflict_do_nothing()
        )
        return True


def _on_sale() -> ColumnElement[bool]:
    selected = select(Supplier.id).where(Supplier.state == SupplierState.SELECTED)
    return (Offering.state == OfferingState.ON_SALE) & Offering.supplier_id.in_(selected)


def wished(*, actor: Actor, size: int = 200) -> list[Offering]:
    """The list, latest wish first, with what is no longer on sale: the screen says so."""
    statement = (
        select(Offering)
        .join(Wish, Wish.offering_id == Offering.id)
        .where(Wish.company_id == _company_id(actor))
        .order_by(Wish.at.desc(), Offering.id.desc())
        .options(joinedload(Offering.supplier), joinedload(Offering.category))
        .limit(size)
    )
    return list(db.session.scalars(statement))


def wished_ids(*, actor: Actor) -> set[int]:
    return set(db.session.scalars(select(Wish.offering_id).where(Wish.company_id == _company_id(actor))))


def count(*, actor: Actor) -> int:
    statement = select(func.count()).select_from(Wish).where(Wish.company_id == _company_id(actor))
    return db.session.scalar(statement) or 0
