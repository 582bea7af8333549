"""First allocations of one agency side by side: one budget, each decision once (R-SCR-4, R-MONEY-4)."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.db import db
from app.models.ledger import LedgerAccount
from app.models.programme import AgencyBudget
from app.policy import Role
from app.workflows import allocations, budget, ledger, record
from tests import factories


@pytest.fixture
def house(committed: Flask) -> SimpleNamespace:
    """A programme with ten million won, and an agency that has never been given any."""
    programme, agency = factories.make_programme(year=2020), factories.make_agency()
    manager = factories.make_actor(Role.PROGRAMME_MANAGER)
    officers = [factories.make_actor(Role.BUDGET_OFFICER) for _ in range(4)]
    db.session.commit()
    budget.fund(actor=manager, programme_id=programme.id, amount=10_000_000, key="test")
    return SimpleNamespace(programme_id=programme.id, agency_id=agency.id, officers=officers)


def _give(house: SimpleNamespace, place: int, amount: int, key: str) -> Callable[[], Any]:
    actor = house.officers[place]
    about = {"programme_id": house.programme_id, "agency_id": house.agency_id, "amount": amount, "key": key}
    return lambda: budget.allocate(actor=actor, **about).id


def _lies(house: SimpleNamespace) -> int:
    """What the one budget of this agency holds, won."""
    own = (AgencyBudget.programme_id == house.programme_id, AgencyBudget.agency_id == house.agency_id)
    assert db.session.scalar(select(func.count()).where(*own)) == 1
    assert ledger.verify() == [] and record.verify() == []
    return ledger.balance(
        LedgerAccount.AGENCY_BUDGET, db.session.scalars(select(AgencyBudget.id).where(*own)).one()
    )


def test_two_first_allocations_at_once_are_both_entered(
    house: SimpleNamespace, together: Callable[..., Any]
) -> None:
    gives = [_give(house, place, 1_000_000 * (place + 1), f"decision {place}") for place in range(4)]
    made = together(*gives)
    assert len(set(made)) == 1 and isinstance(made[0], int), made
    assert _lies(house) == 10_000_000
    entries = allocations.history(actor=house.officers[0], budget_id=made[0])
    assert sorted(entry.amount for entry in entries) == [1_000_000, 2_000_000, 3_000_000, 4_000_000]


def test_one_first_allocation_sent_twice_at_once_is_entered_once(
    house: SimpleNamespace, together: Callable[..., Any]
) -> None:
    made = together(*[_give(house, place, 3_000_000, "one form") for place in (0, 0)])
    assert len(set(made)) == 1 and isinstance(made[0], int), made
    assert _lies(house) == 3_000_000


def test_first_allocations_beyond_the_programmes_budget_leave_no_half(
    house: SimpleNamespace, together: Callable[..., Any]
) -> None:
    """R-MONEY-4: one of the two is refused, and the other's budget stands."""
    made = together(*[_give(house, place, 6_000_000, f"decision {place}") for place in range(2)])
    assert [isinstance(answer, ledger.Overdrawn) for answer in made].count(True) == 1, made
    assert _lies(house) == 6_000_000
