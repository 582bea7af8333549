"""The deadlines worked out by hand, against what the platform gives at that instant (R-TIME-2 to 5)."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app import clock
from app.db import db
from app.models.applications import ApplicationState
from app.models.deals import Deal
from app.workflows import budget, deadlines, deals
from tests import factories
from tests.clock_vectors import CONSULTATIONS, EACH, FIRST_PAYMENTS, FULL_USES, PAYMENTS, Vector
from tests.integration.workflows import joining
from tests.market import Market, make_market

pytestmark = pytest.mark.usefixtures("tx")


def named(vectors: tuple[Vector, ...]) -> list[str]:
    return [vector.at for vector in vectors]


def ask(vector: Vector) -> tuple[Market, Deal]:
    """By a company whose voucher runs long enough."""
    market = make_market()
    market.voucher.due_at = vector.instant + timedelta(days=90)
    db.session.commit()
    memo = "견적 부탁드립니다."
    return market, deals.request(actor=market.buyer, offering_id=market.offering.id, memo=memo)


@pytest.mark.parametrize("vector", CONSULTATIONS, ids=named(CONSULTATIONS))
def test_a_request(vector: Vector) -> None:
    """R-TIME-2"""
    with clock.at(vector.instant):
        _market, deal = ask(vector)
        assert deal.due_at == vector.deadline


@pytest.mark.parametrize("vector", PAYMENTS, ids=named(PAYMENTS))
def test_a_bill(vector: Vector) -> None:
    """R-TIME-3"""
    with clock.at(vector.instant):
        market, deal = ask(vector)
        deals.accept(actor=market.seller, deal_id=deal.id)
        day = vector.instant.date()
        terms = market.bill_terms(period_from=day, period_to=clock.add_months(day, 6))
        assert deals.bill(actor=market.seller, deal_id=deal.id, **terms).due_at == vector.deadline


@pytest.mark.parametrize(
    ("clock_name", "vector"),
    [("first_payment_by", v) for v in FIRST_PAYMENTS] + [("full_use_by", v) for v in FULL_USES],
    ids=[f"first {at}" for at in named(FIRST_PAYMENTS)] + [f"full {at}" for at in named(FULL_USES)],
)
def test_a_confirmation(clock_name: str, vector: Vector) -> None:
    """R-TIME-5: 선정일 is the day of 예산확정."""
    with clock.at(vector.instant):
        stage = joining.set_stage(vouchers=1)
        company = factories.make_company(programme_id=stage.programme.id, agency_id=stage.agency.id)
        application = factories.make_application(company=company, state=ApplicationState.SCREENED)
        db.session.commit()
        voucher = budget.confirm_one(actor=stage.officer, application_id=application.id)
    assert getattr(voucher, clock_name) == vector.deadline
    assert voucher.due_at == voucher.first_payment_by


def test_what_is_explained_is_what_is_given() -> None:
    """R-TIME-5a: the words of each vector name its last day and its 24:00."""
    programme = factories.make_programme()
    for kind, vector in EACH:
        explained = deadlines.explain(kind=kind, at=vector.instant, programme=programme)
        assert explained.deadline == vector.deadline, vector
        last = clock.write_day(clock.last_day(vector.deadline))
        assert explained.text.startswith(f"{last} 24:00까지, "), vector
