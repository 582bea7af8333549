"""The gateway's own book, handed out by pages in the order of time (R-PAY-4)."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from app import clock
from app.gateways import Gateways
from app.gateways.errors import Refused, Unknown
from app.gateways.http import Answer, Transport
from app.gateways.payments import Approval
from tests.integration.gateways.conftest import WEB, Sandbox
from tests.integration.gateways.test_card import PHONE, WON, authenticate

NewOrder = Callable[[], str]
_days = itertools.count(1)


@pytest.fixture
def day() -> datetime:
    """A day that no other test pays on."""
    return datetime(2034, 1, 1, 10, tzinfo=clock.KST) + timedelta(days=next(_days))


def charge(gateways: Gateways, sandbox: Sandbox, order_id: str, at: datetime) -> Approval:
    authentication = authenticate(gateways, order_id)
    return gateways.card.confirm(
        auth_key=authentication.auth_key,
        code=sandbox.last_code(PHONE),
        order_id=order_id,
        amount=WON,
        idempotency_key=order_id,
        requested_at=at,
    )


def book(gateways: Gateways, since: datetime, until: datetime, **more: int) -> Iterator[list[Any]]:
    return gateways.card.transactions(since=since, until=until, **more)


def test_charges_and_cancellations_in_the_order_of_time(
    gateways: Gateways, sandbox: Sandbox, new_order: NewOrder, day: datetime
) -> None:
    late, early = new_order(), new_order()
    paid = charge(gateways, sandbox, late, day + timedelta(hours=2))
    first = charge(gateways, sandbox, early, day)
    gateways.card.cancel(
        payment_key=first.payment_key,
        amount=first.amount,
        reason="변경",
        idempotency_key=f"{early}:cancel",
        requested_at=day + timedelta(hours=1),
    )
    [page] = book(gateways, day, day + timedelta(hours=3))
    assert [(row.order_id, row.amount) for row in page] == [
        (early, first.amount),
        (early, -first.amount),
        (late, paid.amount),
    ]
    assert [row.at for row in page] == [day, day + timedelta(hours=1), day + timedelta(hours=2)]
    assert page[0].payment_key == page[1].payment_key == first.payment_key
    assert page[0].key != page[1].key
    assert list(gateways.zeropay.transactions(since=day, until=day + timedelta(hours=3))) == []


def test_pages_follow_each_other_over_lines_of_one_instant(
    gateways: Gateways, sandbox: Sandbox, new_order: NewOrder, day: datetime
) -> None:
    orders = [new_order() for _ in range(5)]
    for order_id in orders:
        charge(gateways, sandbox, order_id, day)
    pages = list(book(gateways, day, day + timedelta(seconds=1), size=2))
    assert [len(page) for page in pages] == [2, 2, 1]
    assert [row.order_id for page in pages for row in page] == orders


def test_the_period_takes_its_first_instant_and_not_its_last(
    gateways: Gateways, sandbox: Sandbox, new_order: NewOrder, day: datetime
) -> None:
    order_id = new_order()
    charge(gateways, sandbox, order_id, day)
    second = timedelta(seconds=1)
    half = timedelta(milliseconds=500)
    for since, until, found in (
        (day, day + second, 1),
        (day - second, day, 0),
        (day - half, day + half, 1),
        (day + half, day + second, 0),
        (day.astimezone(timezone(timedelta())), day + second, 1),
    ):
        assert sum(len(page) for page in book(gateways, since, until)) == found


@pytest.mark.parametrize(
    "asked",
    [
        {"startDate": "2034-01-01T00:00:00+09:00"},
        {"startDate": "2034-01-01", "endDate": "2034-01-02T00:00:00+09:00"},
        {"limit": "5001"},
        {"limit": "0"},
        {"limit": "x"},
        {"startingAfter": "nothing"},
    ],
)
def test_what_is_asked_wrongly_is_refused(asked: dict[str, str], sandbox: Sandbox) -> None:
    period = {"startDate": "2034-01-01T00:00:00+09:00", "endDate": "2034-01-02T00:00:00+09:00"}
    params = asked if "startDate" in asked else period | asked
    answer = WEB.get(f"{sandbox.url}/card/v1/transactions", params=params, auth=("sandbox-card-key", ""))
    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_REQUEST")


def test_it_is_for_the_merchant_alone(sandbox: Sandbox, gateways: Gateways, day: datetime) -> None:
    assert WEB.get(f"{sandbox.url}/card/v1/transactions").status_code == 401
    stranger = type(gateways.card)(
        Transport("card", type(gateways.card.transport.endpoint)(f"{sandbox.url}/card", "wrong"))
    )
    with pytest.raises(Refused, match="UNAUTHORIZED_KEY"):
        list(stranger.transactions(since=day, until=day + timedelta(hours=1)))


def line(key: str, amount: Any, at: str, status: str = "DONE") -> dict[str, Any]:
    told = {"transactionKey": key, "paymentKey": key, "orderId": key, "transactionAt": at}
    return told | {"amount": amount, "status": status}


NOON, LATER = "2034-01-01T12:00:00+09:00", "2034-01-01T13:00:00+09:00"


@pytest.mark.parametrize(
    "lines",
    [
        [line("b", 100, LATER), line("a", 100, NOON)],
        [line("a", -100, NOON)],
        [line("a", 100, NOON, "CANCELED")],
        [line("a", "100", NOON)],
        [line("a", 100, "2034-01-01T12:00:00")],
        ["a"],
    ],
)
def test_a_book_that_makes_no_sense_is_unknown(
    lines: list[Any], gateways: Gateways, day: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = Answer({"transactions": lines, "hasNext": False})
    monkeypatch.setattr(Transport, "get", lambda self, path, params=None: told)
    with pytest.raises(Unknown):
        list(book(gateways, day, day + timedelta(hours=1)))
