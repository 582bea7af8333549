"""What the tests of differences share: a line and a payment that found nothing, and two officers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import pytest
from sqlalchemy import select

from app import clock
from app.db import db
from app.errors import Refusal
from app.models.payments import Payment
from app.models.statements import (
    Bucket,
    ItemAction,
    ReconAct,
    ReconItem,
)
from app.policy import Actor, Role
from tests import factories, settled
from tests.integration.workflows.reconciling import DAY, charge, days, items

ONE = timedelta(days=1)
WHY = "카드사에 확인했습니다."
PDF = b"%PDF-1.4 reply of the card company %%EOF"


@dataclass(frozen=True)
class Desk:
    one: Actor
    two: Actor
    payment: Payment
    ours: ReconItem
    """A payment without a line."""
    theirs: ReconItem
    """A line of the same sum without a payment: another approval number."""


@pytest.fixture
def desk() -> Desk:
    at = clock.start_of(DAY) + timedelta(hours=10)
    with clock.at(at):
        payment = settled.make_paid(
            factories.make_programme(), factories.make_supplier(), 300_000, paid_at=at
        )
    days([charge(payment, approval="99999999", order="")], [])
    theirs, ours = items()
    assert (theirs.bucket, ours.bucket) == (Bucket.ONLY_THEIRS, Bucket.ONLY_OURS)
    one, two = factories.make_actor(Role.FINANCE_OFFICER), factories.make_actor(Role.PROGRAMME_MANAGER)
    db.session.commit()
    return Desk(one, two, payment, ours, theirs)


def acts(item: ReconItem) -> list[ItemAction]:
    query = select(ReconAct.action).where(ReconAct.item_id == item.id).order_by(ReconAct.id)
    return list(db.session.scalars(query))


def fresh(item: ReconItem) -> ReconItem:
    return db.session.get_one(ReconItem, item.id, populate_existing=True)


def refused(work: Callable[[], object], code: str) -> Refusal:
    with pytest.raises(Refusal) as found:
        work()
    assert found.value.code == code
    return found.value
