"""A programme, a supplier, and what is paid and not used: for the tests of its warnings (R-SET-1a)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app import clock
from app.db import db
from app.models.deals import Deal
from app.models.payments import Payment
from app.models.programme import Programme
from app.models.record import Notice
from app.models.usage import UsageWarning
from app.policy import Role
from app.workflows import evaluations, usage_reports, usage_watch
from app.workflows.usage_watch import Watched
from tests import factories, settled

PAID = datetime(2020, 9, 1, 14, 0, tzinfo=clock.KST)
STRUCK = clock.start_of(date(2020, 10, 2))
"""30 days after 1 September end with 1 October."""
NOTHING = Watched(warned=0, stopped=0, cancelled=0, ended=0)
MARKS = dict.fromkeys(evaluations.CRITERIA, 4)


class World:
    def __init__(self) -> None:
        self.programme: Programme = factories.make_programme()
        self.supplier = factories.make_supplier()
        self.seller = factories.make_actor(Role.SUPPLIER, supplier_id=self.supplier.id)
        db.session.commit()

    def paid(self, at: datetime = PAID, **fields: Any) -> Deal:
        payment = settled.make_paid(self.programme, self.supplier, 300_000, paid_at=at)
        deal = db.session.get_one(Deal, payment.deal_id)
        for name, value in fields.items():
            setattr(deal, name, value)
        db.session.commit()
        return deal

    def set(self, **settings: Any) -> None:
        for name, value in settings.items():
            setattr(self.programme, name, value)
        db.session.commit()

    def report(self, deal: Deal, month: int, logins: int = 0) -> None:
        first = date(2020, month, 1)
        usage_reports.report(
            actor=self.seller,
            deal_id=deal.id,
            month=first,
            logins=logins,
            last_used_on=first.replace(day=15) if logins else None,
        )

    def evaluate(self, deal: Deal) -> None:
        buyer = factories.make_actor(Role.DEMAND, company_id=deal.company_id)
        evaluations.write(actor=buyer, deal_id=deal.id, scores=MARKS, comment="쓰고 있습니다.")


@pytest.fixture
def world(tx: Flask) -> Iterator[World]:
    with clock.at(STRUCK):
        yield World()


def sweep(at: datetime) -> Watched:
    with clock.at(at):
        return usage_watch.sweep()


def warnings(deal: Deal) -> list[UsageWarning]:
    query = select(UsageWarning).filter_by(deal_id=deal.id).order_by(UsageWarning.id)
    return list(db.session.scalars(query.execution_options(populate_existing=True)))


def told(deal: Deal, side: str = "company") -> list[str]:
    own = {f"{side}_id": getattr(deal, f"{side}_id")}
    return list(db.session.scalars(select(Notice.text).filter_by(**own).order_by(Notice.id)))


def payment_of(deal: Deal) -> Payment:
    query = select(Payment).filter_by(deal_id=deal.id)
    return db.session.scalars(query.execution_options(populate_existing=True)).one()
