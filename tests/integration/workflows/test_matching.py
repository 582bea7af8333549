"""R-SET-3: daily files are matched by approval number, amount and day; what differs is a queue to clear."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select

from app import clock
from app.db import db, transaction
from app.models.catalogue import Supplier
from app.models.payments import Payment, PaymentState
from app.models.programme import Programme
from app.models.statements import (
    Bucket,
    ItemState,
    ReconAct,
    StatementFile,
    StatementMatch,
    StatementState,
    StatementSystem,
)
from app.models.vouchers import InstrumentKind
from app.workflows import matching, record
from tests import factories, settled
from tests.integration.workflows.reconciling import DAY, File, Row, back, buckets, charge, days, items, take

pytestmark = pytest.mark.usefixtures("tx")
ONE = timedelta(days=1)


@pytest.fixture
def paid() -> Callable[..., Payment]:
    """Payments of 10 November 2020 at ten."""
    programme: Programme = factories.make_programme()
    supplier: Supplier = factories.make_supplier()

    def make(amount: int = 300_000, *, day: clock.date = DAY) -> Payment:
        at = clock.start_of(day) + timedelta(hours=10)
        with clock.at(at):
            return settled.make_paid(programme, supplier, amount, paid_at=at)

    return make


def cancelled(payment: Payment, day: clock.date = DAY) -> Payment:
    with clock.at(clock.start_of(day) + timedelta(hours=15)):
        settled.cancel(payment)
    return payment


def change(payment: Payment, **values: object) -> None:
    with transaction():
        for name, value in values.items():
            setattr(payment, name, value)


def matches() -> tuple[int, int]:
    """How many lines have a payment, and how many account for each other."""
    found = list(db.session.scalars(select(StatementMatch.payment_id)))
    return len([each for each in found if each is not None]), found.count(None)


def test_what_both_books_have_opens_nothing(paid: Callable[..., Payment]) -> None:
    one, two = paid(), cancelled(paid(200_000))
    days([charge(one), charge(two), back(two)], [])
    file = db.session.scalars(select(StatementFile).where(StatementFile.day == DAY)).one()
    assert (file.state, file.matched, file.rows) == (StatementState.MATCHED, 3, 3)
    assert (file.charged, file.cancelled) == (500_000, 200_000)
    assert matches() == (3, 0) and items(state=None) == []


@pytest.mark.parametrize("shift", [-1, 0, 1], ids=["the-day-before", "the-same-day", "the-day-after"])
def test_the_day_may_differ_by_one(paid: Callable[..., Payment], shift: int) -> None:
    payment = paid()
    days([charge(payment).on(DAY + shift * ONE)], [])
    assert matches() == (1, 0) and items(state=None) == []


def test_two_days_are_too_many(paid: Callable[..., Payment]) -> None:
    payment = paid()
    days([], [charge(payment).on(DAY + 2 * ONE)], [], [])
    assert buckets() == [Bucket.ONLY_THEIRS, Bucket.ONLY_OURS]
    assert {item.payment_id for item in items()} == {payment.id}


@pytest.mark.parametrize("won", [-1, 1, 100], ids=["one-less", "one-more", "a-hundred-more"])
def test_the_amount_may_not_differ_by_a_won(paid: Callable[..., Payment], won: int) -> None:
    payment = paid()
    days([charge(payment, amount=payment.total + won)], [])
    [item] = items()
    assert (item.bucket, item.payment_id, item.is_cancel) == (Bucket.AMOUNT, payment.id, False)
    assert (item.ours, item.theirs) == (300_000, 300_000 + won)
    assert matches() == (0, 0)


def test_ours_is_missing_only_when_the_next_day_has_been_seen_too(paid: Callable[..., Payment]) -> None:
    payment = paid()
    take(File(DAY))
    assert items() == []
    take(File(DAY + ONE))
    [item] = items()
    assert (item.bucket, item.payment_id, item.line_id) == (Bucket.ONLY_OURS, payment.id, None)
    assert (item.ours, item.theirs, item.day) == (300_000, 0, DAY)


def test_the_files_may_come_in_any_order(paid: Callable[..., Payment]) -> None:
    payment = paid()
    take(File(DAY + ONE))
    assert items() == []
    take(File(DAY))
    assert [item.payment_id for item in items()] == [payment.id]


def test_a_line_of_nobody() -> None:
    take(File(rows=[Row("77777777", 55_000, clock.start_of(DAY))]))
    [item] = items()
    assert (item.bucket, item.payment_id, item.ours, item.theirs) == (Bucket.ONLY_THEIRS, None, 0, 55_000)


def test_a_line_that_stands_twice_is_doubled_once(paid: Callable[..., Payment]) -> None:
    payment = paid()
    days([charge(payment), charge(payment)], [])
    [item] = items()
    assert (item.bucket, item.payment_id) == (Bucket.DOUBLED, payment.id)
    assert matches() == (1, 0)


def test_a_second_approval_of_one_order_is_doubled(paid: Callable[..., Payment]) -> None:
    payment = paid()
    days([charge(payment), charge(payment, approval="88888888")], [])
    assert [(item.bucket, item.payment_id) for item in items()] == [(Bucket.DOUBLED, payment.id)]


def test_a_doubled_line_that_is_taken_back_settles_itself(paid: Callable[..., Payment]) -> None:
    payment = paid()
    once_more = charge(payment)
    days([once_more, once_more], [])
    taken_back = Row(once_more.approval, once_more.amount, once_more.at + 2 * ONE, is_cancel=True)
    take(File(DAY + 2 * ONE, rows=[taken_back]))
    [item] = items(state=ItemState.CLOSED)
    assert item.settled_by_file is not None and item.settled_by_file.day == DAY + 2 * ONE
    assert matches() == (1, 2)


def test_their_cancellation_that_we_do_not_have(paid: Callable[..., Payment]) -> None:
    payment = paid()
    theirs = Row(str(payment.approval_number), payment.total, clock.start_of(DAY), is_cancel=True)
    days([charge(payment), theirs], [])
    [item] = items()
    assert (item.bucket, item.payment_id, item.is_cancel) == (Bucket.CANCEL_MISSING, payment.id, True)
    assert (item.ours, item.theirs) == (0, 300_000)

    # We cancel in turn: the next file finds both sides.
    cancelled(payment, DAY + ONE)
    take(File(DAY + 2 * ONE))
    [item] = items(state=ItemState.CLOSED)
    assert item.closed_by_id is None and "명세까지 대조해" in str(item.note)


def test_our_cancellation_that_they_do_not_have(paid: Callable[..., Payment]) -> None:
    payment = cancelled(paid())
    days([charge(payment)], [])
    [item] = items()
    assert (item.bucket, item.payment_id, item.is_cancel) == (Bucket.CANCEL_MISSING, payment.id, True)
    assert (item.line_id, item.ours, item.theirs) == (None, 300_000, 0)


def test_a_line_that_comes_later_settles_what_was_open(paid: Callable[..., Payment]) -> None:
    payment = paid()
    days([], [], [])
    [item] = items()
    assert item.bucket is Bucket.ONLY_OURS
    late = take(File(DAY + 3 * ONE, rows=[charge(payment)]))
    [item] = items(state=None)
    assert (item.state, item.settled_by_file_id) == (ItemState.CLOSED, late.id)
    [act] = db.session.scalars(select(ReconAct).where(ReconAct.item_id == item.id))
    assert act.action.value == "settle" and "11.13." in act.note
    assert record.verify() == []


def test_money_taken_for_a_payment_that_failed_and_given_back(paid: Callable[..., Payment]) -> None:
    payment = paid()
    line = charge(payment)
    change(payment, state=PaymentState.FAILED, paid_at=None, approval_number=None)
    take(File(rows=[line, Row(line.approval, line.amount, line.at, line.order, is_cancel=True)]))
    assert items(state=None) == [] and matches() == (0, 2)


def test_money_given_back_on_a_later_day_settles_itself(paid: Callable[..., Payment]) -> None:
    payment = paid()
    line = charge(payment)
    change(payment, state=PaymentState.FAILED, paid_at=None, approval_number=None)
    take(File(rows=[line]))
    [item] = items()
    assert (item.bucket, item.payment_id) == (Bucket.ONLY_THEIRS, payment.id)
    returned = Row(line.approval, line.amount, line.at + ONE, line.order, is_cancel=True)
    take(File(DAY + ONE, rows=[returned]))
    assert buckets(state=None) == [Bucket.ONLY_THEIRS] and items() == []


def test_an_outcome_that_becomes_known_later(paid: Callable[..., Payment]) -> None:
    payment = paid()
    line, known = charge(payment), (payment.paid_at, payment.approval_number)
    change(payment, state=PaymentState.PENDING, paid_at=None, approval_number=None)
    days([line], [])
    [item] = items()
    assert (item.bucket, item.payment_id) == (Bucket.ONLY_THEIRS, payment.id)
    change(payment, state=PaymentState.PAID, paid_at=known[0], approval_number=known[1])
    assert matching.look_again(system=StatementSystem.CARD) == 1
    assert items() == [] and matches() == (1, 0)


def test_an_outcome_that_becomes_known_late_and_has_no_line(paid: Callable[..., Payment]) -> None:
    payment = paid()
    paid_at = payment.paid_at
    change(payment, state=PaymentState.PENDING, paid_at=None)
    days([], [], [])
    assert items() == []
    change(payment, state=PaymentState.PAID, paid_at=paid_at)
    take(File(DAY + 3 * ONE))
    assert [(item.bucket, item.payment_id) for item in items()] == [(Bucket.ONLY_OURS, payment.id)]


@pytest.mark.parametrize("weeks", [2, 20], ids=["after-two-weeks", "after-months"])
def test_an_outcome_that_becomes_known_after_weeks_is_looked_for_too(
    paid: Callable[..., Payment], weeks: int
) -> None:
    """R-PAY-4: the gateway dates it back to when it charged; so does a cancellation."""
    payment, back_too = paid(), cancelled(paid(200_000))
    paid_at, line = payment.paid_at, charge(back_too)
    cancelled_at = back_too.cancelled_at
    change(payment, state=PaymentState.PENDING, paid_at=None)
    change(back_too, state=PaymentState.CANCELLING, cancelled_at=None)
    days([line], [])
    assert items() == []
    change(payment, state=PaymentState.PAID, paid_at=paid_at)
    change(back_too, state=PaymentState.CANCELLED, cancelled_at=cancelled_at)
    take(File(DAY + weeks * 7 * ONE))
    assert [(item.bucket, item.payment_id) for item in items()] == [
        (Bucket.ONLY_OURS, payment.id),
        (Bucket.CANCEL_MISSING, back_too.id),
    ]
    take(File(DAY + (weeks * 7 + 1) * ONE))
    assert len(items(state=None)) == 2, "once"


def test_a_corrected_amount_settles_when_the_wrong_one_is_taken_back(paid: Callable[..., Payment]) -> None:
    payment = paid()
    wrong = charge(payment, amount=payment.total + 100)
    days([wrong], [])
    assert buckets() == [Bucket.AMOUNT]
    take(File(DAY + 2 * ONE, rows=[Row(wrong.approval, wrong.amount, wrong.at + ONE, is_cancel=True)]))
    assert Bucket.AMOUNT in buckets()
    take(File(DAY + 3 * ONE, rows=[charge(payment)]))
    assert Bucket.AMOUNT not in buckets()


def test_the_systems_do_not_meet(paid: Callable[..., Payment]) -> None:
    """The same approval number at the other system is another approval."""
    payment = paid()
    days([charge(payment)], [], system=StatementSystem.ZEROPAY)
    assert [(item.system, item.bucket) for item in items()] == [(StatementSystem.ZEROPAY, Bucket.ONLY_THEIRS)]
    change(payment, instrument_kind=InstrumentKind.ZEROPAY)
    assert matching.look_again(system=StatementSystem.ZEROPAY) == 1


def test_an_approval_number_that_comes_again_after_months(paid: Callable[..., Payment]) -> None:
    early, late = paid(), paid(day=DAY + 90 * ONE)
    change(late, approval_number=early.approval_number)
    days([charge(early)], [])
    days([charge(late)], [], first=DAY + 90 * ONE)
    assert items(state=None) == [] and matches() == (2, 0)


def test_a_file_is_matched_once(paid: Callable[..., Payment]) -> None:
    paid()
    days([Row("77777777", 55_000, clock.start_of(DAY))], [])
    before = [item.id for item in items()]
    for file in db.session.scalars(select(StatementFile)):
        matching.match(file_id=file.id)
    assert [item.id for item in items()] == before and len(before) == 2


def test_each_difference_has_its_trail(paid: Callable[..., Payment]) -> None:
    paid()
    days([], [])
    assert db.session.execute(
        record.text("SELECT action, change -> 'state' ->> 1 FROM audit_row WHERE entity = 'recon_item'")
    ).all() == [("begin", "open")]
    assert record.verify() == []
