"""A supplier's own numbers: answer time in business hours, acceptance, what lapsed (R-SUP-1, R-TIME-2)."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from flask import Flask

from app import clock
from app.db import db
from app.errors import Denied
from app.models.catalogue import Offering, Supplier
from app.models.companies import Company
from app.models.deals import Deal, DealState
from app.models.programme import ClosingDay
from app.policy import Actor, Role
from app.workflows import supplier_numbers
from tests import factories

FRIDAY = datetime(2020, 11, 13, 18, 0, tzinfo=clock.KST)
NOW = datetime(2020, 11, 30, 9, 0, tzinfo=clock.KST)
H = timedelta(hours=1)
S = DealState


class World:
    def __init__(self) -> None:
        self.company: Company = factories.make_company()
        self.supplier: Supplier = factories.make_supplier()
        self.offering: Offering = factories.make_offering(supplier=self.supplier)
        self.seller: Actor = factories.make_actor(Role.SUPPLIER, supplier_id=self.supplier.id)
        db.session.commit()

    def deal(self, state: DealState, asked: datetime = FRIDAY, **fields: Any) -> Deal:
        offering = fields.pop("offering", self.offering)
        wanted = {
            "programme_id": self.company.programme_id,
            "company_id": self.company.id,
            "supplier_id": offering.supplier_id,
            "offering_id": offering.id,
            "version_id": offering.current_version_id,
            "memo": "견적",
            "requested_at": asked,
        }
        deal = Deal(state=state, **wanted | fields)
        db.session.add(deal)
        db.session.commit()
        return deal

    def total(self, days: int = 0) -> supplier_numbers.Numbers:
        return supplier_numbers.numbers(actor=self.seller, days=days).total


@pytest.fixture
def world(tx: Flask) -> Any:
    with clock.at(NOW):
        yield World()


@pytest.mark.parametrize(
    "asked, answered, hours",
    [
        ("2020-11-13 18:00", "2020-11-16 09:00", 15),  # Friday evening to Monday morning: the weekend is out
        ("2020-11-14 10:00", "2020-11-15 23:00", 0),  # a weekend through
        ("2020-11-14 10:00", "2020-11-16 03:00", 3),  # asked on a Saturday
        ("2020-11-17 09:00", "2020-11-17 09:30", 0.5),
        ("2020-09-29 15:00", "2020-10-05 09:00", 18),  # Chuseok, 30 September to 2 October, and a weekend
        ("2020-11-18 12:00", "2020-11-20 12:00", 24),  # the 19th is a closing day of this programme
    ],
)
def test_answer_time_leaves_out_what_is_no_business_day(
    world: World, asked: str, answered: str, hours: float
) -> None:
    """R-TIME-2"""
    db.session.add(
        ClosingDay(
            programme_id=world.company.programme_id,
            day=date(2020, 11, 19),
            reason="내부 점검",
        )
    )
    ends = [datetime.fromisoformat(each).replace(tzinfo=clock.KST) for each in (asked, answered)]
    world.deal(S.ACCEPTED, ends[0], accepted_at=ends[1])
    assert world.total().median == timedelta(hours=hours)


def test_the_median_is_of_answers_of_both_kinds(world: World) -> None:
    monday = datetime(2020, 11, 16, 9, 0, tzinfo=clock.KST)
    world.deal(S.ACCEPTED, monday, accepted_at=monday + H)
    world.deal(S.TURNED_DOWN, monday, closed_at=monday + 3 * H)
    world.deal(S.PAID, monday, accepted_at=monday + 5 * H, billed_at=monday + 6 * H, closed_at=monday + 9 * H)
    world.deal(S.LAPSED, monday, closed_at=monday + 90 * H)
    world.deal(S.CONSULTING, monday)
    assert world.total().median == 3 * H
    # Turned down after it was accepted: the answer was the acceptance.
    world.deal(S.TURNED_DOWN, monday, accepted_at=monday + 2 * H, closed_at=monday + 20 * H)
    assert world.total().median == 2.5 * H


def test_what_became_of_the_requests(world: World) -> None:
    at = FRIDAY + H
    world.deal(S.CONSULTING)
    world.deal(S.ACCEPTED, accepted_at=at)
    world.deal(S.BILLED, accepted_at=at, billed_at=at)
    world.deal(S.PAID, accepted_at=at, billed_at=at)
    world.deal(S.PAYMENT_CANCELLED, accepted_at=at, billed_at=at)
    world.deal(S.LAPSED, accepted_at=at, billed_at=at, closed_at=at + H)
    world.deal(S.LAPSED, closed_at=at + H)
    world.deal(S.TURNED_DOWN, closed_at=at)
    world.deal(S.TURNED_DOWN, accepted_at=at, closed_at=at)
    world.deal(S.WITHDRAWN, closed_at=at)
    total = world.total()
    assert (total.asked, total.waiting, total.accepted, total.withdrawn) == (10, 1, 6, 1)
    assert (total.turned_down, total.turned_down_at_once, total.silent) == (2, 1, 1)
    assert (total.billed, total.paid, total.unpaid) == (4, 2, 1)
    assert (total.decided, total.accepted_percent, total.silent_percent) == (8, 75, 12)


def test_the_period_counts_by_the_day_of_the_request(world: World) -> None:
    for days in (0, 29, 31, 91):
        world.deal(S.CONSULTING, NOW - timedelta(days=days))
    assert [world.total(days).asked for days in supplier_numbers.PERIODS] == [2, 3, 4]


def test_each_service_has_its_own_and_nobody_elses(world: World) -> None:
    second = factories.make_offering(supplier=world.supplier)
    foreign = factories.make_offering()
    for offering in (world.offering, second, second, foreign):
        world.deal(S.ACCEPTED, offering=offering, accepted_at=FRIDAY + H)
    found = supplier_numbers.numbers(actor=world.seller, days=0)
    assert [(row.offering_id, row.name, row.asked) for row in found.services] == [
        (second.id, second.name, 2),
        (world.offering.id, world.offering.name, 1),
    ]
    assert found.total.asked == 3
    # A supplier asks for itself, whatever it names.
    own = supplier_numbers.numbers(actor=world.seller, days=0, supplier_id=foreign.supplier_id)
    assert own.total.asked == 3


def test_the_lead_agency_reads_any_and_others_none(world: World) -> None:
    world.deal(S.CONSULTING)
    db.session.commit()
    auditor = factories.make_actor(Role.AUDITOR)
    found = supplier_numbers.numbers(actor=auditor, days=0, supplier_id=world.supplier.id)
    assert found.total.waiting == 1
    for actor in (
        factories.make_actor(Role.DEMAND),
        factories.make_actor(Role.REVIEWER),
        factories.make_actor(Role.SYSTEM_ADMIN),
    ):
        with pytest.raises(Denied):
            supplier_numbers.numbers(actor=actor, supplier_id=world.supplier.id)
    with pytest.raises(Denied):
        supplier_numbers.numbers(actor=auditor)


def test_nothing_asked_is_nothing_known(world: World) -> None:
    total = world.total()
    assert (total.asked, total.median, total.accepted_percent) == (0, None, None)
