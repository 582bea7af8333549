"""R-PAY-4: our payments and the gateways' books are compared as sets; each kind of difference is named."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from app import clock, gateways
from app.db import db, transaction
from app.gateways.errors import Unavailable, Unknown
from app.gateways.payments import PaymentGateway, Transaction
from app.models.payments import Payment, PaymentState
from app.models.vouchers import InstrumentKind
from app.workflows import (
    cancellations,
    payment_resolution,
    reconciliation,
    reconciliation_words,
    zeropay_payments,
)
from app.workflows.reconciliation import Books, DifferenceKind, Side
from tests import money

pytestmark = pytest.mark.usefixtures("tx")
# The played gateway keeps its book from test to test: each has a day of its own.
_days = itertools.count(1)


@pytest.fixture
def day() -> Iterator[datetime]:
    start = datetime(2031, 1, 1, 10, tzinfo=clock.KST) + timedelta(days=next(_days))
    with clock.at(start):
        yield start


def compare(day: datetime, *, hours: int = 12) -> Books:
    db.session.commit()
    return reconciliation.compare(since=day - timedelta(hours=1), until=day + timedelta(hours=hours))


def kinds(books: Books) -> list[DifferenceKind]:
    return [row.kind for row in books.differences]


def change(payment: Payment, **values: Any) -> None:
    with transaction():
        row = db.session.get_one(Payment, payment.id, populate_existing=True)
        for name, value in values.items():
            setattr(row, name, value)


def cancel_at_the_gateway(sandbox: str, payment: Payment, **body: Any) -> None:
    """Somebody gives money back at the gateway's own console."""
    body = {"cancelReason": "콘솔", "requestedAt": clock.now().isoformat(), **body}
    answer = money.WEB.post(
        f"{sandbox}/card/v1/payments/{payment.payment_key}/cancel",
        json=body,
        auth=("sandbox-card-key", ""),
        headers={"Idempotency-Key": secrets.token_hex(8)},
    )
    assert answer.status_code == 200


def test_paid_failed_and_cancelled_agree_to_the_won(sandbox: str, day: datetime) -> None:
    payer = money.make_payer(sandbox)
    money.pay(payer, money.make_bill(payer, 300_000))
    money.pay(payer, money.make_bill(payer, 200_000), behaviour="01")
    back = money.pay(payer, money.make_bill(payer, 100_000))
    cancellations.cancel_today(actor=payer.actor, payment_id=back.id, reason="변경")
    certificate = money.make_payer(sandbox, kind=InstrumentKind.ZEROPAY)
    money.deposit(certificate, 400_000)
    window = zeropay_payments.start_zeropay(
        actor=certificate.actor,
        deal_id=money.make_bill(certificate, 50_000).id,
        idempotency_key=secrets.token_hex(8),
        return_url="http://platform.example/payments/zeropay/return",
    )
    assert window.url is not None
    params = money.press_in_window(window.url)
    assert zeropay_payments.finish_zeropay(actor=certificate.actor, params=params).state is PaymentState.PAID
    books = compare(day)
    assert books.ours == books.theirs == Side(count=4, sum=350_000)
    assert books.agree and books.differences == []


def test_what_nobody_knows_yet_is_left_out_and_counted(sandbox: str, day: datetime) -> None:
    payer = money.make_payer(sandbox)
    lost = money.pay(payer, money.make_bill(payer, 300_000), behaviour="52")
    going_back = money.pay(payer, money.make_bill(payer, 200_000), behaviour="82")
    cancellations.cancel_today(actor=payer.actor, payment_id=going_back.id, reason="변경")
    books = compare(day)
    assert books.ours == books.theirs == Side()
    assert books.agree and (books.undecided_by["pending"], books.undecided_by["cancelling"]) == (1, 1)
    assert books.undecided == 2
    for payment in (lost, going_back):
        payment_resolution.resolve_one(payment_id=payment.id)
    books = compare(day)
    assert books.ours == books.theirs == Side(count=3, sum=300_000)
    assert books.agree and books.undecided == 0


def test_an_order_of_nobody_and_a_payment_of_nobody(sandbox: str, day: datetime) -> None:
    payer = money.make_payer(sandbox)
    payment = money.pay(payer, money.make_bill(payer, 300_000))
    theirs = payment.order_id
    change(payment, order_id=f"KV-{secrets.token_hex(6)}")
    books = compare(day)
    found = {row.order_id: row for row in books.differences}
    assert found[theirs].kind is DifferenceKind.UNKNOWN_ORDER
    assert (found[theirs].payment_id, found[theirs].ours, found[theirs].theirs) == (None, 0, 300_000)
    assert "300,000원" in found[theirs].sentence
    [ours] = [row for row in books.differences if row.order_id != theirs]
    assert ours.kind is DifferenceKind.ONLY_OURS
    assert (ours.payment_id, ours.ours, ours.theirs) == (payment.id, 300_000, 0)


def test_money_taken_for_a_payment_that_failed(sandbox: str, day: datetime) -> None:
    payer = money.make_payer(sandbox)
    payment = money.pay(payer, money.make_bill(payer, 300_000))
    change(payment, state=PaymentState.FAILED, paid_at=None)
    [difference] = compare(day).differences
    assert difference.kind is DifferenceKind.ONLY_THEIRS
    assert (difference.payment_id, difference.ours, difference.theirs) == (payment.id, 0, 300_000)

    # While it is asked about, it is on its way back; and once it is back, it cancels out.
    change(payment, ask_again_at=clock.real_now())
    books = compare(day)
    assert books.agree and books.undecided_by["returning"] == 1
    assert payment_resolution.resolve().returned == 1
    books = compare(day)
    assert books.agree and (books.returned, books.undecided) == (1, 0)
    assert books.ours == books.theirs == Side()
    # Given back on a later day than it was taken: neither day differs.
    assert compare(day, hours=0).agree


def test_amounts_that_differ(sandbox: str, day: datetime) -> None:
    payer = money.make_payer(sandbox)
    payment = money.pay(payer, money.make_bill(payer, 300_000))
    change(payment, share_part=payment.share_part - 1)
    books = compare(day)
    [difference] = books.differences
    assert difference.kind is DifferenceKind.AMOUNT
    assert (difference.ours, difference.theirs) == (299_999, 300_000)
    assert (books.ours.sum, books.theirs.sum) == (299_999, 300_000)


@pytest.mark.parametrize(("given_back", "left"), [({}, 0), ({"cancelAmount": 100_000}, 200_000)])
def test_a_cancellation_at_the_gateway_alone(
    sandbox: str, day: datetime, given_back: dict[str, int], left: int
) -> None:
    payer = money.make_payer(sandbox)
    payment = money.pay(payer, money.make_bill(payer, 300_000))
    cancel_at_the_gateway(sandbox, payment, **given_back)
    [difference] = compare(day).differences
    assert difference.kind is DifferenceKind.CANCEL_ONLY_THEIRS
    assert (difference.ours, difference.theirs) == (300_000, left)


def test_a_cancellation_of_ours_alone(sandbox: str, day: datetime) -> None:
    payer = money.make_payer(sandbox)
    payment = money.pay(payer, money.make_bill(payer, 300_000))
    change(payment, state=PaymentState.CANCELLED, cancelled_at=clock.now())
    [difference] = compare(day).differences
    assert difference.kind is DifferenceKind.CANCEL_ONLY_OURS
    assert (difference.ours, difference.theirs) == (0, 300_000)


def test_a_cancellation_in_two_parts_is_no_difference(sandbox: str, day: datetime) -> None:
    payer = money.make_payer(sandbox)
    payment = money.pay(payer, money.make_bill(payer, 300_000))
    for won in (100_000, 200_000):
        cancel_at_the_gateway(sandbox, payment, cancelAmount=won)
    change(payment, state=PaymentState.CANCELLED, cancelled_at=clock.now())
    assert compare(day).agree


def _doctored(
    monkeypatch: pytest.MonkeyPatch, doctor: Callable[[list[Transaction]], list[Transaction]]
) -> list[int]:
    """The gateway's book, changed on its way to us; returns a list that grows by one at each reading."""
    real, readings = PaymentGateway.transactions, []

    def transactions(self: PaymentGateway, **period: Any) -> Iterator[list[Transaction]]:
        readings.append(1)
        for page in real(self, **period):
            yield doctor(page)

    monkeypatch.setattr(PaymentGateway, "transactions", transactions)
    return readings


def test_a_doubled_charge(sandbox: str, day: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    payer = money.make_payer(sandbox)
    payment = money.pay(payer, money.make_bill(payer, 300_000))

    def twice(page: list[Transaction]) -> list[Transaction]:
        again = [Transaction("pay_2", "pay_2", row.order_id, row.amount, row.at) for row in page]
        return [*page, *again]

    _doctored(monkeypatch, twice)
    [difference] = compare(day).differences
    assert difference.kind is DifferenceKind.DOUBLED
    assert (difference.payment_id, difference.ours, difference.theirs) == (payment.id, 300_000, 600_000)


def test_a_line_that_stands_in_the_book_twice_is_a_doubled_charge(
    sandbox: str, day: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    payer = money.make_payer(sandbox)
    money.pay(payer, money.make_bill(payer, 300_000))
    _doctored(monkeypatch, lambda page: [*page, *page])
    assert kinds(compare(day)) == [DifferenceKind.DOUBLED]


def test_what_differs_for_a_moment_only_is_none(
    sandbox: str, day: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A payment that is made while the books are read stands in one and not yet in the other."""
    payer = money.make_payer(sandbox)
    money.pay(payer, money.make_bill(payer, 300_000))
    readings = _doctored(monkeypatch, lambda page: page if len(readings) > 2 else [])
    assert compare(day).agree
    assert len(readings) == 4  # two systems, twice


def test_the_pages_of_the_gateway_are_put_together(
    sandbox: str, day: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Smaller pages than there are lines, several lines of one instant over a page's end."""
    payer = money.make_payer(sandbox)
    for minutes in (0, 0, 0, 1, 1, 2):
        with clock.at(day + timedelta(minutes=minutes)):
            money.pay(payer, money.make_bill(payer, 10_000))
    real = PaymentGateway.transactions
    pages: list[int] = []

    def in_twos(self: PaymentGateway, **period: Any) -> Iterator[list[Transaction]]:
        for page in real(self, **period, size=2):
            pages.append(len(page))
            yield page

    monkeypatch.setattr(PaymentGateway, "transactions", in_twos)
    books = compare(day)
    assert pages == [2, 2, 2]
    assert books.agree and books.ours == books.theirs == Side(count=6, sum=60_000)


def test_the_period_takes_its_first_instant_and_not_its_last(sandbox: str, day: datetime) -> None:
    payer = money.make_payer(sandbox)
    for minutes in (0, 30, 60):
        with clock.at(day + timedelta(minutes=minutes)):
            money.pay(payer, money.make_bill(payer, 10_000))
    db.session.commit()
    books = reconciliation.compare(since=day, until=day + timedelta(hours=1))
    assert books.agree and books.ours == books.theirs == Side(count=2, sum=20_000)


@pytest.mark.parametrize("error", [Unavailable("card: ConnectError"), Unknown("card: HTTP 500")])
def test_a_book_that_is_not_handed_out_is_said(
    error: Exception, day: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nothing(self: PaymentGateway, **_: Any) -> Iterator[list[Transaction]]:
        raise error
        yield []

    monkeypatch.setattr(PaymentGateway, "transactions", nothing)
    with pytest.raises(reconciliation.OutOfReach, match="신한카드"):
        compare(day)


def test_it_asks_about_no_single_order(sandbox: str, day: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    payer = money.make_payer(sandbox)
    for _ in range(5):
        money.pay(payer, money.make_bill(payer, 10_000))
    calls: list[str] = []
    for gateway in (gateways.get().card, gateways.get().zeropay):
        real = type(gateway.transport).get

        def get(self: Any, path: str, *, real: Any = real, **more: Any) -> Any:
            calls.append(path)
            return real(self, path, **more)

    monkeypatch.setattr(type(gateway.transport), "get", get)
    assert compare(day).agree
    assert calls == ["/v1/transactions"] * 2


def test_the_words_name_sums_what_was_left_out_and_each_difference(sandbox: str, day: datetime) -> None:
    payer = money.make_payer(sandbox)
    money.pay(payer, money.make_bill(payer, 100_000), behaviour="52")
    paid = money.pay(payer, money.make_bill(payer, 300_000))
    assert "두 장부가 일치합니다." in reconciliation_words.of_books(compare(day))
    cancel_at_the_gateway(sandbox, paid)
    books = compare(day)
    text = reconciliation_words.of_books(books)
    assert "우리 장부: 결제와 취소 1건, 합계 300,000원" in text
    assert "결제 기관: 결제와 취소 2건, 합계 0원" in text
    assert "결제대기 1건" in text and paid.order_id in text and "결제 기관에만 있는 취소" in text
    answer = reconciliation_words.as_dict(books)
    assert (answer["agree"], answer["undecided"]) == (False, 1)
    assert answer["ours"] == {"count": 1, "sum": 300_000}
    assert answer["differences"][0].keys() == {
        "kind",
        "order_id",
        "payment_id",
        "ours",
        "theirs",
        "sentence",
    }
