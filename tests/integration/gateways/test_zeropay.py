"""ZeroPay: wallet and virtual account (R-INS-4), its own window (R-PAY-1), three outcomes (R-PAY-3)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from app import clock
from app.gateways import Gateways
from app.gateways.errors import Forged, Refused, Unknown
from app.gateways.payments import Approval, Cancelled, Failed, InProgress
from app.gateways.zeropay import RETURNED, ReturnedOrder, Wallet, WindowOrder
from sandbox import behaviours
from tests.integration.gateways.conftest import WEB, Sandbox

NewOrder = Callable[[], str]
RETURN_URL = "http://platform.example/pay/return?deal=7"
WON, OWN_SHARE = 1_000_000, 100_000


def open_wallet(gateways: Gateways, reference: str) -> Wallet:
    return gateways.zeropay.open_wallet(
        reference=reference, holder_name="가나상사", idempotency_key=f"w-{reference}"
    )


def deposit(sandbox: Sandbox, wallet: Wallet, amount: str) -> httpx.Response:
    """What a person does on the page of the virtual accounts."""
    url = f"{sandbox.url}/zeropay/wallets/{wallet.wallet_id}"
    return WEB.post(url, data={"amount": amount})


def order(gateways: Gateways, wallet: Wallet, order_id: str, *, own_share: int = 0) -> str:
    return order_all(gateways, wallet, [order_id], own_share=own_share)


def order_all(gateways: Gateways, wallet: Wallet, order_ids: list[str], *, own_share: int = 0) -> str:
    return gateways.zeropay.order(
        orders=[
            WindowOrder(order_id=each, amount=WON, name="재택근무 도구", own_share=own_share)
            for each in order_ids
        ],
        wallet_id=wallet.wallet_id,
        return_url=RETURN_URL,
        idempotency_key=f"o-{order_ids[0]}",
    ).url


def press(url: str, *, password: str = "123456", button: str = "pay") -> dict[str, str]:
    """What a person does in ZeroPay's window; the parameters of the address that it leads back to."""
    answer = WEB.post(url, data={"password": password, "press": button})
    assert answer.status_code == 303
    address = answer.headers["Location"]
    assert address.startswith(RETURN_URL)
    return dict(parse_qsl(urlsplit(address).query))


def confirm(gateways: Gateways, params: dict[str, str]) -> Approval:
    [back] = gateways.zeropay.verify_return(params=params).orders
    return confirm_one(gateways, back)


def confirm_one(gateways: Gateways, back: ReturnedOrder) -> Approval:
    return gateways.zeropay.confirm(
        payment_key=back.payment_key,
        order_id=back.order_id,
        amount=back.amount,
        idempotency_key=back.order_id,
    )


def test_wallet_opens_once_and_fills_by_deposit(
    gateways: Gateways, sandbox: Sandbox, new_order: NewOrder
) -> None:
    reference = new_order()
    wallet = open_wallet(gateways, reference)
    assert open_wallet(gateways, reference) == wallet
    assert wallet.balance == 0
    assert wallet.virtual_account.holder_name == "가나상사"
    assert wallet.virtual_account.number.isdigit()
    assert deposit(sandbox, wallet, "100,000").status_code == 303
    assert gateways.zeropay.wallet(wallet_id=wallet.wallet_id) == replace(wallet, balance=100_000)
    assert deposit(sandbox, wallet, "많이").status_code == 400
    page = WEB.get(f"{sandbox.url}/zeropay/wallets").text
    assert wallet.virtual_account.number in page and "100,000원" in page


def test_pays_in_the_window_and_draws_the_own_share(
    gateways: Gateways, sandbox: Sandbox, new_order: NewOrder
) -> None:
    order_id = new_order()
    wallet = open_wallet(gateways, order_id)
    deposit(sandbox, wallet, "150000")
    url = order(gateways, wallet, order_id, own_share=OWN_SHARE)
    assert order(gateways, wallet, order_id, own_share=OWN_SHARE) == url
    window = WEB.get(url).text
    assert "1,000,000원" in window and "재택근무 도구" in window
    assert gateways.zeropay.find(order_id=order_id) == InProgress()
    params = press(url)
    assert params["deal"] == "7"
    approval = confirm(gateways, params)
    assert confirm(gateways, params) == approval
    assert (approval.order_id, approval.amount) == (order_id, WON)
    assert gateways.zeropay.find(order_id=order_id) == approval
    assert gateways.zeropay.wallet(wallet_id=wallet.wallet_id).balance == 50_000
    assert sandbox.ledger(order_id) == [("charge", WON)]


def test_one_window_for_several_orders_each_confirmed_alone(
    gateways: Gateways, sandbox: Sandbox, new_order: NewOrder
) -> None:
    """R-PAY-5: the certificates reach for one of them."""
    first, second = new_order(), new_order()
    wallet = open_wallet(gateways, first)
    deposit(sandbox, wallet, str(OWN_SHARE))
    url = order_all(gateways, wallet, [first, second], own_share=OWN_SHARE)
    window = WEB.get(url).text
    assert "결제할 상품 2건" in window and "2,000,000원" in window and "200,000원" in window
    back = gateways.zeropay.verify_return(params=press(url))
    assert back.approved and [each.order_id for each in back.orders] == [first, second]
    assert confirm_one(gateways, back.orders[0]).amount == WON
    with pytest.raises(Refused, match="NOT_ENOUGH_BALANCE"):
        confirm_one(gateways, back.orders[1])
    assert (sandbox.ledger(first), sandbox.ledger(second)) == ([("charge", WON)], [])


def test_cancellations_return_the_own_share_to_the_won(
    gateways: Gateways, sandbox: Sandbox, new_order: NewOrder
) -> None:
    order_id = new_order()
    wallet = open_wallet(gateways, order_id)
    deposit(sandbox, wallet, str(OWN_SHARE))
    approval = confirm(gateways, press(order(gateways, wallet, order_id, own_share=OWN_SHARE)))
    for number, amount in enumerate((333_333, 333_333, 333_334)):
        gateways.zeropay.cancel(
            payment_key=approval.payment_key,
            amount=amount,
            reason="취소",
            idempotency_key=f"{order_id}-{number}",
        )
    found = gateways.zeropay.find(order_id=order_id)
    assert isinstance(found, Cancelled)
    assert (found.balance, sum(c.amount for c in found.cancellations)) == (0, WON)
    assert gateways.zeropay.wallet(wallet_id=wallet.wallet_id).balance == OWN_SHARE


def test_without_the_own_share_nothing_is_taken(
    gateways: Gateways, sandbox: Sandbox, new_order: NewOrder
) -> None:
    order_id = new_order()
    wallet = open_wallet(gateways, order_id)
    deposit(sandbox, wallet, str(OWN_SHARE - 1))
    params = press(order(gateways, wallet, order_id, own_share=OWN_SHARE))
    with pytest.raises(Refused, match="NOT_ENOUGH_BALANCE") as refusal:
        confirm(gateways, params)
    assert "가상계좌" in refusal.value.korean
    assert gateways.zeropay.wallet(wallet_id=wallet.wallet_id).balance == OWN_SHARE - 1
    assert sandbox.ledger(order_id) == []


def test_leaving_the_window_is_a_failure_and_closes_it(
    gateways: Gateways, sandbox: Sandbox, new_order: NewOrder
) -> None:
    order_id = new_order()
    url = order(gateways, open_wallet(gateways, order_id), order_id)
    back = gateways.zeropay.verify_return(params=press(url, button="cancel"))
    assert not back.approved
    found = gateways.zeropay.find(order_id=order_id)
    assert isinstance(found, Failed)
    assert found.code == "PAY_PROCESS_CANCELED"
    second = WEB.post(url, data={"password": "123456", "press": "pay"})
    assert second.status_code == 409
    assert sandbox.ledger(order_id) == []


def test_a_malformed_password_stays_in_the_window(gateways: Gateways, new_order: NewOrder) -> None:
    order_id = new_order()
    url = order(gateways, open_wallet(gateways, order_id), order_id)
    answer = WEB.post(url, data={"password": "12", "press": "pay"})
    assert answer.status_code == 422
    assert "숫자 여섯 자리" in answer.text
    assert gateways.zeropay.find(order_id=order_id) == InProgress()


@pytest.mark.parametrize("digits", ["13", "04", "10"])
def test_test_passwords_choose_declines(
    digits: str, gateways: Gateways, sandbox: Sandbox, new_order: NewOrder
) -> None:
    order_id = new_order()
    params = press(
        order(gateways, open_wallet(gateways, order_id), order_id), password=behaviours.password(digits)
    )
    with pytest.raises(Refused, match=behaviours.DECLINES[digits][0]):
        confirm(gateways, params)
    assert sandbox.ledger(order_id) == []


def test_a_lost_answer_is_found(gateways: Gateways, sandbox: Sandbox, new_order: NewOrder) -> None:
    """R-PAY-4."""
    order_id = new_order()
    params = press(
        order(gateways, open_wallet(gateways, order_id), order_id), password=behaviours.password("52")
    )
    with pytest.raises(Unknown):
        confirm(gateways, params)
    assert isinstance(gateways.zeropay.find(order_id=order_id), Approval)
    assert sandbox.ledger(order_id) == [("charge", WON)]


@pytest.mark.parametrize("field", [*RETURNED, "signature"])
def test_a_forged_return_address(field: str, gateways: Gateways, new_order: NewOrder) -> None:
    order_id = new_order()
    params = press(order(gateways, open_wallet(gateways, order_id), order_id), button="cancel")
    assert not gateways.zeropay.verify_return(params=params).approved
    for forged in ({**params, field: "1"}, {k: v for k, v in params.items() if k != field}):
        with pytest.raises(Forged):
            gateways.zeropay.verify_return(params=forged)


def test_an_old_return_address(
    gateways: Gateways, new_order: NewOrder, monkeypatch: pytest.MonkeyPatch
) -> None:
    order_id = new_order()
    params = press(order(gateways, open_wallet(gateways, order_id), order_id))
    later = clock.real_now() + timedelta(minutes=11)
    monkeypatch.setattr(clock, "real_now", lambda: later)
    with pytest.raises(Forged, match="too old"):
        gateways.zeropay.verify_return(params=params)
