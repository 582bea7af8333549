"""Every way in which a call to a gateway goes wrong, at every call (R-PAY-4, R-MSG-1; fault matrix 5, 6).

All faults of one call strike at the same time, each another bill.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.faults.browser import Browser
from tests.faults.proxy import KINDS
from tests.faults.world import World

TIMEOUT = 1.5
LOST_ANSWER = "52"

PRESSES = {
    "card-authenticate": ("POST", "/card/v1/authentications", False),
    "card-confirm": ("POST", "/card/v1/payments/confirm", False),
    "zeropay-wallet": ("GET", "/zeropay/v1/wallets/", True),
    "zeropay-order": ("POST", "/zeropay/v1/orders", True),
    "zeropay-confirm": ("POST", "/zeropay/v1/payments/confirm", True),
}


@pytest.fixture(scope="module")
def quick(world: World) -> Iterator[World]:
    """Gateways that are not waited for long."""
    world.retune(timeout=TIMEOUT)
    yield world
    world.retune()


def at_once(browser: Browser, work: Callable[[Browser, int], Any], keys: Sequence[int]) -> list[Any]:
    """Each key in a window of its own."""
    windows = [browser.twin() for _ in keys]
    try:
        with ThreadPoolExecutor(len(windows)) as pool:
            return list(pool.map(work, windows, keys))
    finally:
        for window in windows:
            window.close()


def all_struck(world: World) -> bool:
    return not world.proxy.armed


def arm_all(world: World, method: str, part: str) -> None:
    for kind in KINDS:
        world.proxy.arm(kind, method, part)


@pytest.mark.parametrize("call", PRESSES)
def test_a_press_pays_once(quick: World, call: str) -> None:
    method, part, zeropay = PRESSES[call]
    payer = quick.payer(len(KINDS), zeropay=zeropay)
    browser = quick.browser(payer)
    arm_all(quick, method, part)
    at_once(browser, Browser.pay_until_answered, payer["deals"])
    assert all_struck(quick), quick.proxy.armed
    quick.settle_down()
    ends = quick.call("books.states", deals=payer["deals"])
    # A press whose request never arrived is known not to have paid, and may be made again.
    for deal, states in ends.items():
        if not states or states[-1] == "failed":
            browser.pay(int(deal))
            browser.move()
    quick.settle_down()
    assert {states[-1] for states in quick.call("books.states", deals=payer["deals"]).values()} == {"paid"}


@pytest.mark.parametrize("zeropay", [False, True], ids=["card", "zeropay"])
def test_the_question_what_became_of_an_order_is_asked_again(quick: World, zeropay: bool) -> None:
    payer = quick.payer(len(KINDS), zeropay=zeropay)
    at_once(
        quick.browser(payer), lambda window, deal: window.pay(deal, behaviour=LOST_ANSWER), payer["deals"]
    )
    arm_all(quick, "GET", "/v1/payments/orders/")
    quick.settle_down()
    assert all_struck(quick), quick.proxy.armed
    assert list(quick.call("books.states", deals=payer["deals"]).values()) == [["paid"]] * len(KINDS)


@pytest.mark.parametrize("zeropay", [False, True], ids=["card", "zeropay"])
def test_a_cancellation_gives_back_once(quick: World, zeropay: bool) -> None:
    """R-PAY-6"""
    payer = quick.payer(len(KINDS), zeropay=zeropay)
    browser = quick.browser(payer)
    at_once(browser, Browser.pay, payer["deals"])
    arm_all(quick, "POST", "/cancel")
    at_once(browser, Browser.cancel, quick.call("books.payments_of", deals=payer["deals"]))
    quick.settle_down()
    assert all_struck(quick), quick.proxy.armed
    ends = quick.call("books.states", deals=payer["deals"])
    assert list(ends.values()) == [["cancelled"]] * len(KINDS)


def test_a_message_is_sent_once(quick: World) -> None:
    """R-MSG-1"""
    payer = quick.payer(0)
    quick.settle_down()
    arm_all(quick, "POST", "/sms/messages/")
    keys = quick.call(
        "scene.put_messages", count=2 * len(KINDS), company_id=payer["company_id"], mark="gateway"
    )
    quick.settle_down()
    assert all_struck(quick), quick.proxy.armed
    assert quick.arrived(payer["contact"], "gateway") == sorted(keys)
