"""What becomes of a use that a warning did not bring: cancelled or stopped, each once (R-SET-1a)."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from app import clock
from app.db import db
from app.jobs import outbox
from app.models.deals import Deal
from app.models.holds import HoldSource, SettlementHold
from app.models.payments import PaymentState
from app.models.programme import ClockStop
from app.models.record import OutboxMessage
from app.models.usage import WarningAct, WarningEnd, WarningKind, WarningState
from app.policy import CLOCK
from app.workflows import holds, usage_watch
from tests import settled
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
