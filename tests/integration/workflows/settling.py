"""What the tests of the settlement share: a payment that is ripe, and a batch's lines."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from app import clock
from app.db import db
from app.models.catalogue import Supplier
from app.models.payments import Payment
from app.models.programme import Programme
from app.models.settlements import (
    SettlementBatch,
    SettlementLine,
)
from tests import factories
from tests.settled import Officers, make_paid

LONG_AGO = timedelta(days=11)


@pytest.fixture
def programme(tx: object) -> Programme:
    return factories.make_programme()


@pytest.fixture
def supplier(tx: object) -> Supplier:
    return factories.make_supplier()


@pytest.fixture
def officers(tx: object) -> Officers:
    return Officers()


def ripe_payment(programme: Programme, supplier: Supplier, amount: int = 1_100_000) -> Payment:
    return make_paid(programme, supplier, amount, paid_at=clock.now() - LONG_AGO)


def lines_of(batch: SettlementBatch) -> list[SettlementLine]:
    return list(
        db.session.execute(
            select(SettlementLine)
            .where(SettlementLine.batch_id == batch.id)
            .order_by(SettlementLine.id)
            .execution_options(populate_existing=True)
        ).scalars()
    )
