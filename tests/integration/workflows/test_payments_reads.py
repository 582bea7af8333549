"""R-PAY-7, R-PAY-8, R-MONEY-2b: what the screens read, whose it is, and with how many queries."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from sqlalchemy import event

from app import clock
from app.db import db
from app.errors import NotFound
from app.models.payments import PaymentState
from app.policy import Denied, Role
from app.workflows import cancellations, payments_reads, unknown_outcomes
from app.workflows.payments_reads import Tab
from tests import factories, money, settled

pytestmark = pytest.mark.usefixtures("tx")


@pytest.fixture
def queries(tx: object) -> Iterator[Callable[[Callable[[], object]], int]]:
    """How many statements a read sends, with nothing loaded before."""
    sent: list[str] = []

    def note(_c: object, _cursor: object, statement: str, *_: object) -> None:
        sent.append(statement)

    def count(read: Callable[[], object]) -> int:
        db.session.expire_all()
        sent.clear()
        read()
        return len([s for s in sent if s.lstrip().upper().startswith(("SELECT", "WITH"))])

    event.listen(db.engine, "before_cursor_execute", note)
    yield count
    event.remove(db.engine, "before_cursor_execute", note)


@pytest.fixture
def history(sandbox: str) -> money.Payer:
    """One paid, one failed, one cancelled, one of unknown outcome."""
    payer = money.make_payer(sandbox)
    money.pay(payer, money.make_bill(payer, 100_000))
    money.pay(payer, money.make_bill(payer, 200_000), behaviour="01")
    third = money.pay(payer, money.make_bill(payer, 300_000))
    cancellations.cancel_today(actor=payer.actor, payment_id=third.id, reason="변경")
    money.pay(payer, money.make_bill(payer, 400_000), behaviour="52")
    return payer


def test_tabs_count_and_sum(history: money.Payer) -> None:
    """R-PAY-7"""
    tabs = payments_reads.tabs(actor=history.actor)
    assert {tab.label: (sum_.count, sum_.amount) for tab, sum_ in tabs.items()} == {
        "총 내역": (4, 1_000_000),
        "결제성공": (1, 100_000),
        "결제실패": (1, 200_000),
        "결제취소": (1, 300_000),
    }
    tomorrow = clock.today() + timedelta(days=1)
    assert payments_reads.tabs(actor=history.actor, since=tomorrow)[Tab.ALL].count == 0
    today = clock.today()
    assert payments_reads.tabs(actor=history.actor, since=today, until=today)[Tab.ALL].count == 4


def test_list_is_newest_first_and_goes_on_by_key(history: money.Payer) -> None:
    rows = payments_reads.listing(actor=history.actor, tab=Tab.ALL, size=3)
    assert [row.amount for row in rows] == [400_000, 300_000, 200_000]
    rest = payments_reads.listing(actor=history.actor, tab=Tab.ALL, size=3, before=rows[-1].id)
    assert [row.amount for row in rest] == [100_000]


def test_statement_holds_paid_and_cancelled_with_their_sums(history: money.Payer) -> None:
    """R-PAY-8"""
    rows = payments_reads.statement(actor=history.actor)
    assert [row.id for row in payments_reads.statement(actor=history.actor, before=rows[0].id)] == [
        rows[1].id
    ]
    assert [row.state for row in rows] == [PaymentState.CANCELLED, PaymentState.PAID]
    sums = payments_reads.statement_sums(actor=history.actor)
    assert (sums.count, sums.paid, sums.cancelled, sums.net) == (2, 400_000, 300_000, 100_000)


def test_each_sees_their_own(history: money.Payer, sandbox: str) -> None:
    other = money.make_payer(sandbox)
    [mine] = payments_reads.listing(actor=history.actor, tab=Tab.PAID)
    assert payments_reads.listing(actor=other.actor, tab=Tab.ALL) == []
    with pytest.raises(NotFound):
        payments_reads.get(actor=other.actor, payment_id=mine.id)
    assert payments_reads.live_payment(actor=other.actor, deal_id=mine.deal_id) is None
    supplier = money.supplier_of(mine.deal)
    assert [row.id for row in payments_reads.sales(actor=supplier)] == [mine.id]
    finance = factories.make_actor(Role.FINANCE_OFFICER)
    assert payments_reads.get(actor=finance, payment_id=mine.id).id == mine.id
    for role in (Role.REVIEWER, Role.SYSTEM_ADMIN):
        with pytest.raises(Denied):
            payments_reads.listing(actor=factories.make_actor(role), tab=Tab.ALL)


def test_a_supplier_sees_what_was_paid_and_no_attempt(history: money.Payer) -> None:
    """R-PAY-7: an attempt that failed is between the company and its bank."""
    failed = payments_reads.listing(actor=history.actor, tab=Tab.FAILED)[0]
    supplier = money.supplier_of(failed.deal)
    assert payments_reads.sales(actor=supplier) == []
    assert payments_reads.tabs(actor=supplier)[Tab.ALL].count == 0
    with pytest.raises(NotFound):
        payments_reads.get(actor=supplier, payment_id=failed.id)
    unknown = payments_reads.listing(actor=history.actor, tab=Tab.ALL, size=1)[0]
    supplier = money.supplier_of(unknown.deal)
    assert payments_reads.sales(actor=supplier) == []
    assert payments_reads.get(actor=supplier, payment_id=unknown.id).state is PaymentState.PENDING


def test_sales_stand_by_the_day_they_were_paid() -> None:
    """R-PAY-7: the first pressed may be paid last, and pages go on where they broke off, ties too."""
    programme, supplier = factories.make_programme(), factories.make_supplier()
    noon = clock.now().replace(hour=12, minute=0, second=0, microsecond=0)
    days_ago = (1, 3, 0, 3, 2)
    paid = [
        settled.make_paid(programme, supplier, 10_000, paid_at=noon - timedelta(days=days))
        for days in days_ago
    ]
    actor = factories.make_actor(Role.SUPPLIER, supplier_id=supplier.id)
    wanted = [paid[n].id for n in (2, 0, 4, 3, 1)]
    assert [row.id for row in payments_reads.sales(actor=actor)] == wanted
    walked: list[int] = []
    while len(page := payments_reads.sales(actor=actor, before=walked[-1] if walked else None, size=2)) == 2:
        walked += [row.id for row in page]
    assert [*walked, *(row.id for row in page)] == wanted


def test_sums_by_part_follow_the_search(history: money.Payer) -> None:
    """R-PAY-7: grant, share and tax of what is shown."""
    [paid] = payments_reads.listing(actor=history.actor, tab=Tab.PAID)
    [cancelled] = payments_reads.listing(actor=history.actor, tab=Tab.CANCELLED)
    sums = payments_reads.tabs(actor=history.actor, q=paid.order_id)
    assert sums[Tab.ALL] == sums[Tab.PAID] == payments_reads.Sum(1, 100_000, 90_000, 10_000, 0)
    assert sums[Tab.CANCELLED] == payments_reads.Sum()
    billed = payments_reads.statement_sums(actor=history.actor, q=cancelled.order_id)
    assert (billed.all, billed.net) == (billed.back, 0)


def test_the_console_finds_by_either_sides_name(history: money.Payer) -> None:
    [paid] = payments_reads.listing(actor=history.actor, tab=Tab.PAID)
    finance = factories.make_actor(Role.FINANCE_OFFICER)
    both = f"{paid.deal.company.name} {paid.deal.supplier.name}"
    assert [row.id for row in payments_reads.listing(actor=finance, tab=Tab.ALL, q=both)] == [paid.id]
    assert payments_reads.listing(actor=finance, tab=Tab.ALL, q=f"{both} 없는말") == []


def test_console_lists_unknown_outcomes(history: money.Payer) -> None:
    [unknown] = money.unknown()
    assert (unknown.state, unknown.amount) == (PaymentState.PENDING, 400_000)
    with pytest.raises(Denied):
        unknown_outcomes.listing(actor=history.actor)


def test_amount_opens_into_how_it_was_worked_out(history: money.Payer) -> None:
    """R-MONEY-2b: from what the voucher held before, also after later payments."""
    first = payments_reads.listing(actor=history.actor, tab=Tab.PAID)[0]
    lines = payments_reads.working(actor=history.actor, payment_id=first.id)
    assert lines[1].amount == first.grant_part == 90_000
    assert "100,000원 × 남은 정부지원금 3,600,000원 ÷ 바우처 잔액 4,000,000원" in lines[1].working


def test_queries_do_not_grow_with_the_rows(
    history: money.Payer, queries: Callable[[Callable[[], object]], int]
) -> None:
    def read(size: int) -> Callable[[], object]:
        return lambda: [
            (row.deal.offering.name, row.deal.supplier.name, row.deal.company.name)
            for row in payments_reads.listing(actor=history.actor, tab=Tab.ALL, size=size)
        ]

    assert queries(read(1)) == queries(read(4)) == 1
    assert queries(lambda: payments_reads.tabs(actor=history.actor)) == 1
    assert queries(lambda: payments_reads.tabs(actor=history.actor, q="서비스 R-1")) == 1
