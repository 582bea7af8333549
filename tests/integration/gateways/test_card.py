"""Card: payment by an SMS code (R-PAY-1), three outcomes (R-PAY-3), one press (R-PAY-4)."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from datetime import datetime
from threading import Thread
from zoneinfo import ZoneInfo

import pytest

from app.gateways import Gateways
from app.gateways.card import CardAuthentication, CardOrder
from app.gateways.errors import Refused, Unavailable, Unknown
from app.gateways.payments import Approval, Failed, InProgress, NotFound
from sandbox import behaviours
from tests.integration.gateways.conftest import WEB, Inbox, Sandbox, free_port, settings_for

PHONE = "01012345678"
ORDINARY = "4518420000000007"
WON = 1_980_000
NewOrder = Callable[[], str]


def authenticate(gateways: Gateways, order_id: str, *, card: str = ORDINARY) -> CardAuthentication:
    return authenticate_all(gateways, [order_id], card=card)


def authenticate_all(
    gateways: Gateways, order_ids: list[str], *, card: str = ORDINARY, expiry: str = "11/25"
) -> CardAuthentication:
    orders = [CardOrder(order_id=each, amount=WON, name="화상회의 1년") for each in order_ids]
    return gateways.card.authenticate(orders=orders, card_number=card, expiry=expiry, phone=PHONE)


def pay(
    gateways: Gateways,
    sandbox: Sandbox,
    order_id: str,
    *,
    digits: str = "",
    confirming: Gateways | None = None,
) -> Approval:
    card = behaviours.card_number(digits) if digits else ORDINARY
    authentication = authenticate(gateways, order_id, card=card)
    return (confirming or gateways).card.confirm(
        auth_key=authentication.auth_key,
        code=sandbox.last_code(PHONE),
        order_id=order_id,
        amount=WON,
        idempotency_key=order_id,
    )


def test_pays_with_the_code_of_the_sms(gateways: Gateways, sandbox: Sandbox, new_order: NewOrder) -> None:
    order_id = new_order()
    assert gateways.card.find(order_id=order_id) == NotFound()
    authentication = authenticate(gateways, order_id)
    assert authentication.last4 == "0007"
    assert gateways.card.find(order_id=order_id) == InProgress()
    approval = gateways.card.confirm(
        auth_key=authentication.auth_key,
        code=sandbox.last_code(PHONE),
        order_id=order_id,
        amount=WON,
        idempotency_key=order_id,
    )
    assert (approval.order_id, approval.amount, approval.last4) == (order_id, WON, "0007")
    assert len(approval.approval_number) == 8
    assert gateways.card.find(order_id=order_id) == approval
    assert sandbox.ledger(order_id) == [("charge", WON)]


def test_the_instant_of_the_press_is_the_instant_of_approval(
    gateways: Gateways, sandbox: Sandbox, new_order: NewOrder
) -> None:
    """R-VOU-3, R-TIME-7: the demonstration's time is not the sandbox's."""
    order_id, pressed = new_order(), datetime(2020, 11, 16, 23, 59, 59, tzinfo=ZoneInfo("Asia/Seoul"))
    authentication = authenticate(gateways, order_id)
    approval = gateways.card.confirm(
        auth_key=authentication.auth_key,
        code=sandbox.last_code(PHONE),
        order_id=order_id,
        amount=WON,
        idempotency_key=order_id,
        requested_at=pressed,
    )
    assert approval.approved_at == pressed


def test_the_same_key_gives_the_same_answer_and_takes_once(
    gateways: Gateways, sandbox: Sandbox, new_order: NewOrder
) -> None:
    """R-PAY-4."""
    order_id = new_order()
    authentication, code = authenticate(gateways, order_id), sandbox.last_code(PHONE)

    def confirm(key: str) -> Approval:
        return gateways.card.confirm(
            auth_key=authentication.auth_key, code=code, order_id=order_id, amount=WON, idempotency_key=key
        )

    first = confirm(order_id)
    assert confirm(order_id) == first
    with pytest.raises(Unknown, match="ALREADY_PROCESSED_PAYMENT"):
        confirm(f"{order_id}-second-tab")
    assert sandbox.ledger(order_id) == [("charge", WON)]


@pytest.mark.parametrize("digits", sorted(behaviours.DECLINES))
def test_each_decline_is_a_definite_no_in_korean(
    digits: str, gateways: Gateways, sandbox: Sandbox, new_order: NewOrder
) -> None:
    """R-PAY-3: a reason, and what the person can do."""
    order_id = new_order()
    with pytest.raises(Refused) as refusal:
        pay(gateways, sandbox, order_id, digits=digits)
    assert refusal.value.code == behaviours.DECLINES[digits][0]
    assert refusal.value.korean.endswith("주세요.")
    assert refusal.value.code not in refusal.value.korean
    assert gateways.card.find(order_id=order_id) == Failed(refusal.value.code, refusal.value.korean)
    assert sandbox.ledger(order_id) == []


@pytest.mark.parametrize("digits", ["51", "52", "59", "60"])
def test_money_taken_without_an_answer_is_found_by_the_order(
    digits: str, gateways: Gateways, impatient: Gateways, sandbox: Sandbox, new_order: NewOrder
) -> None:
    """R-PAY-4: time-out, lost answer, garbage and 500 after the money was taken are unknown, then known."""
    order_id = new_order()
    with pytest.raises(Unknown):
        pay(gateways, sandbox, order_id, digits=digits, confirming=impatient if digits == "51" else None)
    assert sandbox.wait_for_ledger(order_id, count=1) == [("charge", WON)]
    found = gateways.card.find(order_id=order_id)
    assert isinstance(found, Approval)
    assert found.amount == WON


@pytest.mark.parametrize("digits", ["56", "61"])
def test_a_failure_before_the_money_is_unknown_and_then_failed(
    digits: str, gateways: Gateways, sandbox: Sandbox, new_order: NewOrder
) -> None:
    order_id = new_order()
    with pytest.raises(Unknown):
        pay(gateways, sandbox, order_id, digits=digits)
    assert isinstance(gateways.card.find(order_id=order_id), Failed)
    assert sandbox.ledger(order_id) == []


def test_a_hanging_gateway_is_in_progress(
    gateways: Gateways, impatient: Gateways, sandbox: Sandbox, new_order: NewOrder
) -> None:
    order_id = new_order()
    with pytest.raises(Unknown, match="Timeout"):
        pay(gateways, sandbox, order_id, digits="50", confirming=impatient)
    assert gateways.card.find(order_id=order_id) == InProgress()
    assert sandbox.ledger(order_id) == []


def test_a_stumble_can_be_repeated_with_the_same_key(
    gateways: Gateways, sandbox: Sandbox, new_order: NewOrder
) -> None:
    order_id = new_order()
    authentication = authenticate(gateways, order_id, card=behaviours.card_number("57"))
    code = sandbox.last_code(PHONE)
    for attempt in range(2):
        try:
            approval = gateways.card.confirm(
                auth_key=authentication.auth_key,
                code=code,
                order_id=order_id,
                amount=WON,
                idempotency_key=order_id,
            )
        except Unknown:
            assert attempt == 0
    assert approval == gateways.card.find(order_id=order_id)
    assert sandbox.ledger(order_id) == [("charge", WON)]


def test_two_presses_at_once_take_once(gateways: Gateways, sandbox: Sandbox, new_order: NewOrder) -> None:
    """R-PAY-4: while the first runs, the second hears 409, which is unknown and not a refusal."""
    order_id = new_order()
    authentication = authenticate(gateways, order_id, card=behaviours.card_number("58"))
    code, answers = sandbox.last_code(PHONE), []

    def press() -> None:
        try:
            answers.append(
                gateways.card.confirm(
                    auth_key=authentication.auth_key,
                    code=code,
                    order_id=order_id,
                    amount=WON,
                    idempotency_key=order_id,
                )
            )
        except Unknown as error:
            answers.append(error)

    presses = [Thread(target=press) for _ in range(3)]
    for thread in presses:
        thread.start()
    for thread in presses:
        thread.join()
    assert sorted(type(answer).__name__ for answer in answers) == ["Approval", "Unknown", "Unknown"]
    assert sandbox.ledger(order_id) == [("charge", WON)]


def test_a_wrong_code_is_refused_and_a_new_press_with_the_right_one_pays(
    gateways: Gateways, sandbox: Sandbox, new_order: NewOrder
) -> None:
    order_id = new_order()
    authentication, code = authenticate(gateways, order_id), sandbox.last_code(PHONE)
    wrong = f"{(int(code) + 1) % 1_000_000:06d}"

    def confirm(typed: str, key: str) -> Approval:
        return gateways.card.confirm(
            auth_key=authentication.auth_key, code=typed, order_id=order_id, amount=WON, idempotency_key=key
        )

    with pytest.raises(Refused) as refusal:
        confirm(wrong, f"{order_id}-1")
    assert refusal.value.code == "INVALID_AUTH_CODE"
    assert confirm(code, f"{order_id}-2").amount == WON


def test_five_wrong_codes_end_the_order(gateways: Gateways, sandbox: Sandbox, new_order: NewOrder) -> None:
    order_id = new_order()
    authentication, code = authenticate(gateways, order_id), sandbox.last_code(PHONE)
    wrong = f"{(int(code) + 1) % 1_000_000:06d}"
    codes = []
    for attempt in range(5):
        with pytest.raises(Refused) as refusal:
            gateways.card.confirm(
                auth_key=authentication.auth_key,
                code=wrong,
                order_id=order_id,
                amount=WON,
                idempotency_key=f"{order_id}-{attempt}",
            )
        codes.append(refusal.value.code)
    assert codes == ["INVALID_AUTH_CODE"] * 4 + ["EXCEED_MAX_AUTH_COUNT"]
    found = gateways.card.find(order_id=order_id)
    assert isinstance(found, Failed)
    assert found.code == "EXCEED_MAX_AUTH_COUNT"


def test_another_amount_than_the_authenticated_is_refused(
    gateways: Gateways, sandbox: Sandbox, new_order: NewOrder
) -> None:
    order_id = new_order()
    authentication = authenticate(gateways, order_id)
    with pytest.raises(Refused) as refusal:
        gateways.card.confirm(
            auth_key=authentication.auth_key,
            code=sandbox.last_code(PHONE),
            order_id=order_id,
            amount=WON + 1,
            idempotency_key=order_id,
        )
    assert refusal.value.code == "INVALID_REQUEST"
    assert sandbox.ledger(order_id) == []


@pytest.mark.parametrize(
    ("card", "expiry", "code"),
    [("4518420000000008", "11/25", "INVALID_CARD_NUMBER"), (ORDINARY, "13/25", "INVALID_CARD_EXPIRATION")],
)
def test_number_and_expiry_are_checked_by_form(
    card: str, expiry: str, code: str, gateways: Gateways, new_order: NewOrder
) -> None:
    with pytest.raises(Refused) as refusal:
        authenticate_all(gateways, [new_order()], card=card, expiry=expiry)
    assert refusal.value.code == code


def test_call_backs_come_once_twice_and_early(
    gateways: Gateways, sandbox: Sandbox, inbox: Inbox, new_order: NewOrder
) -> None:
    once, twice, early, late = new_order(), new_order(), new_order(), new_order()
    pay(gateways, sandbox, early, digits="55")
    assert len(inbox.about(early)) == 1
    pay(gateways, sandbox, late, digits="54")
    pay(gateways, sandbox, once)
    pay(gateways, sandbox, twice, digits="53")
    assert len(inbox.wait_for(twice, count=2)) == 2
    assert len(inbox.wait_for(once, count=1)) == 1
    assert inbox.about(late) == []


def test_an_unknown_test_number_is_loud(gateways: Gateways, sandbox: Sandbox, new_order: NewOrder) -> None:
    with pytest.raises(Unknown, match="HTTP 500"):
        authenticate(gateways, new_order(), card=behaviours.card_number("89"))


def test_a_dead_gateway_is_unavailable_and_not_unknown(new_order: NewOrder) -> None:
    gateways = Gateways.build(settings_for(f"http://127.0.0.1:{free_port()}"))
    with pytest.raises(Unavailable):
        authenticate(gateways, new_order())


def test_a_wrong_key_is_our_fault_and_says_so(sandbox: Sandbox, new_order: NewOrder) -> None:
    answer = WEB.get(f"{sandbox.url}/card/v1/payments/orders/{new_order()}", auth=("wrong", ""))
    assert (answer.status_code, answer.json()["code"]) == (401, "UNAUTHORIZED_KEY")


def test_no_card_number_or_code_in_traceback_log_or_book(
    gateways: Gateways, sandbox: Sandbox, new_order: NewOrder
) -> None:
    """R-PAY-2."""
    number, order_id = behaviours.card_number("59"), new_order()
    with pytest.raises(Unknown) as unknown:
        pay(gateways, sandbox, order_id, digits="59")
    code = sandbox.last_code(PHONE)
    text = "".join(traceback.format_exception(unknown.value))
    written = sandbox.log.read_bytes() + b"".join(
        path.read_bytes() for path in sandbox.log.parent.glob("book.sqlite*")
    )
    assert number not in text
    assert code not in text
    assert PHONE not in text
    assert number.encode() not in written
    assert b"GET /messages.json" in sandbox.log.read_bytes()
    assert b"to=" not in sandbox.log.read_bytes()
