"""What is paid and not used: warned of, then cancelled or stopped, each once, at whatever hour (R-SET-1a)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app import clock
from app.db import db
from app.errors import Denied, NotFound
from app.jobs import outbox
from app.models.deals import Deal, DealState
from app.models.holds import HoldSource, SettlementHold
from app.models.payments import Payment, PaymentState
from app.models.programme import ClockStop, Programme
from app.models.record import AuditRow, Notice, OutboxMessage
from app.models.usage import UsageWarning, WarningAct, WarningEnd, WarningKind, WarningState
from app.policy import CLOCK, Role
from app.workflows import evaluations, holds, usage_reads, usage_reports, usage_warnings, usage_watch
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


class TestCancelling:
    """Where the programme says so, and the supplier itself has said that nothing was used."""

    @pytest.fixture(autouse=True)
    def _cancels(self, world: World) -> None:
        world.set(usage_idle_cancels=True, usage_grace_days=14)

    def asked(self) -> list[OutboxMessage]:
        return list(db.session.scalars(select(OutboxMessage).filter_by(kind="cancel_idle")))

    def test_the_warning_says_until_when(self, world: World) -> None:
        deal = world.paid()
        sweep(STRUCK)
        [warning] = warnings(deal)
        assert (warning.act, warning.act_at) == (WarningAct.CANCEL, clock.start_of(date(2020, 10, 17)))
        until = "2020.10.16.(금) 24:00까지 이용이 확인되지 않으면 결제가 취소되고"
        assert until in told(deal)[0] and until in told(deal, "supplier")[0]
        assert "환수" in told(deal, "supplier")[0] and "환수" not in told(deal)[0]

    def test_proven_and_in_vain_it_is_cancelled_once(self, world: World, sandbox: str) -> None:
        deal = world.paid()
        payment_of(deal).payment_key = "unknown-at-the-gateway"
        db.session.commit()
        sweep(STRUCK)
        due = clock.start_of(date(2020, 11, 1))
        world.report(deal, 9)
        with clock.at(due):
            world.report(deal, 10)
        assert sweep(due).cancelled == 1
        assert sweep(due + timedelta(hours=1)) == NOTHING
        [message] = self.asked()
        assert warnings(deal)[0].state is WarningState.CANCELLING
        with clock.at(due):
            outbox.HANDLERS["cancel_idle"](message.payload, message.key)
        payment = payment_of(deal)
        # The played gateway does not know this order: it stays as it is, and both sides are told.
        assert payment.state is PaymentState.PAID and payment.failure_text
        assert "취소하고 있습니다. 이유: 결제 후 확인된 이용이 없어" in "".join(told(deal))
        assert "취소가 되지 않았습니다" in told(deal)[-1] or "취소가 되지 않았습니다" in told(deal)[-2]

    def test_the_grace_is_waited_for(self, world: World) -> None:
        deal = world.paid()
        world.report(deal, 9)
        late = clock.start_of(date(2020, 11, 5))
        with clock.at(late):
            world.report(deal, 10)
        sweep(late)
        assert warnings(deal)[0].act_at == clock.start_of(date(2020, 11, 20))
        assert sweep(clock.start_of(date(2020, 11, 20)) - timedelta(microseconds=1)) == NOTHING
        assert sweep(clock.start_of(date(2020, 11, 20))).cancelled == 1

    def test_silence_cancels_nothing_and_asks_for_the_reports_once(self, world: World) -> None:
        """The company must not lose its service because its supplier does not report."""
        deal = world.paid()
        sweep(STRUCK)
        late = clock.start_of(date(2020, 11, 3))
        for days in (0, 1, 30):
            assert sweep(late + timedelta(days=days)).cancelled == 0
        words = "이용실적이 없어 이용 여부를 확인할 수 없습니다"
        assert sum(words in each for each in told(deal, "supplier")) == 1
        assert warnings(deal)[0].report_asked_at == late
        with clock.at(late + timedelta(days=31)):
            world.report(deal, 9)
            world.report(deal, 10)
        assert sweep(late + timedelta(days=31)).cancelled == 1

    def test_a_month_that_has_not_ended_proves_nothing(self, world: World) -> None:
        """1 October is the last of the thirty days: until its month has ended, all is open."""
        deal = world.paid(PAID + timedelta(days=1))
        sweep(STRUCK + timedelta(days=1))
        with clock.at(STRUCK + timedelta(days=1)):
            world.report(deal, 9)
            world.report(deal, 10)
        assert sweep(clock.start_of(date(2020, 10, 31))).cancelled == 0
        assert warnings(deal)[0].report_asked_at is None  # nothing is lacking
        assert sweep(clock.start_of(date(2020, 11, 1))).cancelled == 1

    def test_a_use_that_is_reported_before_the_outbox_runs_saves_it(self, world: World, sandbox: str) -> None:
        deal = world.paid()
        sweep(STRUCK)
        due = clock.start_of(date(2020, 11, 1))
        with clock.at(due):
            world.report(deal, 9)
            world.report(deal, 10)
        assert sweep(due).cancelled == 1
        with clock.at(due + timedelta(seconds=2)):
            world.report(deal, 10, 4)
            [message] = self.asked()
            usage_watch.cancel(message.payload, message.key)
        assert payment_of(deal).state is PaymentState.PAID
        assert warnings(deal)[0].ended is WarningEnd.USED

    def test_a_stop_of_the_clocks_moves_the_days_of_grace(self, world: World) -> None:
        """R-TIME-5a: told, and done only then."""
        deal = world.paid()
        sweep(STRUCK)
        at = datetime(2020, 10, 5, 9, tzinfo=clock.KST)
        db.session.add(
            ClockStop(
                programme_id=world.programme.id,
                starts_at=at,
                ends_at=at + timedelta(days=30),
                reason="장애",
                declared_at=at,
            )
        )
        world.report(deal, 9)
        due = clock.start_of(date(2020, 11, 1))
        with clock.at(due):
            world.report(deal, 10)
        assert sweep(due).cancelled == 0
        moved = clock.start_of(date(2020, 11, 16))
        assert warnings(deal)[0].act_at == moved and "2020.11.15.(일) 24:00까지" in told(deal)[-1]
        assert sweep(moved).cancelled == 1


class TestStopping:
    """Three idle months warn, then stop; what is not settled is held."""

    def idle(self, world: World, **fields: Any) -> Deal:
        deal = world.paid(datetime(2020, 6, 30, 10, tzinfo=clock.KST), **fields)
        world.report(deal, 6, 2)
        for month in (7, 8, 9):
            world.report(deal, month)
        return deal

    def test_three_reported_months_of_nothing_warn(self, world: World) -> None:
        deal = self.idle(world)
        assert sweep(STRUCK).warned == 1
        [warning] = warnings(deal)
        assert (warning.kind, warning.since, warning.lasted) == (WarningKind.IDLE_MONTHS, date(2020, 7, 1), 3)
        assert warning.act_at == clock.start_of(date(2020, 10, 17))
        words = "2020년 7월부터 2020년 9월까지 3개월 동안 이용실적이 0회입니다."
        assert words in told(deal)[0] and "이용이 중지되고" in told(deal)[0]
        assert "지급이 보류됩니다" in told(deal, "supplier")[0]
        assert sweep(STRUCK + timedelta(days=1)) == NOTHING

    def test_a_month_that_nobody_reported_breaks_the_row(self, world: World) -> None:
        deal = world.paid(datetime(2020, 5, 31, 10, tzinfo=clock.KST))
        world.report(deal, 5, 2)
        for month in (6, 7, 9):
            world.report(deal, month)
        assert sweep(STRUCK) == NOTHING
        world.report(deal, 8)
        assert sweep(STRUCK).warned == 1
        assert warnings(deal)[0].lasted == 4

    def test_the_month_of_the_payment_is_no_whole_one(self, world: World) -> None:
        deal = world.paid(datetime(2020, 7, 31, 10, tzinfo=clock.KST))
        for month in (7, 8, 9):
            world.report(deal, month)
        sweep(STRUCK)
        assert [each.kind for each in warnings(deal)] == [WarningKind.IDLE_DAYS]

    def test_a_later_use_or_evaluation_ends_the_row(self, world: World) -> None:
        used, evaluated = self.idle(world), self.idle(world)
        world.report(used, 10)
        with clock.at(STRUCK + timedelta(days=20)):
            world.report(used, 10, 1)
        world.evaluate(evaluated)
        assert sweep(STRUCK + timedelta(days=20)) == NOTHING

    def test_after_the_grace_it_stops_and_the_money_is_held(self, world: World) -> None:
        deal = self.idle(world)
        sweep(STRUCK)
        due = clock.start_of(date(2020, 10, 17))
        assert sweep(due - timedelta(microseconds=1)) == NOTHING
        assert sweep(due).stopped == 1
        assert warnings(deal)[0].state is WarningState.STOPPED
        [hold] = db.session.scalars(select(SettlementHold))
        assert (hold.payment_id, hold.source) == (payment_of(deal).id, HoldSource.USAGE)
        assert "이용이 중지되었습니다" in told(deal)[-1]
        assert sweep(due + timedelta(days=1)) == NOTHING
        assert len(list(db.session.scalars(select(SettlementHold)))) == 1

    def test_a_sweep_that_died_after_the_hold_goes_on_from_there(self, world: World) -> None:
        deal = self.idle(world)
        sweep(STRUCK)
        due = clock.start_of(date(2020, 10, 17))
        with clock.at(due):
            holds.place(
                actor=CLOCK,
                payment_id=payment_of(deal).id,
                source=HoldSource.USAGE,
                reason=usage_watch.HOLD_REASON,
            )
        assert sweep(due).stopped == 1
        assert len(list(db.session.scalars(select(SettlementHold)))) == 1

    def test_what_was_paid_out_stops_without_a_hold(self, world: World) -> None:
        deal = self.idle(world)
        with clock.at(datetime(2020, 9, 20, tzinfo=clock.KST)):
            settled.Officers().settled(world.programme)
        sweep(STRUCK)
        assert sweep(clock.start_of(date(2020, 10, 17))).stopped == 1
        assert warnings(deal)[0].state is WarningState.STOPPED
        assert list(db.session.scalars(select(SettlementHold))) == []

    def test_use_lifts_the_stop_and_the_hold_waits_for_two_people(self, world: World) -> None:
        deal = self.idle(world)
        sweep(STRUCK)
        due = clock.start_of(date(2020, 10, 17))
        sweep(due)
        with clock.at(due + timedelta(days=1)):
            world.report(deal, 10, 3)
        assert warnings(deal)[0].ended is WarningEnd.USED
        assert "이용 중지가 풀렸습니다" in told(deal)[-1]
        assert "담당자가 확인한 뒤 지급합니다" in told(deal, "supplier")[-1]
        [hold] = db.session.scalars(select(SettlementHold))
        assert hold.released_at is None

    def test_where_the_programme_does_not_stop_it_only_warns(self, world: World) -> None:
        world.set(usage_idle_stops=False)
        deal = self.idle(world)
        sweep(STRUCK)
        assert warnings(deal)[0].act is None and "중지" not in told(deal)[0]
        assert sweep(STRUCK + timedelta(days=200)).stopped == 0


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
