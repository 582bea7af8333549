"""Reminders of deadlines (R-VOU-4), each told once (R-MSG-1), whenever the sweep runs (R-TIME-6)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select, text

from app import clock
from app.db import db
from app.models.deals import Deal
from app.models.payments import PaymentState
from app.models.record import Notice, OutboxMessage
from app.models.vouchers import Voucher, VoucherState
from app.policy import Role
from app.workflows import clock_runs, clock_stops, deadlines, deals, demonstration, reminders
from app.workflows.reminders import Reminded
from tests import factories
from tests.market import ANSWER_DUE, MONDAY, Market, make_market, make_pending_payment, make_voucher
from tests.plans import by_index_alone

TICK = timedelta(microseconds=1)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
NONE = Reminded(deals=0, vouchers=0)


@pytest.fixture
def market(tx: Flask) -> Iterator[Market]:
    """Its voucher: selected on 2020-11-10, first payment by 2020-12-10, full use by 2021-07-10, 24:00."""
    with clock.at(MONDAY):
        made = make_market()
        db.session.commit()
        yield made


def kst(text_: str) -> datetime:
    return datetime.fromisoformat(text_).replace(tzinfo=clock.KST)


def told(market: Market) -> list[tuple[datetime, str]]:
    """When and what the company was reminded of its voucher."""
    statement = select(Notice).where(Notice.key.like(f"voucher:{market.voucher.id}:remind:%"))
    return [(n.at, n.text) for n in db.session.scalars(statement.order_by(Notice.id))]


def remind_at(row: Voucher | Deal) -> datetime | None:
    db.session.refresh(row)
    return row.remind_at


def ask(market: Market) -> Deal:
    return deals.request(actor=market.buyer, offering_id=market.offering.id, memo="견적 부탁드립니다.")


def bill(market: Market) -> Deal:
    deal = ask(market)
    deals.accept(actor=market.seller, deal_id=deal.id)
    return deals.bill(actor=market.seller, deal_id=deal.id, **market.bill_terms())


def test_three_reminders_of_the_first_payment(market: Market) -> None:
    """R-VOU-4: 30, 7 and 1 days before, at nine in the morning, each saying what happens then."""
    for moment in ("2020-11-10 09:00", "2020-12-03 09:00", "2020-12-09 09:00"):
        assert reminders.sweep(at=kst(moment) - TICK).vouchers == 0
        if moment != "2020-11-10 09:00":  # that one falls on the day of selection, and is left out
            assert reminders.sweep(at=kst(moment)).vouchers == 1
            assert reminders.sweep(at=kst(moment)) == NONE
    assert [(at, words.partition(" 그때")[0]) for at, words in told(market)] == [
        (kst("2020-12-03 09:00"), "바우처 첫 결제 기한이 7일 남았습니다(2020.12.10.(목) 24:00까지)."),
        (kst("2020-12-09 09:00"), "바우처 첫 결제 기한이 1일 남았습니다(2020.12.10.(목) 24:00까지)."),
    ]
    assert "회수되어 예산으로 돌아갑니다" in told(market)[0][1]
    assert remind_at(market.voucher) is None
    sms = select(func.count()).where(OutboxMessage.kind == "sms", OutboxMessage.key.like("%:remind:%"))
    assert db.session.scalar(sms) == 2


def test_a_month_of_31_days_has_its_thirtieth(market: Market) -> None:
    """R-VOU-4: selected on 2020-12-10, due by 2021-01-10: 30 days before is the day after selection."""
    company = factories.make_company(programme_id=market.programme.id)
    due = clock.end_of(date(2021, 1, 10))
    voucher = make_voucher(company, selected_on=date(2020, 12, 10), first_payment_by=due, due_at=due)
    assert remind_at(voucher) == kst("2020-12-11 09:00")


def test_after_the_first_payment_the_second_clock_is_reminded_of(market: Market) -> None:
    """R-VOU-4, R-TIME-5"""
    voucher = market.voucher
    voucher.due_at = voucher.full_use_by
    db.session.commit()
    assert remind_at(voucher) == kst("2021-06-10 09:00")
    for moment in ("2021-06-10 09:00", "2021-07-03 09:00", "2021-07-09 09:00"):
        assert reminders.sweep(at=kst(moment)).vouchers == 1
    days = [words.partition(" 남았")[0] for _, words in told(market)]
    assert days == [f"바우처 사용 기한이 {n}일" for n in (30, 7, 1)]
    assert "만료되어 예산으로 돌아갑니다" in told(market)[0][1]


@pytest.mark.parametrize(
    ("late", "words", "following"),
    [
        ("2020-12-05 14:00", "5일 남았습니다", "2020-12-09 09:00"),
        ("2020-12-08 23:00", "2일 남았습니다", "2020-12-09 09:00"),
        ("2020-12-09 09:00", "1일 남았습니다", None),
        ("2020-12-10 10:00", "오늘입니다", None),
    ],
)
def test_a_late_sweep_tells_the_one_that_is_still_true(
    market: Market, late: str, words: str, following: str | None
) -> None:
    """R-TIME-6: one message, with the days that are really left."""
    assert reminders.sweep(at=kst(late)).vouchers == 1
    [(at, said)] = told(market)
    assert at == kst(late)
    assert said.startswith(f"바우처 첫 결제 기한이 {words}(")
    assert remind_at(market.voucher) == (kst(following) if following else None)


def test_nobody_is_reminded_of_what_is_over(market: Market) -> None:
    """R-TIME-6: the sweep ends first; what waits for a payment's outcome is not reminded of either."""
    due = clock.end_of(date(2020, 12, 10))
    assert reminders.sweep(at=due) == NONE
    assert told(market) == []
    result = deadlines.sweep(at=due)
    assert (result.vouchers_revoked, result.vouchers_reminded) == (1, 0)


def test_a_sweep_for_the_past_reminds_of_nothing(market: Market) -> None:
    """R-TIME-6"""
    reminders.sweep(at=kst("2020-12-03 09:00"))
    assert reminders.sweep(at=kst("2020-11-20 09:00")) == NONE
    assert remind_at(market.voucher) == kst("2020-12-09 09:00")


def test_who_asked_for_a_waiver_is_left_in_peace(market: Market) -> None:
    """R-VOU-2: and is reminded again where it was declined."""
    market.voucher.waiver_requested_at = MONDAY
    db.session.commit()
    assert reminders.sweep(at=kst("2020-12-03 09:00")) == NONE
    market.voucher.waiver_requested_at = None
    db.session.commit()
    assert reminders.sweep(at=kst("2020-12-04 09:00")).vouchers == 1
    assert told(market)[0][1].startswith("바우처 첫 결제 기한이 6일 남았습니다")


def test_a_supplier_is_reminded_of_an_answer(market: Market) -> None:
    """R-VOU-4: 24 hours before."""
    deal = ask(market)
    assert remind_at(deal) == ANSWER_DUE - DAY
    assert deadlines.sweep(at=ANSWER_DUE - DAY - TICK).deals_reminded == 0
    assert deadlines.sweep(at=ANSWER_DUE - DAY).deals_reminded == 1
    assert deadlines.sweep(at=ANSWER_DUE - HOUR).deals_reminded == 0
    [notice] = db.session.scalars(select(Notice).where(Notice.key.like(f"deal:{deal.id}:remind:%")))
    assert (notice.company_id, notice.supplier_id, notice.link) == (
        None,
        market.supplier.id,
        f"/supply/deals/{deal.id}",
    )
    assert notice.text == (
        f"{market.company.name}의 '{market.offering.name}' 거래상담에 답변할 시간이 24시간 남았습니다"
        "(2020.11.18.(수) 24:00까지). 기한이 지나면 거래가 불가 처리됩니다. "
        "거래수락이나 반려로 답변해 주세요."
    )


def test_a_company_is_reminded_of_a_bill(market: Market) -> None:
    deal = bill(market)
    assert deal.due_at is not None
    assert reminders.sweep(at=deal.due_at - timedelta(hours=5, minutes=10)).deals == 1
    [notice] = db.session.scalars(select(Notice).where(Notice.key.like(f"deal:{deal.id}:remind:%")))
    assert (notice.company_id, notice.supplier_id) == (market.company.id, None)
    assert "결제 기한이 5시간 남았습니다(2020.11.18.(수) 24:00까지)" in notice.text


def test_what_was_answered_is_not_reminded_of(market: Market) -> None:
    deal = ask(market)
    deals.accept(actor=market.seller, deal_id=deal.id)
    assert remind_at(deal) is None
    assert reminders.sweep(at=ANSWER_DUE - HOUR).deals == 0


def test_a_bill_under_payment_waits_with_its_reminder(market: Market) -> None:
    """R-VOU-3: until the payment has failed."""
    deal = bill(market)
    payment = make_pending_payment(market, deal.id)
    db.session.commit()
    assert reminders.sweep(at=ANSWER_DUE - 2 * HOUR).deals == 0
    payment.state = PaymentState.FAILED
    db.session.commit()
    assert reminders.sweep(at=ANSWER_DUE - HOUR).deals == 1


def test_any_way_of_writing_a_deadline_sets_the_reminder(market: Market) -> None:
    """R-VOU-4: also set-based, past every verb; what does not touch the deadline leaves it."""
    deal, voucher = ask(market), market.voucher
    db.session.execute(text("UPDATE deal SET due_at = due_at + interval '1 day'"))
    db.session.execute(text("UPDATE voucher SET due_at = full_use_by"))
    assert (remind_at(deal), remind_at(voucher)) == (ANSWER_DUE, kst("2021-06-10 09:00"))
    db.session.execute(text("UPDATE deal SET remind_at = NULL"))
    db.session.execute(text("UPDATE deal SET due_at = due_at, memo = 'x'"))
    assert remind_at(deal) is None
    db.session.execute(text("UPDATE voucher SET due_at = NULL, state = 'revoked'"))
    assert remind_at(voucher) is None


def test_a_moved_deadline_is_reminded_of_anew_and_not_at_once(market: Market) -> None:
    """R-TIME-5a: the move itself was told; what lies ahead follows the new deadline."""
    deal, moment = ask(market), kst("2020-12-05 09:00")
    manager = factories.make_actor(Role.PROGRAMME_MANAGER)
    reminders.sweep(at=moment)
    with clock.at(moment):
        run = clock_stops.declare(
            actor=manager,
            programme_id=market.programme.id,
            starts_at=kst("2020-11-18 09:00"),
            ends_at=kst("2020-11-19 09:00"),
            reason="장애",
        )
        clock_runs.work(run_id=run.id)
        assert reminders.sweep(at=moment) == NONE
    assert remind_at(deal) is None
    assert remind_at(market.voucher) == kst("2020-12-10 09:00")
    assert reminders.sweep(at=kst("2020-12-10 09:00")).vouchers == 1
    assert told(market)[-1][1].startswith("바우처 첫 결제 기한이 1일 남았습니다(2020.12.11.(금) 24:00까지)")


def test_a_deadline_that_comes_back_is_not_told_again(market: Market) -> None:
    """R-MSG-1: a payment and its cancellation bring the first clock back."""
    reminders.sweep(at=kst("2020-12-03 09:00"))
    voucher = market.voucher
    for due in (voucher.full_use_by, voucher.first_payment_by):
        voucher.due_at = due
        db.session.commit()
    assert remind_at(voucher) == kst("2020-12-03 09:00")
    reminders.sweep(at=kst("2020-12-04 10:00"))
    assert len(told(market)) == 1
    assert remind_at(voucher) == kst("2020-12-09 09:00")


def test_many_batches(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reminders, "BATCH", 3)
    for _ in range(7):
        make_voucher(factories.make_company(programme_id=market.programme.id))
    db.session.commit()
    assert reminders.sweep(at=kst("2020-12-03 09:00")).vouchers == 8
    assert reminders.sweep(at=kst("2020-12-03 09:00")) == NONE


@pytest.mark.parametrize(
    ("table", "statement", "states"),
    [
        (
            "voucher",
            "SELECT id FROM voucher WHERE {} AND remind_at <= now() ORDER BY remind_at, id",
            "'usable'",
        ),
        (
            "deal",
            "SELECT id FROM deal WHERE {} AND remind_at <= now() ORDER BY remind_at, id",
            "'consulting', 'billed'",
        ),
    ],
)
def test_an_idle_sweep_is_a_look_into_an_index(
    market: Market, table: str, statement: str, states: str
) -> None:
    """R-VOU-4"""
    by_index_alone()
    where = statement.format(f"state IN ({states})")
    plan = "\n".join(db.session.connection().exec_driver_sql(f"EXPLAIN {where}").scalars())
    assert f"using ix_{table}_remind" in plan
    assert "Sort" not in plan


moments = st.lists(
    st.integers(0, 23 * 24 + 20).map(lambda hours: kst("2020-11-17 00:00") + hours * HOUR), max_size=4
)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(moments)
def test_sweeps_at_any_moments_tell_each_reminder_once(market: Market, at: list[datetime]) -> None:
    """R-TIME-6, R-MSG-1: late, doubled and back in time; the last before the deadline is always told."""
    voucher = make_voucher(factories.make_company(programme_id=market.programme.id))
    db.session.commit()
    for moment in [*at, *at, kst("2020-12-10 20:00")]:
        reminders.sweep(at=moment)
    keys = db.session.scalars(
        select(Notice.key).where(Notice.key.like(f"voucher:{voucher.id}:remind:%"))
    ).all()
    days = [int(key.split(":")[-2].removesuffix("d")) for key in keys]
    assert len(days) == len(set(days)) <= 3
    assert min(days) == 1
    if any(kst("2020-12-03 09:00") <= moment < kst("2020-12-09 09:00") for moment in at[:1]):
        assert 7 in days
    assert voucher.state is VoucherState.USABLE


def test_the_demonstration_tells_what_lies_between(market: Market) -> None:
    """R-TIME-7: a jump of weeks tells each reminder at its own time, then ends what is due."""
    deal = ask(market)
    demonstration.start(shown_at=MONDAY)
    with clock.at(MONDAY):
        due = clock.end_of(date(2020, 12, 10))
        deadlines.sweep_through(since=MONDAY, until=due)
    assert [at for at, _ in told(market)] == [kst("2020-12-03 09:00"), kst("2020-12-09 09:00")]
    reminded = db.session.scalar(select(Notice.at).where(Notice.key.like(f"deal:{deal.id}:remind:%")))
    assert reminded == ANSWER_DUE - DAY
    db.session.refresh(market.voucher)
    assert market.voucher.state is VoucherState.REVOKED


def test_the_next_event_is_a_reminder_or_a_deadline(market: Market) -> None:
    """R-TIME-7: the step of the demonstration goes to deadlines alone."""
    assert deadlines.next_event(after=MONDAY) == kst("2020-12-03 09:00")
    assert deadlines.next_deadline(after=MONDAY) == clock.end_of(date(2020, 12, 10))
    ask(market)
    assert deadlines.next_event(after=MONDAY) == ANSWER_DUE - DAY
    assert deadlines.next_event(after=clock.end_of(date(2020, 12, 10))) is None
