"""An accepted offer never lapses: it is shown, oldest first, until somebody acts (R-SCR-4)."""

from __future__ import annotations

from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask

from app import clock
from app.db import db
from app.errors import Denied, InvalidInput
from app.models.offers import OfferState as State
from app.models.programme import ClosingDay
from app.policy import Role
from app.workflows import budget_stats, offers, offers_accepted, offers_sweep
from tests import factories
from tests.integration.workflows.waiting_line import (
    BACK,
    GRANT,
    company_of,
    ended_budget,
    money_comes_back,
    offered_to,
    offers_of,
    waiting,
)

MONDAY = datetime(2020, 11, 9, 9, tzinfo=clock.KST)
LATER = datetime(2020, 11, 16, 9, tzinfo=clock.KST)  # the Monday after


@pytest.fixture
def house(tx: Flask) -> SimpleNamespace:
    """Three are asked on Friday the 6th; the third accepts on Monday, the first on Wednesday."""
    stage = ended_budget(vouchers=3)
    rows = waiting(stage, 4)
    money_comes_back()
    offers_sweep.sweep(at=BACK)
    for place, at in ((2, MONDAY), (0, MONDAY + timedelta(days=2))):
        with clock.at(at):
            offers.accept(actor=company_of(rows[place]), offer_id=offers_of()[place].id)
    return SimpleNamespace(stage=stage, rows=rows, programme=stage.programme)


def listed(house: SimpleNamespace, **asked: Any) -> list[tuple[int, int, bool]]:
    found = offers_accepted.listing(actor=house.stage.officer, programme=house.programme, **asked)
    return [(house.rows.index(row.offer.application), row.days, row.is_old) for row in found]


def test_who_accepted_first_comes_first_with_the_business_days_since(house: SimpleNamespace) -> None:
    """Old is what stands longer than the company was given to answer: three business days."""
    with clock.at(LATER):
        assert listed(house) == [(2, 5, True), (0, 3, False)]
        assert listed(house, old=True) == [(2, 5, True)]
    with clock.at(LATER + timedelta(days=1)):
        assert listed(house, old=True) == [(2, 6, True), (0, 4, True)]


def test_closing_days_of_the_programme_do_not_count(house: SimpleNamespace) -> None:
    day = ClosingDay(programme_id=house.programme.id, day=LATER.date(), reason="창립기념일")
    db.session.add(day)
    db.session.commit()
    with clock.at(LATER + timedelta(days=1)):
        assert listed(house) == [(2, 5, True), (0, 3, False)]


def test_it_is_read_by_pages_and_by_agency(house: SimpleNamespace) -> None:
    with clock.at(LATER):
        [first] = offers_accepted.listing(actor=house.stage.officer, programme=house.programme, size=1)
        assert listed(house, after=first.id) == [(0, 3, False)]
        assert listed(house, agency_id=house.stage.agency.id + 1) == []
        # What was decided meanwhile is no place to go on from.
        offers.withdraw(actor=house.stage.officer, offer_id=first.id, reason="연락 두절")
        assert listed(house, after=first.id) == [(0, 3, False)]


def test_no_sweep_ends_it_but_the_lead_agency_can_with_a_reason(house: SimpleNamespace) -> None:
    """The money that it kept goes to the next in line."""
    offers_sweep.sweep(at=LATER + timedelta(days=60), offering=False)
    assert len(offered_to(State.ACCEPTED)) == 2
    [first] = offers_accepted.listing(actor=house.stage.officer, programme=house.programme, size=1)
    with pytest.raises(InvalidInput):
        offers.withdraw(actor=house.stage.officer, offer_id=first.id, reason=" ")
    with pytest.raises(Denied):
        offers.withdraw(actor=house.stage.manager, offer_id=first.id, reason="연락 두절")
    with clock.at(LATER):
        offers.withdraw(actor=house.stage.officer, offer_id=first.id, reason="연락 두절")
        offers_sweep.sweep(at=LATER)
    assert offered_to(State.WITHDRAWN) == [house.rows[2].id]
    assert house.rows[3].id in offered_to(State.OFFERED)


def test_the_dashboard_counts_them_by_agency(house: SimpleNamespace) -> None:
    with clock.at(LATER):
        stats = budget_stats.budgets(actor=house.stage.officer, programme_id=house.programme.id)
        [found] = stats.accepted
        assert (found.agency_id, found.number, found.amount) == (house.stage.agency.id, 2, 2 * GRANT)
        assert (found.days, found.old, stats.answer_days) == (5, 1, 3)
        for row in offers_accepted.listing(actor=house.stage.officer, programme=house.programme):
            offers.withdraw(actor=house.stage.officer, offer_id=row.id, reason="연락 두절")
        assert offers_accepted.by_agency(actor=house.stage.officer, programme=house.programme) == []


def test_it_is_the_lead_agencys(house: SimpleNamespace) -> None:
    reviewer = factories.make_actor(Role.REVIEWER, agency_id=house.stage.agency.id)
    for read in (offers_accepted.listing, offers_accepted.by_agency):
        with pytest.raises(Denied):
            read(actor=reviewer, programme=house.programme)  # type: ignore[operator]
