"""What the sweep does, and that it does not matter when or how often it runs (R-TIME-6)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select, text

from app import clock
from app.db import db
from app.errors import Conflict, Denied
from app.models.deals import Deal, DealState
from app.models.payments import PaymentState
from app.models.programme import ClosingDay
from app.models.record import AuditRow, Notice, OutboxMessage
from app.models.vouchers import Voucher, VoucherState
from app.policy import Role
from app.workflows import clock_runs, closing_days, deadlines, deadlines_sql, deals, programmes
from tests import factories
from tests.market import ANSWER_DUE, MONDAY, Market, make_market, make_pending_payment
from tests.plans import by_index_alone

TICK = timedelta(microseconds=1)


@pytest.fixture
def market(tx: Flask) -> Iterator[Market]:
    with clock.at(MONDAY):
        made = make_market()
        db.session.commit()
        yield made


def ask(market: Market) -> Deal:
    return deals.request(actor=market.buyer, offering_id=market.offering.id, memo="견적 부탁드립니다.")


def ask_about_another(market: Market) -> Deal:
    """A consultation about another service of the same supplier."""
    other = factories.make_offering(supplier=market.supplier)
    db.session.commit()
    return deals.request(actor=market.buyer, offering_id=other.id, memo="하나 더 여쭙니다.")


def bill(market: Market) -> Deal:
    deal = ask(market)
    deals.accept(actor=market.seller, deal_id=deal.id)
    return deals.bill(actor=market.seller, deal_id=deal.id, **market.bill_terms())


def test_an_unanswered_consultation_lapses_at_its_deadline(market: Market) -> None:
    """R-TIME-2, R-DEAL-2a: the reason says which side did not answer, and both are told."""
    deal = ask(market)
    assert deadlines.sweep(at=ANSWER_DUE - TICK).consultations == 0
    assert db.session.get_one(Deal, deal.id).state is DealState.CONSULTING
    assert deadlines.sweep(at=ANSWER_DUE).consultations == 1
    deal = db.session.get_one(Deal, deal.id)
    assert (deal.state, deal.closed_at) == (DealState.LAPSED, ANSWER_DUE)
    assert deal.reason == "공급기업이 답변 기한 안에 답하지 않아 거래가 불가 처리되었습니다."
    said = f"'{deal.offering.name}': {deal.reason}"
    told = db.session.scalars(select(Notice).where(Notice.text == said)).all()
    assert {(notice.company_id, notice.supplier_id) for notice in told} == {
        (market.company.id, None),
        (None, market.supplier.id),
    }


def test_an_unpaid_bill_lapses_at_its_deadline(market: Market) -> None:
    """R-TIME-3"""
    deal = bill(market)
    due = deal.due_at
    assert due is not None
    assert deadlines.sweep(at=due).bills == 1
    deal = db.session.get_one(Deal, deal.id)
    assert (deal.state, deal.closed_at) == (DealState.LAPSED, due)
    assert deal.reason == "수요기업이 결제 기한 안에 결제하지 않아 거래가 불가 처리되었습니다."


def test_an_accepted_deal_has_no_deadline(market: Market) -> None:
    deal = ask(market)
    deals.accept(actor=market.seller, deal_id=deal.id)
    deadlines.sweep(at=MONDAY + timedelta(days=15))
    assert db.session.get_one(Deal, deal.id).state is DealState.ACCEPTED


def test_a_bill_under_payment_waits_for_its_outcome(market: Market) -> None:
    """R-VOU-3"""
    deal = bill(market)
    due = deal.due_at
    assert due is not None
    payment = make_pending_payment(market, deal.id)
    db.session.commit()
    assert deadlines.sweep(at=due + timedelta(hours=1)).bills == 0
    assert db.session.get_one(Deal, deal.id).state is DealState.BILLED
    payment.state = PaymentState.FAILED
    db.session.commit()
    assert deadlines.sweep(at=due + timedelta(hours=2)).bills == 1
    assert db.session.get_one(Deal, deal.id).closed_at == due


LATE = (timedelta(), TICK, timedelta(seconds=1), timedelta(days=40))


@pytest.mark.parametrize("late", LATE, ids=str)
def test_a_late_answer_is_refused_though_nothing_swept(market: Market, late: timedelta) -> None:
    """R-TIME-6, R-TIME-1: at the deadline's instant and ever after; and nothing is changed or told."""
    asked, billed = ask_about_another(market), bill(market)
    assert asked.due_at is not None and billed.due_at is not None
    before = everything_told()
    seller, buyer = market.seller, market.buyer
    with clock.at(asked.due_at + late):
        for answer in (
            lambda: deals.accept(actor=seller, deal_id=asked.id),
            lambda: deals.turn_down(actor=seller, deal_id=asked.id, reason="바쁩니다."),
            lambda: deals.withdraw(actor=buyer, deal_id=asked.id),
        ):
            with pytest.raises(Conflict, match="deal.late") as refused:
                answer()
            assert refused.value.text.startswith("답변 기한(2020.11.18.(수) 24:00까지)이 지나")
        terms = market.bill_terms()
        with pytest.raises(Conflict, match="deal.bill.state"):
            deals.bill(actor=seller, deal_id=asked.id, **terms)
    with clock.at(billed.due_at + late):
        for act in (
            lambda: deals.lock_billed(actor=buyer, deal_id=billed.id),
            lambda: deals.withdraw(actor=buyer, deal_id=billed.id),
        ):
            with pytest.raises(Conflict, match="deal.late") as refused:
                act()
            assert refused.value.text.startswith("결제 기한(2020.11.18.(수) 24:00까지)이 지나")
    assert (asked.state, billed.state) == (DealState.CONSULTING, DealState.BILLED)
    assert everything_told() == before


def everything_told() -> list[int | None]:
    return [db.session.scalar(select(func.count(model.id))) for model in (AuditRow, Notice, OutboxMessage)]


def test_only_the_clock_sweeps(market: Market) -> None:
    ask(market)
    with pytest.raises(Denied):
        deadlines.sweep(at=ANSWER_DUE, actor=market.buyer)


def test_many_batches(market: Market, monkeypatch: pytest.MonkeyPatch) -> None:
    """Set-based in batches; a row that cannot move does not stop those behind it."""
    monkeypatch.setattr(deadlines, "BATCH", 3)
    paying = bill(market)
    for n in range(8):
        db.session.add(copy_of(market, begun=MONDAY + timedelta(minutes=n)))
    make_pending_payment(market, paying.id)
    db.session.commit()
    assert deadlines.sweep(at=MONDAY + timedelta(days=5)).bills == 8
    assert deadlines.sweep(at=MONDAY + timedelta(days=5)).bills == 0
    lapsed = db.session.scalars(select(AuditRow.entity_id).where(AuditRow.action == "lapse")).all()
    assert len(lapsed) == len(set(lapsed)) == 8


def test_the_batch_comes_out_of_the_partial_index(market: Market) -> None:
    """The sweep of a market with a million open deals reads only what is due, in its order."""
    by_index_alone()
    parameters = {"at": ANSWER_DUE, "after": MONDAY, "after_id": 1, "size": 2000}
    explain = text(f"EXPLAIN {deadlines_sql.LAPSES[DealState.CONSULTING].take.text}")
    plan = "\n".join(db.session.execute(explain, parameters).scalars())
    taken = plan[plan.index("LockRows") :]
    assert "Index Scan using ix_deal_due" in taken
    assert "Sort" not in taken[: taken.index("Index Scan")]


def copy_of(market: Market, *, begun: datetime) -> Deal:
    """A bill of `begun`, as a row."""
    return Deal(
        programme_id=market.programme.id,
        company_id=market.company.id,
        supplier_id=market.supplier.id,
        offering_id=market.offering.id,
        version_id=market.offering.current_version_id,
        state=DealState.BILLED,
        memo="견적 부탁드립니다.",
        requested_at=MONDAY,
        billed_at=begun,
        due_at=clock.end_of(begun.date() + timedelta(days=2)),
    )


def open_deals(market: Market) -> list[Deal]:
    """Consultations and bills with deadlines on five days."""
    made = []
    for n in range(10):
        deal = copy_of(market, begun=MONDAY + timedelta(hours=12 * n))
        deal.state = (DealState.CONSULTING, DealState.BILLED)[n % 2]
        made.append(deal)
    db.session.add_all(made)
    db.session.commit()
    return made


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sweeps=st.lists(st.integers(-48, 24 * 9).map(lambda hours: timedelta(hours=hours)), max_size=6))
def test_late_doubled_and_past_sweeps_give_the_same(market: Market, sweeps: list[timedelta]) -> None:
    """R-TIME-6: at any moments in any order, also backwards, each deal ends at its own deadline, once."""
    made = open_deals(market)
    latest = timedelta(hours=-48)
    for wait in sweeps:
        deadlines.sweep(at=MONDAY + wait)
        latest = max(latest, wait)
        for deal in made:
            assert deal.due_at is not None
            assert (deal.state is DealState.LAPSED) is (deal.due_at <= MONDAY + latest)
    deadlines.sweep(at=MONDAY + timedelta(days=10))
    assert [(deal.state, deal.closed_at) for deal in made] == [
        (DealState.LAPSED, deal.due_at) for deal in made
    ]
    lapses = select(func.count(AuditRow.id)).where(
        AuditRow.entity == "deal", AuditRow.action == "lapse", AuditRow.entity_id.in_([d.id for d in made])
    )
    assert db.session.scalar(lapses) == len(made)


OPEN = st.tuples(st.sampled_from([DealState.CONSULTING, DealState.BILLED]), st.integers(0, 6), st.booleans())
"""State, day of its deadline, and whether a payment is under way."""
HOURS = st.integers(-48, 24 * 9).map(lambda hours: timedelta(hours=hours))
END = MONDAY + timedelta(days=10)


def open_like(market: Market, plan: list[tuple[DealState, int, bool]]) -> list[Deal]:
    made = []
    for state, day, _paying in plan:
        deal = copy_of(market, begun=MONDAY + timedelta(days=day))
        deal.state = state
        made.append(deal)
    db.session.add_all(made)
    db.session.flush()
    for deal, (state, _day, paying) in zip(made, plan, strict=True):
        if paying and state is DealState.BILLED:
            make_pending_payment(market, deal.id)
    db.session.commit()
    return made


def outcome(made: list[Deal]) -> list[tuple[Any, ...]]:
    """What each deal has come to, and what was written and told of it."""
    rows = []
    for deal in made:
        own = (AuditRow.entity == "deal", AuditRow.entity_id == deal.id)
        audit = db.session.scalars(select(AuditRow).where(*own).order_by(AuditRow.seq)).all()
        notices = select(Notice).where(Notice.key.op("~")(f"^deal:{deal.id}:[0-9]")).order_by(Notice.key)
        messages = select(func.count()).where(OutboxMessage.key.op("~")(f"^deal:{deal.id}:[0-9]"))
        rows.append(
            (
                (deal.state, deal.reason, deal.due_at, deal.closed_at),
                [(row.seq, row.action, row.actor_name, row.reason, row.change) for row in audit],
                [
                    (n.text, str(n.link).replace(str(deal.id), ""), n.company_id, n.supplier_id)
                    for n in db.session.scalars(notices)
                ],
                db.session.scalar(messages),
            )
        )
    return rows


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    plan=st.lists(OPEN, min_size=1, max_size=8), sweeps=st.lists(HOURS, max_size=6), batch=st.integers(1, 4)
)
def test_any_sweeps_end_in_the_rows_of_one_in_time(
    market: Market, plan: list[tuple[DealState, int, bool]], sweeps: list[timedelta], batch: int
) -> None:
    """R-TIME-6: late, doubled and back in time, over any deals: row by row what a sweep in time leaves."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(deadlines, "BATCH", batch)
        wild = open_like(market, plan)
        for wait in [*sweeps, *sweeps[:1], END - MONDAY]:
            deadlines.sweep(at=MONDAY + wait)
        in_time = open_like(market, plan)
        with clock.at(END):
            deadlines.sweep_through(since=MONDAY, until=END)
        assert outcome(wild) == outcome(in_time)
        under_way = [paying and state is DealState.BILLED for state, _day, paying in plan]
        assert [deal.state is DealState.LAPSED for deal in wild] == [not waits for waits in under_way]


def test_the_vouchers_deadlines_strike_in_the_same_sweep(market: Market) -> None:
    """R-VOU-1: no first payment in time is 회수."""
    due = market.voucher.due_at
    assert due is not None
    result = deadlines.sweep(at=due)
    assert (result.vouchers_revoked, result.vouchers_expired) == (1, 0)
    assert db.session.get_one(Voucher, market.voucher.id).state is VoucherState.REVOKED
    assert deadlines.sweep(at=due).vouchers_revoked == 0


def test_the_next_deadline_is_the_earliest_open_one(market: Market) -> None:
    """R-TIME-7"""
    voucher_due = market.voucher.due_at
    assert deadlines.next_deadline(after=MONDAY) == voucher_due
    ask(market)
    assert deadlines.next_deadline(after=MONDAY) == ANSWER_DUE
    assert deadlines.next_deadline(after=ANSWER_DUE) == voucher_due
    assert voucher_due is not None
    assert deadlines.next_deadline(after=voucher_due) is None


@pytest.mark.parametrize(
    ("kind", "at", "last", "words"),
    [
        (
            "consultation",
            "2020-09-29T15:00",
            "2020-10-06",
            "2020.10.06.(화) 24:00까지, 영업일 2일, "
            "09.30.(수)·10.01.(목)·10.02.(금)·10.03.(토)·10.04.(일) 제외",
        ),
        ("payment", "2020-11-20T15:00", "2020-11-22", "2020.11.22.(일) 24:00까지, 달력일 2일"),
        (
            "first_payment",
            "2021-01-31T10:00",
            "2021-02-28",
            "2021.02.28.(일) 24:00까지, 선정일 2021.01.31.(일)부터 1개월, "
            "같은 날이 없는 달이라 그 달의 마지막 날",
        ),
        (
            "full_use",
            "2020-11-16T10:00",
            "2021-07-16",
            "2021.07.16.(금) 24:00까지, 선정일 2020.11.16.(월)부터 8개월",
        ),
    ],
)
def test_a_deadline_in_words(market: Market, kind: deadlines.Kind, at: str, last: str, words: str) -> None:
    """R-TIME-5a"""
    instant = datetime.fromisoformat(at).replace(tzinfo=clock.KST)
    explained = deadlines.explain(kind=kind, at=instant, programme=market.programme)
    assert explained.deadline == clock.end_of(date.fromisoformat(last))
    assert explained.text == words


def test_an_unknown_kind_is_an_error(market: Market) -> None:
    with pytest.raises(ValueError, match="no deadline"):
        deadlines.explain(kind="other", at=MONDAY, programme=market.programme)  # type: ignore[arg-type]


def test_the_programme_says_how_days_are_counted(market: Market) -> None:
    """R-TIME-4"""
    manager = factories.make_actor(Role.PROGRAMME_MANAGER)
    friday = datetime(2020, 11, 20, 9, 0, tzinfo=clock.KST)
    programmes.change_settings(
        actor=manager, programme_id=market.programme.id, payment_business=True, consultation_days=3
    )
    paid = deadlines.explain(kind="payment", at=friday, programme=market.programme)
    asked = deadlines.explain(kind="consultation", at=friday, programme=market.programme)
    assert paid.deadline == clock.end_of(date(2020, 11, 24))
    assert asked.deadline == clock.end_of(date(2020, 11, 25))


def test_a_closing_day_moves_what_is_open(market: Market) -> None:
    """R-TIME-2"""
    manager = factories.make_actor(Role.PROGRAMME_MANAGER)
    deal = ask(market)
    run = closing_days.declare(
        actor=manager, programme_id=market.programme.id, day=date(2020, 11, 18), reason="서버 점검"
    )
    clock_runs.work(run_id=run.id)
    assert db.session.get_one(Deal, deal.id, populate_existing=True).due_at == clock.end_of(
        date(2020, 11, 19)
    )
    assert db.session.get(ClosingDay, (market.programme.id, date(2020, 11, 18))) is not None
    assert deadlines.sweep(at=ANSWER_DUE).consultations == 0
