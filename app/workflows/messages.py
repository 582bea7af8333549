"""Sending what the outbox holds, and reading 알림 (R-MSG-1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, func, select, update

from app import clock, gateways
from app.db import db, transaction
from app.errors import Denied, NotFound
from app.models.catalogue import Supplier
from app.models.companies import Company
from app.models.numbers import digits, valid_mobile
from app.models.record import Notice
from app.policy import Actor, Role


def send_sms(payload: Mapping[str, Any], key: str, /) -> str | None:
    """Send one message of the outbox; returns the gateway's id, or None where nobody has a mobile number.

    The number is looked up now, so that the outbox holds no personal data. The key makes the gateway send
    once. Raises the gateway's errors; no transaction is open while it is asked.
    """
    to = _recipient(payload.get("company_id"), payload.get("supplier_id"))
    if to is None:
        return None
    return gateways.get().sms.send(to=to, text=f"[K-비대면바우처] {payload['text']}", idempotency_key=key)


def _recipient(company_id: int | None, supplier_id: int | None) -> str | None:
    """The company's contact person, else who signed up; whoever joined for the supplier, else its line."""
    number = None
    with transaction() as session:
        if company_id is not None and (company := session.get(Company, company_id)):
            number = company.contact_phone or company.phone
        elif supplier_id is not None and (supplier := session.get(Supplier, supplier_id)):
            number = supplier.contact_phone or supplier.phone
    plain = digits(number or "")
    return plain if valid_mobile(plain) else None


def _own(actor: Actor) -> ColumnElement[bool]:
    if actor.role is Role.DEMAND and actor.company_id is not None:
        return Notice.company_id == actor.company_id
    if actor.role is Role.SUPPLIER and actor.supplier_id is not None:
        return Notice.supplier_id == actor.supplier_id
    raise Denied()


def notices(*, actor: Actor, before: int | None = None, size: int = 20) -> list[Notice]:
    """알림 of the actor's company or supplier, newest first; `before` is a notice's id."""
    statement = select(Notice).where(_own(actor)).order_by(Notice.id.desc()).limit(size)
    if before is not None:
        statement = statement.where(Notice.id < before)
    return list(db.session.execute(statement).scalars())


def unread(*, actor: Actor) -> int:
    """How many nobody of the company or supplier has read."""
    statement = select(func.count()).select_from(Notice).where(_own(actor), Notice.read_at.is_(None))
    return db.session.execute(statement).scalar_one()


def mark_read(*, actor: Actor, notice_id: int | None = None) -> int:
    """Mark one notice, or all, as read; returns how many were unread. Raises NotFound for another's."""
    with transaction() as session:
        conditions = [_own(actor)]
        if notice_id is not None:
            conditions.append(Notice.id == notice_id)
            if session.scalar(select(Notice.id).where(*conditions)) is None:
                raise NotFound()
        marked = session.execute(
            update(Notice)
            .where(*conditions, Notice.read_at.is_(None))
            .values(read_at=clock.now())
            .returning(Notice.id)
        )
        return len(marked.all())
