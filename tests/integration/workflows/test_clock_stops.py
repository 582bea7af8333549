"""Stopped clocks move what is open in the period, and tell it (R-TIME-5a)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select

from app import clock
from app.db import db
from app.models.deals import DealState
from app.models.offers import OfferState
from app.models.record import OutboxMessage
from app.models.vouchers import VoucherState
from app.policy import Actor, Role
from app.workflows import (
    clock_moves,
    clock_stops,
    deadlines,
    deals,
    deals_reads,
    programmes,
    record,
    vouchers,
)
from tests import factories
from tests.integration.workflows.stopping import (
    TUESDAY,
    WORDS,
    ask,
    bill,
    declare,
    make_more,
    make_offer,
    told,
)
from tests.market import ANSWER_DUE, MONDAY, Market, make_market


@pytest.fixture
def market(tx: Flask) -> Iterator[Market]:
    with clock.at(MONDAY):
        made = make_market()
        db.session.commit()
        yield made


@pytest.fixture
def manager(tx: Flask) -> Actor:
    return factories.make_actor(Role.PROGRAMME_MANAGER)


def test_a_consultation_moves_and_both_sides_are_told(market: Market, manager: Actor) -> None:
    """R-TIME-5a, R-MSG-1: with the new deadline and the reason, in the platform and by SMS."""
    deal = ask(market)
    row = declare(market, manager)
    due = ANSWER_DUE + timedelta(hours=4)
    assert (row.moved_deals, deal.due_at) == (1, due)
    text_ = f"거래상담의 답변 기한이 2020.11.19.(목) 04:00까지로 늦춰졌습니다. {WORDS}"
    assert told(f"deal:{deal.id}:2:%") == [text_, text_]
    sent = select(func.count()).where(
        OutboxMessage.kind == "sms", OutboxMessage.key.like(f"deal:{deal.id}:2:%")
    )
    assert db.session.scalar(sent) == 2
    assert deadlines.sweep(at=due - timedelta(minutes=1)).consultations == 0
    assert deadlines.sweep(at=due).consultations == 1


def test_a_bill_moves_and_its_company_is_told(market: Market, manager: Actor) -> None:
    deal = bill(market)
    declare(market, manager)
    assert deal.due_at == clock.end_of(date(2020, 11, 18)) + timedelta(hours=4)
    assert told(f"deal:{deal.id}:4:%") == [
        f"결제요청의 결제 기한이 2020.11.19.(목) 04:00까지로 늦춰졌습니다. {WORDS}"
    ]


def test_a_voucher_moves_with_both_its_clocks(market: Market, manager: Actor) -> None:
    """R-TIME-5: and `due_at` stays the first payment's, which the sweep tells them apart by."""
    row, voucher = declare(market, manager), market.voucher
    first = clock.end_of(date(2020, 12, 10)) + timedelta(hours=4)
    full = clock.end_of(date(2021, 7, 10)) + timedelta(hours=4)
    assert row.moved_vouchers == 1
    assert (voucher.first_payment_by, voucher.full_use_by, voucher.due_at) == (first, full, first)
    assert told(f"voucher:{voucher.id}:%") == [
        "바우처 첫 결제 기한이 2020.12.11.(금) 04:00까지, 사용 기한이 2021.07.11.(일) 04:00까지로 "
        f"늦춰졌습니다. {WORDS}"
    ]
    assert deadlines.sweep(at=clock.end_of(date(2020, 12, 10))).vouchers_revoked == 0
    assert deadlines.sweep(at=first).vouchers_revoked == 1


def test_a_voucher_in_use_moves_by_its_second_clock(market: Market, manager: Actor) -> None:
    voucher = market.voucher
    voucher.due_at = voucher.full_use_by
    db.session.commit()
    later = datetime(2021, 1, 4, 9, tzinfo=clock.KST)
    with clock.at(later):
        declare(market, manager, starts_at=later, ends_at=later + timedelta(days=1))
    assert voucher.first_payment_by == clock.end_of(date(2020, 12, 10))
    assert voucher.due_at == voucher.full_use_by == clock.end_of(date(2021, 7, 11))
    assert told(f"voucher:{voucher.id}:%")[0].startswith("바우처 사용 기한이 2021.07.11.(일) 24:00까지로")


def test_a_stop_behind_the_first_payment_moves_the_second_clock(market: Market, manager: Actor) -> None:
    """R-TIME-5a: declared ahead, while the first clock runs; the first payment then finds it counted."""
    voucher, ahead = market.voucher, datetime(2021, 3, 1, tzinfo=clock.KST)
    first, reminder = voucher.first_payment_by, datetime(2020, 12, 3, 9, tzinfo=clock.KST)
    row = declare(market, manager, starts_at=ahead, ends_at=ahead + timedelta(days=2))
    full = clock.end_of(date(2021, 7, 12))
    assert row.moved_vouchers == 1
    assert (voucher.first_payment_by, voucher.due_at, voucher.full_use_by) == (first, first, full)
    db.session.refresh(voucher)
    assert voucher.remind_at == reminder
    [text_] = told(f"voucher:{voucher.id}:%")
    assert text_.startswith("바우처 사용 기한이 2021.07.12.(월) 24:00까지로 늦춰졌습니다.")


def test_a_spent_voucher_keeps_up_in_silence(market: Market, manager: Actor) -> None:
    """R-PAY-6: a cancelled payment would make it usable again, until the deadline of all."""
    voucher = market.voucher
    voucher.state, voucher.due_at = VoucherState.SPENT, None
    db.session.commit()
    assert declare(market, manager).moved_vouchers == 0
    assert voucher.due_at is None
    assert voucher.full_use_by == clock.end_of(date(2021, 7, 10)) + timedelta(hours=4)
    assert told(f"voucher:{voucher.id}:%") == []


def test_an_open_offer_moves_on_business_days(market: Market, manager: Actor) -> None:
    """R-SCR-4, R-TIME-5a: from Thursday night to Friday, and no further into the weekend."""
    offer = make_offer(market)
    row = declare(market, manager, ends_at=TUESDAY + timedelta(hours=30))
    assert (row.moved_offers, offer.due_at) == (1, clock.end_of(date(2020, 11, 23)))


def test_what_begins_afterwards_counts_the_stop(market: Market, manager: Actor) -> None:
    """R-TIME-5a: declared ahead, or asked while the clocks stand still."""
    declare(market, manager)
    assert ask(market).due_at == ANSWER_DUE + timedelta(hours=4)
    with clock.at(TUESDAY + timedelta(hours=1)):
        deal = bill(make_more(market))
    assert deal.due_at == clock.end_of(date(2020, 11, 19))
    first, full = vouchers.deadlines(market.programme, date(2020, 11, 16))
    assert (first, full) == (
        datetime(2020, 12, 17, 4, tzinfo=clock.KST),
        datetime(2021, 7, 17, 4, tzinfo=clock.KST),
    )
    assert deadlines.business_deadline(market.programme.id, MONDAY, 3) == datetime(
        2020, 11, 20, 4, tzinfo=clock.KST
    )


def test_what_runs_by_earlier_settings_keeps_them(market: Market, manager: Actor) -> None:
    """R-TIME-4: it is moved from where it stands, and its words say just that."""
    deal = ask(market)
    programmes.change_settings(actor=manager, programme_id=market.programme.id, consultation_days=5)
    declare(market, manager)
    assert deal.due_at == ANSWER_DUE + timedelta(hours=4)
    view = deals_reads.deal_view(actor=market.buyer, deal_id=deal.id)
    assert view.explanation == "2020.11.19.(목) 04:00까지, 2020.11.17.(화) 09:00~13:00 중지(장애) 포함"


def test_what_was_due_in_the_stop_and_not_yet_swept_runs_on(market: Market, manager: Actor) -> None:
    """R-TIME-5a: declared when the outage is over."""
    deal = ask(market)
    after = ANSWER_DUE + timedelta(hours=2)
    with clock.at(after):
        declare(market, manager, starts_at=ANSWER_DUE - timedelta(hours=3), ends_at=after)
        assert deal.due_at == ANSWER_DUE + timedelta(hours=5)
        assert deals.accept(actor=market.seller, deal_id=deal.id).state is DealState.ACCEPTED


def test_what_has_ended_stays_ended(market: Market, manager: Actor) -> None:
    deal, offer = ask(market), make_offer(market)
    voucher = make_more(market).voucher
    voucher.state, voucher.due_at = VoucherState.REVOKED, None
    deadlines.sweep(at=ANSWER_DUE)
    offer.state = OfferState.LAPSED
    db.session.commit()
    period = {"starts_at": ANSWER_DUE - timedelta(hours=1), "ends_at": ANSWER_DUE + timedelta(hours=1)}
    with clock.at(ANSWER_DUE + timedelta(hours=1)):
        seen = clock_stops.preview(actor=manager, programme_id=market.programme.id, **period)
        declare(market, manager, **period)
    assert seen.ended == clock_moves.Moved(deals=1, vouchers=1, offers=1)
    assert seen.moved == clock_moves.Moved(deals=0, vouchers=1, offers=0)
    assert (deal.state, deal.due_at) == (DealState.LAPSED, ANSWER_DUE)


def test_many_that_run_alike_and_some_that_do_not(market: Market, manager: Actor) -> None:
    """Each gets its own deadline, row of the trail and message, however many share a day."""
    alike = [make_more(market).voucher for _ in range(4)]
    other, paid = (make_more(market).voucher for _ in range(2))
    other.first_payment_by = other.due_at = clock.end_of(date(2020, 12, 1))
    paid.due_at = paid.full_use_by
    asked = [ask(make_more(market)) for _ in range(3)]
    db.session.commit()
    row = declare(market, manager)
    assert (row.moved_deals, row.moved_vouchers) == (3, 10)
    hours = timedelta(hours=4)
    assert {voucher.due_at for voucher in alike} == {clock.end_of(date(2020, 12, 10)) + hours}
    assert other.due_at == clock.end_of(date(2020, 12, 1)) + hours and paid.due_at == paid.full_use_by
    assert {deal.due_at for deal in asked} == {ANSWER_DUE + hours}
    for voucher, words in ((alike[3], "2020.12.11.(금) 04:00"), (other, "2020.12.02.(수) 04:00")):
        [text_] = told(f"voucher:{voucher.id}:%:company")
        assert text_.startswith(f"바우처 첫 결제 기한이 {words}까지, 사용 기한이 2021.07.11.(일) 04:00까지로")
    assert told(f"voucher:{paid.id}:%")[0].startswith("바우처 사용 기한이")
    assert [len(told(f"deal:{deal.id}:2:%")) for deal in asked] == [2, 2, 2]
    assert record.verify() == []


def test_the_hour_matters_only_within_a_stop_of_that_day(market: Market, manager: Actor) -> None:
    """R-TIME-5a: one asked before the stop moves, one asked within it begins when it ends."""
    with clock.at(TUESDAY - timedelta(minutes=1)):
        before = ask(make_more(market))
    with clock.at(TUESDAY + timedelta(hours=1)):
        within = ask(make_more(market))
    with clock.at(TUESDAY + timedelta(hours=5)):
        after = ask(make_more(market))
        declare(market, manager)
    due = clock.end_of(date(2020, 11, 19))
    assert [deal.due_at for deal in (before, within, after)] == [due + timedelta(hours=4), due, due]
