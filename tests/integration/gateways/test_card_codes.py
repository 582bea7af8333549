"""Card: one code for several orders (R-PAY-1, R-PAY-5), and faults of the code and of the query."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from app.gateways import Gateways
from app.gateways.errors import Refused, Unknown
from app.gateways.payments import Approval, Cancelled, Failed, Found, InProgress, NotFound
from sandbox import behaviours
from tests.integration.gateways.conftest import WEB, Sandbox
from tests.integration.gateways.test_card import PHONE, WON, authenticate, authenticate_all, pay

NewOrder = Callable[[], str]


def test_one_code_confirms_each_of_its_orders_once(
    gateways: Gateways, sandbox: Sandbox, new_order: NewOrder
) -> None:
    """R-PAY-1, R-PAY-5: one message with the sum and the number of bills."""
    orders = [new_order() for _ in range(3)]
    authentication, code = authenticate_all(gateways, orders), sandbox.last_code(PHONE)
    text = WEB.get(f"{sandbox.url}/messages.json", params={"to": PHONE}).json()[0]["text"]
    assert f"[{code}] 5,940,000원(3건)." in text

    def confirm(order_id: str, key: str, typed: str = code) -> Approval:
        return gateways.card.confirm(
            auth_key=authentication.auth_key,
            code=typed,
            order_id=order_id,
            amount=WON,
            idempotency_key=key,
        )

    assert [confirm(each, each).order_id for each in orders[:2]] == orders[:2]
    with pytest.raises(Unknown, match="ALREADY_PROCESSED_PAYMENT"):
        confirm(orders[0], "again")
    with pytest.raises(Refused, match="INVALID_REQUEST"):
        confirm(new_order(), "of another code")
    wrong = f"{(int(code) + 1) % 1_000_000:06d}"
    for attempt in range(5):
        with pytest.raises(Refused):
            confirm(orders[2], f"{orders[2]}-{attempt}", wrong)
    with pytest.raises(Refused, match="NOT_FOUND_PAYMENT_SESSION"):
        confirm(orders[2], "too late")
    assert [sandbox.ledger(each) for each in orders] == [[("charge", WON)], [("charge", WON)], []]


def test_wrong_codes_of_one_order_end_the_others(
    gateways: Gateways, sandbox: Sandbox, new_order: NewOrder
) -> None:
    orders = [new_order(), new_order()]
    authentication, code = authenticate_all(gateways, orders), sandbox.last_code(PHONE)
    wrong = f"{(int(code) + 1) % 1_000_000:06d}"
    for attempt in range(5):
        with pytest.raises(Refused):
            gateways.card.confirm(
                auth_key=authentication.auth_key,
                code=wrong,
                order_id=orders[attempt % 2],
                amount=WON,
                idempotency_key=f"{orders[0]}-{attempt}",
            )
    found = [gateways.card.find(order_id=each) for each in orders]
    assert [each.code for each in found if isinstance(each, Failed)] == ["EXCEED_MAX_AUTH_COUNT"] * 2


@pytest.mark.parametrize("count", [0, 11])
def test_a_code_serves_one_to_ten_orders(count: int, gateways: Gateways, new_order: NewOrder) -> None:
    with pytest.raises(Refused, match="INVALID_REQUEST"):
        authenticate_all(gateways, [new_order() for _ in range(count)])


def test_an_order_stands_once_in_a_call(gateways: Gateways, new_order: NewOrder) -> None:
    with pytest.raises(Refused, match="INVALID_REQUEST"):
        authenticate_all(gateways, [new_order()] * 2)


@pytest.mark.parametrize("digits", sorted(behaviours.CODE_DECLINES))
def test_the_card_is_refused_before_any_code(
    digits: str, gateways: Gateways, sandbox: Sandbox, new_order: NewOrder
) -> None:
    order_id = new_order()
    with pytest.raises(Refused, match=behaviours.CODE_DECLINES[digits][0]):
        authenticate(gateways, order_id, card=behaviours.card_number(digits))
    assert gateways.card.find(order_id=order_id) == NotFound()


@pytest.mark.parametrize("digits", ["30", "31", "32", "36", "39"])
def test_a_code_whose_sending_is_not_known_takes_nothing(
    digits: str, gateways: Gateways, impatient: Gateways, sandbox: Sandbox, new_order: NewOrder
) -> None:
    order_id = new_order()
    clients = impatient if digits in ("30", "31") else gateways
    with pytest.raises(Unknown):
        authenticate(clients, order_id, card=behaviours.card_number(digits))
    sent = digits not in ("30", "36")
    assert gateways.card.find(order_id=order_id) == (InProgress() if sent else NotFound())
    assert sandbox.ledger(order_id) == []


def test_a_slow_code_pays(gateways: Gateways, sandbox: Sandbox, new_order: NewOrder) -> None:
    assert pay(gateways, sandbox, new_order(), digits="38").amount == WON


@pytest.mark.parametrize("digits", sorted(behaviours.FIND_FAULTS))
def test_a_query_that_misbehaves_first_is_right_in_the_end(
    digits: str, gateways: Gateways, impatient: Gateways, sandbox: Sandbox, new_order: NewOrder
) -> None:
    """R-PAY-4: the money is taken and the answer lost; asking goes wrong before it goes right."""
    kind, times, _ = behaviours.FIND_FAULTS[digits]
    order_id = new_order()
    with pytest.raises(Unknown):
        pay(gateways, sandbox, order_id, digits=digits)
    answers = [_asked(impatient if kind == "hang" else gateways, order_id) for _ in range(times)]
    if kind == "500":
        # A read is repeated at once: the second answer of 500 is that of the repeat.
        answers = answers[:1]
    assert all(answer == NotFound() if kind == "missing" else answer is None for answer in answers)
    found = gateways.card.find(order_id=order_id)
    assert isinstance(found, Approval) and found.amount == WON
    assert sandbox.ledger(order_id) == [("charge", WON)]


@pytest.mark.parametrize("digits", sorted(behaviours.CANCEL_FIND_FAULTS))
def test_so_does_the_query_after_a_cancellation(
    digits: str, gateways: Gateways, impatient: Gateways, sandbox: Sandbox, new_order: NewOrder
) -> None:
    kind, _, _ = behaviours.CANCEL_FIND_FAULTS[digits]
    order_id = new_order()
    approval = pay(gateways, sandbox, order_id, digits=digits)
    assert gateways.card.find(order_id=order_id) == approval
    with pytest.raises(Unknown):
        gateways.card.cancel(
            payment_key=approval.payment_key, amount=WON, reason="취소", idempotency_key=f"c-{order_id}"
        )
    assert _asked(impatient if kind == "hang" else gateways, order_id) is None
    assert isinstance(_asked(gateways, order_id) or gateways.card.find(order_id=order_id), Cancelled)
    assert sandbox.ledger(order_id) == [("charge", WON), ("cancel", WON)]


def _asked(gateways: Gateways, order_id: str) -> Found | None:
    """None where the gateway cannot say."""
    try:
        return gateways.card.find(order_id=order_id)
    except Unknown:
        return None
