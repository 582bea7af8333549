"""What is paid and not used: warned of, then cancelled or stopped, each once, at whatever hour (R-SET-1a)."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import select

from app import clock
from app.db import db
from app.errors import Denied, NotFound
from app.models.deals import DealState
from app.models.record import AuditRow, Notice
from app.models.usage import WarningEnd, WarningKind, WarningState
from app.policy import Role
from app.workflows import usage_reads, usage_warnings, usage_watch
from tests import factories, settled
from tests.integration.workflows import watching
from tests.integration.workflows.watching import (
    NOTHING,
    PAID,
    STRUCK,
    World,
    payment_of,
    sweep,
    told,
    warnings,
)

world = watching.world


def test_thirty_days_without_use_warn_both_sides_once(world: World) -> None:
    deal = world.paid()
    assert sweep(STRUCK - timedelta(microseconds=1)) == NOTHING
    assert sweep(STRUCK).warned == 1
    [warning] = warnings(deal)
    assert (warning.kind, warning.since, warning.lasted) == (WarningKind.IDLE_DAYS, date(2020, 9, 1), 30)
    assert (warning.act, warning.act_at, warning.state) == (None, None, WarningState.WARNED)
    [company], [supplier] = told(deal), told(deal, "supplier")
    assert "결제 후 30일 동안 확인된 이용이 없습니다. 이용을 시작해 주세요." in company
    assert deal.company.name in supplier and "이용실적을 제출해 주세요" in supplier
    links = set(db.session.scalars(select(Notice.link)))
    assert {f"/deals/{deal.id}", f"/supply/usage/{deal.id}"} <= links
    for later in (STRUCK, STRUCK + timedelta(hours=1), STRUCK + timedelta(days=40)):
        assert sweep(later) == NOTHING
    assert len(told(deal)) == len(told(deal, "supplier")) == 1


@pytest.mark.parametrize("logins", [0, 3])
def test_a_use_that_was_reported_warns_of_nothing_but_zero_does(world: World, logins: int) -> None:
    deal = world.paid()
    world.report(deal, 9, logins)
    assert sweep(STRUCK).warned == (0 if logins else 1)


def test_who_evaluates_has_used_it(world: World) -> None:
    world.evaluate(world.paid())
    assert sweep(STRUCK) == NOTHING


def test_the_count_begins_with_the_period_of_use(world: World) -> None:
    deal = world.paid(period_from=date(2020, 9, 20), period_to=date(2021, 9, 19))
    assert sweep(STRUCK) == NOTHING
    assert sweep(clock.start_of(date(2020, 10, 21))).warned == 1
    assert warnings(deal)[0].since == date(2020, 9, 20)


def test_a_period_that_is_over_or_a_cancelled_payment_is_no_matter_of_a_warning(world: World) -> None:
    world.paid(period_from=date(2020, 9, 1), period_to=date(2020, 9, 30))
    payment = payment_of(world.paid())
    settled.cancel(payment)
    assert sweep(STRUCK) == NOTHING


def test_the_numbers_are_the_programmes(world: World) -> None:
    world.set(usage_idle_days=45)
    deal = world.paid()
    assert sweep(STRUCK + timedelta(days=14)) == NOTHING
    assert sweep(STRUCK + timedelta(days=15)).warned == 1
    assert warnings(deal)[0].lasted == 45 and "결제 후 45일" in told(deal)[0]


def test_a_warning_ends_with_the_report_that_tells_of_use(world: World) -> None:
    """At once, in the same step; and it begins anew where what was said is taken back."""
    deal = world.paid()
    sweep(STRUCK)
    with clock.at(STRUCK + timedelta(days=3)):
        world.report(deal, 9, 5)
    [warning] = warnings(deal)
    assert (warning.ended, warning.state) == (WarningEnd.USED, WarningState.ENDED)
    assert "이용 경고가 풀렸습니다" in told(deal)[-1] and "풀렸습니다" in told(deal, "supplier")[-1]
    assert sweep(STRUCK + timedelta(days=4)) == NOTHING
    with clock.at(STRUCK + timedelta(days=5)):
        world.report(deal, 9, 0)
    assert sweep(STRUCK + timedelta(days=5)).warned == 1
    assert [each.state for each in warnings(deal)] == [WarningState.ENDED, WarningState.WARNED]


def test_a_warning_ends_with_an_evaluation_and_with_the_deal(world: World) -> None:
    evaluated, cancelled = world.paid(), world.paid()
    sweep(STRUCK)
    world.evaluate(evaluated)
    settled.cancel(payment_of(cancelled))
    assert sweep(STRUCK + timedelta(hours=1)).ended == 1
    assert warnings(evaluated)[0].ended is WarningEnd.EVALUATED
    assert warnings(cancelled)[0].ended is WarningEnd.CLOSED
    assert "풀렸습니다" not in told(cancelled)[-1]


def test_the_same_warning_is_told_in_the_trail(world: World) -> None:
    deal = world.paid()
    sweep(STRUCK)
    with clock.at(STRUCK):
        world.report(deal, 9, 5)
    rows = select(AuditRow).filter_by(entity="usage_warning").order_by(AuditRow.seq)
    trail = list(db.session.scalars(rows))
    assert [(row.action, row.actor_name) for row in trail] == [("warn", "시스템"), ("end", "시스템")]
    assert trail[1].change == {"ended": [None, "used"]}


def test_a_jump_tells_each_at_its_own_time(world: World) -> None:
    """R-TIME-7: as if the sweep had run all along, and again it is nothing new."""
    world.set(usage_idle_cancels=True)
    first, second = world.paid(), world.paid(PAID + timedelta(days=5))
    since, until = STRUCK - timedelta(days=2), STRUCK + timedelta(days=60)
    assert usage_watch.next_event(after=since) == STRUCK
    usage_watch.sweep_through(since=since, until=until)
    assert [each.warned_at for each in warnings(first)] == [STRUCK]
    assert [each.warned_at for each in warnings(second)] == [STRUCK + timedelta(days=5)]
    before = told(first)
    usage_watch.sweep_through(since=since, until=until)
    assert told(first) == before


def test_both_sides_and_the_agency_see_it_and_nobody_else(world: World) -> None:
    deal = world.paid()
    sweep(STRUCK)
    buyer = factories.make_actor(Role.DEMAND, company_id=deal.company_id)
    for actor in (buyer, world.seller, factories.make_actor(Role.AUDITOR)):
        found = usage_reads.of_deal(actor=actor, deal=deal)
        assert found is not None and [each.warning.kind for each in found.warnings] == [WarningKind.IDLE_DAYS]
    stranger = factories.make_actor(Role.DEMAND, company_id=factories.make_company().id)
    with pytest.raises(NotFound):
        usage_warnings.of_deal(actor=stranger, deal=deal)
    with pytest.raises(Denied):
        usage_warnings.listing(actor=world.seller)
    with pytest.raises(Denied):
        usage_warnings.of_supplier(actor=buyer)
    other = factories.make_actor(Role.SUPPLIER, supplier_id=factories.make_supplier().id)
    assert usage_warnings.of_supplier(actor=other) == [] and usage_warnings.open_count(actor=other) == 0


def test_the_lists_are_filtered_by_state_kind_and_name(world: World) -> None:
    open_one, ended = world.paid(), world.paid()
    sweep(STRUCK)
    world.evaluate(ended)
    officer = factories.make_actor(Role.FINANCE_OFFICER)
    assert [row.deal_id for row in usage_warnings.listing(actor=officer)] == [ended.id, open_one.id]
    warned = usage_warnings.listing(actor=officer, state=WarningState.WARNED)
    assert [row.deal_id for row in warned] == [open_one.id]
    assert usage_warnings.listing(actor=officer, kind=WarningKind.IDLE_MONTHS) == []
    named = usage_warnings.listing(actor=officer, q=open_one.company.name)
    assert [row.deal_id for row in named] == [open_one.id]
    counts = usage_warnings.state_counts(actor=officer)
    assert counts[WarningState.WARNED] == 1 and counts[WarningState.ENDED] == 1
    assert usage_warnings.open_count(actor=world.seller) == 1
    assert [row.deal_id for row in usage_warnings.of_supplier(actor=world.seller, before=10**9, size=1)] == [
        ended.id
    ]
    assert open_one.state is DealState.PAID
