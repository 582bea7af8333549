"""R-SET-3: what becomes of the daily files that the played systems get wrong, by test number.

Each case pays at the played card company, cancels where it says so, and fetches the files of the days after
as the job does (docs/sandbox.md lists the numbers).
"""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from app import clock
from app.db import db
from app.models.payments import Payment, PaymentState
from app.models.statements import Bucket, ItemState, StatementFetch, StatementFile, StatementSystem
from app.models.vouchers import InstrumentKind
from app.workflows import cancellations, matching, payment_resolution, statements, zeropay_payments
from tests import money
from tests.integration.workflows.reconciling import begin, items

pytestmark = pytest.mark.usefixtures("tx")
# The played book outlives a test: each has days of its own.
_days = itertools.count(1)
ONE = timedelta(days=1)
CARD, ZEROPAY = StatementSystem.CARD, StatementSystem.ZEROPAY


@pytest.fixture
def day() -> Iterator[datetime]:
    start = datetime(2032, 1, 1, 10, tzinfo=clock.KST) + 10 * next(_days) * ONE
    with clock.at(start):
        yield start


@dataclass(frozen=True)
class Case:
    behaviour: str
    cancelled: bool = False
    open_after: tuple[tuple[Bucket, ...], ...] = ((), (), ())
    """After the file of the day, of the next, of the one after that."""
    settled: int = 0
    difference: int = 0
    """Won, theirs less ours, of what is open in the end."""
    bad_rows: int = 0


FAULTS = {
    "nothing-wrong": Case(""),
    "nothing-wrong-cancelled": Case("", cancelled=True),
    "90-left-out": Case("90", open_after=((), (Bucket.ONLY_OURS,)), difference=-300_000),
    "90-left-out-cancelled": Case(
        "90", cancelled=True, open_after=((), (Bucket.ONLY_OURS, Bucket.CANCEL_MISSING)), difference=-600_000
    ),
    "91-a-hundred-won-more": Case("91", open_after=((Bucket.AMOUNT,), (Bucket.AMOUNT,)), difference=100),
    "92-listed-twice": Case("92", open_after=((Bucket.DOUBLED,), (Bucket.DOUBLED,)), difference=300_000),
    "93-cancellation-left-out": Case(
        "93", cancelled=True, open_after=((), (Bucket.CANCEL_MISSING,)), difference=-300_000
    ),
    "93-never-cancelled": Case("93"),
    "94-in-the-next-day's-file": Case("94", open_after=((), ())),
    "95-in-the-file-three-days-later": Case(
        "95", open_after=((), (Bucket.ONLY_OURS,), (Bucket.ONLY_OURS,), ()), settled=1
    ),
    "96-an-approval-of-nobody": Case(
        "96", open_after=((Bucket.ONLY_THEIRS,), (Bucket.ONLY_THEIRS,)), difference=55_000
    ),
    "97-a-row-that-cannot-be-read": Case(
        "97", open_after=((), (Bucket.ONLY_OURS,)), difference=-300_000, bad_rows=1
    ),
    "99-a-cancellation-that-never-was": Case(
        "99", open_after=((Bucket.CANCEL_MISSING,), (Bucket.CANCEL_MISSING,)), difference=300_000
    ),
}


def fetch(day: datetime, system: StatementSystem = CARD) -> bool:
    """What the job does of one day, and the outbox after it."""
    db.session.commit()
    with clock.at(clock.end_of(day.date())):
        begin()
        fetched = statements.fetch(system=system, day=day.date())
    taken = select(StatementFile.id).where(StatementFile.matched_at.is_(None))
    for file_id in db.session.scalars(taken).all():
        matching.match(file_id=file_id)
    return fetched


@pytest.mark.parametrize("case", FAULTS.values(), ids=FAULTS)
def test_what_becomes_of_a_fault(sandbox: str, day: datetime, case: Case) -> None:
    payer = money.make_payer(sandbox)
    payment = money.pay(payer, money.make_bill(payer, 300_000), behaviour=case.behaviour)
    assert payment.state is PaymentState.PAID
    if case.cancelled:
        cancellations.cancel_today(actor=payer.actor, payment_id=payment.id, reason="변경")
    for place, expected in enumerate(case.open_after):
        assert fetch(day + place * ONE)
        assert tuple(item.bucket for item in items()) == expected, f"after {place + 1} files"
    assert len(items(state=ItemState.CLOSED)) == case.settled
    assert sum(item.theirs - item.ours for item in items()) == case.difference
    bad = [row for errors in db.session.scalars(select(StatementFile.errors)) for row in errors]
    assert len(bad) == case.bad_rows


def test_98_a_trailer_that_does_not_add_up_stops_the_file_once(sandbox: str, day: datetime) -> None:
    payer = money.make_payer(sandbox)
    money.pay(payer, money.make_bill(payer, 300_000), behaviour="98")
    assert not fetch(day)
    failed = db.session.scalars(select(StatementFetch)).one()
    assert "건수는 2건인데 실제로는 1건" in failed.error
    assert fetch(day)
    assert fetch(day + ONE) and items(state=None) == []
    assert db.session.scalars(select(StatementFetch)).all() == []


def test_the_same_at_zeropay_in_its_own_file(sandbox: str, day: datetime) -> None:
    payments = [_by_zeropay(sandbox, password) for password in ("123456", "990090", "990091")]
    for place in range(2):
        assert fetch(day + place * ONE, ZEROPAY)
    found = {item.payment_id: item for item in items()}
    assert {key: item.bucket for key, item in found.items()} == {
        payments[1].id: Bucket.ONLY_OURS,
        payments[2].id: Bucket.AMOUNT,
    }
    assert all(item.system is ZEROPAY for item in found.values())


def _by_zeropay(sandbox: str, password: str) -> Payment:
    payer = money.make_payer(sandbox, kind=InstrumentKind.ZEROPAY)
    money.deposit(payer, 400_000)
    window = zeropay_payments.start_zeropay(
        actor=payer.actor,
        deal_id=money.make_bill(payer, 50_000).id,
        idempotency_key=secrets.token_hex(8),
        return_url="http://platform.example/payments/zeropay/return",
    )
    assert window.url is not None
    params = money.press_in_window(window.url, password=password)
    return zeropay_payments.finish_zeropay(actor=payer.actor, params=params)


def test_a_lost_answer_settles_when_it_is_known(sandbox: str, day: datetime) -> None:
    """The money was taken, the answer lost: the file has it first, we learn of it later."""
    payer = money.make_payer(sandbox)
    payment = money.pay(payer, money.make_bill(payer, 300_000), behaviour="52")
    assert payment.state is PaymentState.PENDING
    assert fetch(day)
    [item] = items()
    assert (item.bucket, item.payment_id) == (Bucket.ONLY_THEIRS, payment.id)
    money.make_due(payment)
    payment_resolution.resolve_one(payment_id=payment.id)
    assert fetch(day + ONE)
    assert items() == []
