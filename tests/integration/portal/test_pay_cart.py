"""장바구니: several bills by one code or in one window, and what each takes (R-DEAL-3, R-PAY-5)."""

from __future__ import annotations

import html
import re
from urllib.parse import urlencode

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from app import clock
from app.db import db
from app.models.deals import Deal, DealState
from app.models.payments import CardAuthentication, Payment
from app.models.programme import VatMode
from app.models.vouchers import InstrumentKind
from app.policy import Role
from sandbox import behaviours
from tests import factories, money
from tests.integration.portal.buying import Buyer, LogIn, hidden, log_in, make_buyer, path_of


@pytest.fixture
def buyer(site: Flask, log_in_as: LogIn, sandbox_url: str) -> Buyer:
    return make_buyer(site, log_in_as, sandbox_url)


@pytest.fixture
def certificates(site: Flask, log_in_as: LogIn, sandbox_url: str) -> Buyer:
    return make_buyer(site, log_in_as, sandbox_url, kind=InstrumentKind.ZEROPAY)


def bills(buyer: Buyer, *amounts: int) -> list[int]:
    return [money.make_bill(buyer.payer, amount).id for amount in amounts]


def cart_url(ids: list[int]) -> str:
    return f"/cart/pay?{urlencode({'id': ids}, doseq=True)}"


def ask_for_code(buyer: Buyer, ids: list[int], *, behaviour: str = "") -> str:
    """Type the card; the address of the page that takes the code."""
    number = behaviours.card_number(behaviour) if behaviour else money.CARD
    return path_of(buyer.post("/cart/pay", id=ids, card_number=number, expiry="09/27"))


def press(buyer: Buyer, page: str, code: str, *, key: str = "") -> TestResponse:
    """Fill in the form of the code page, and send it."""
    action = re.search(r'<form[^>]*action="(/cart/codes[^"]*)"', page)
    assert action, page
    return buyer.post(html.unescape(action[1]), key=key or hidden(page, "key"), code=code)


def test_each_bill_shows_its_split_with_its_working_and_the_sums(buyer: Buyer) -> None:
    """R-MONEY-2b: each from what is left after those above it."""
    page = buyer.get(cart_url(bills(buyer, 1_000_000, 2_000_000)))
    assert "1,000,000원 × 남은 정부지원금 3,600,000원 ÷ 바우처 잔액 4,000,000원" in page
    assert "2,000,000원 × 남은 정부지원금 2,700,000원 ÷ 바우처 잔액 3,000,000원" in page
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))
    assert "결제할 금액(2건) 3,000,000원" in text
    assert "정부지원금 합계 2,700,000원" in text and "자부담금 합계 300,000원" in text
    assert "결제 후 바우처 잔액 1,000,000원" in text


def test_one_code_pays_all_ticked_bills(buyer: Buyer) -> None:
    """R-PAY-1, R-DEAL-3: and the result's address can be kept."""
    ids = bills(buyer, 1_000_000, 2_000_000)
    page = buyer.get("/cart")
    assert all(f'value="{deal_id}"' in page for deal_id in ids)
    address = ask_for_code(buyer, ids)
    page = buyer.get(address)
    assert page.count('name="code"') == 1 and "2건 결제" in page and "3,000,000원" in page
    assert len(money.code_texts(buyer.payer)) == 1
    result, again = (path_of(press(buyer, page, money.code_for(buyer.payer))) for _ in range(2))
    assert result == again
    page = buyer.get(result)
    assert page.count("결제성공") == 2 and "3,000,000원" in page and "전표 보기" in page
    assert buyer.payer.left() == (900_000, 100_000)
    assert "결제할 청구가 없습니다." in buyer.get("/cart")


def test_a_wrong_code_is_typed_again_without_the_card(buyer: Buyer) -> None:
    """R-PAY-3, R-PAY-4: a new key, the same bills, nothing lost."""
    address = ask_for_code(buyer, bills(buyer, 1_000_000, 2_000_000))
    page, right = buyer.get(address), money.code_for(buyer.payer)
    wrong = "000000" if right != "000000" else "111111"
    answer = press(buyer, page, wrong)
    again = answer.get_data(as_text=True)
    assert answer.status_code == 422 and "인증번호가 맞지 않습니다." in again
    assert f'value="{wrong}"' not in again and hidden(again, "key") != hidden(page, "key")
    assert "cc-number" not in again and len(re.findall(r"[?;]token=", again)) == 2
    result = path_of(press(buyer, again, right))
    assert buyer.get(result).count("결제성공") == 2


def test_a_malformed_code_presses_nothing(buyer: Buyer) -> None:
    page = buyer.get(ask_for_code(buyer, bills(buyer, 1_000_000)))
    answer = press(buyer, page, "12")
    assert answer.status_code == 422 and "여섯 자리를 입력해 주세요." in answer.get_data(as_text=True)
    assert db.session.query(Payment).count() == 0


def test_what_is_in_the_way_of_a_bill_is_said_from_page_to_page(buyer: Buyer) -> None:
    """R-PAY-5: the voucher holds enough for the first and the third."""
    ids = bills(buyer, 2_500_000, 2_000_000, 1_500_000)
    page = buyer.get(cart_url(ids))
    assert "앞의 청구를 결제하면 바우처 잔액이 1,500,000원만 남아" in page and "2건만 결제합니다" in page
    page = buyer.get(ask_for_code(buyer, ids))
    assert "이번에 결제하지 않는 청구 1건" in page and "1,500,000원만 남아" in page
    address = path_of(press(buyer, page, money.code_for(buyer.payer)))
    result = buyer.get(address)
    assert result.count("결제성공") == 2 and "결제하지 않음" in result
    # What is true by now goes before the reason of then: nothing is left, so nothing is to be paid again.
    assert "바우처 잔액이 0원만 남아" in result and f"/pay/{ids[1]}" not in result
    assert buyer.payer.left() == (0, 0)


def test_the_result_tells_of_a_bill_left_out_how_it_stands_now(buyer: Buyer) -> None:
    """Opened later, or while another tab pays: the address says which, the present says why."""
    paid, open_one = bills(buyer, 300_000, 200_000)
    money.pay(buyer.payer, db.session.get_one(Deal, paid))
    page = buyer.get(f"/cart/result?out={paid}&out={open_one}")
    assert "다른 화면에서 결제되었습니다." in page and f"/pay/{paid}" not in page
    assert "함께 결제하지 않은 청구입니다." in page and f"/pay/{open_one}" in page
    assert "결제하지 못한 청구 <strong>1건</strong>" in page


def test_more_bills_than_one_press_takes_are_said_before_the_card(buyer: Buyer) -> None:
    """Their sum is that of those which will be paid."""
    page = buyer.get(cart_url(bills(buyer, *[10_000] * 12)))
    assert "10건까지 결제할 수 있어" in page and "나머지 2건은" in page
    assert "결제할 금액(10건)" in page and "100,000원" in page and "120,000원" not in page


def test_a_declined_card_says_why_and_what_to_do(buyer: Buyer) -> None:
    ids = bills(buyer, 1_000_000, 500_000)
    page = buyer.get(ask_for_code(buyer, ids, behaviour="09"))
    result = buyer.get(path_of(press(buyer, page, money.code_for(buyer.payer))))
    assert result.count("한도 초과 또는 잔액 부족으로") == 2 and result.count("다시 결제") >= 2
    assert "hx-get" not in result


def test_an_unknown_outcome_is_followed(buyer: Buyer) -> None:
    """R-PAY-3: the page asks again until it is known."""
    page = buyer.get(ask_for_code(buyer, bills(buyer, 1_000_000, 500_000), behaviour="52"))
    address = path_of(press(buyer, page, money.code_for(buyer.payer)))
    result = buyer.get(address)
    assert result.count("결제 기관의 답을 기다리고 있습니다.") == 2
    assert 'hx-trigger="load delay:2s"' in result and 'hx-select="#cart-outcome"' in result


def test_a_card_refused_at_once_is_said_at_its_field(buyer: Buyer) -> None:
    ids = bills(buyer, 1_000_000, 500_000)
    answer = buyer.post("/cart/pay", id=ids, card_number=behaviours.card_number("21"), expiry="09/27")
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422 and "카드 유효기간이 맞지 않습니다." in page
    assert behaviours.card_number("21") not in page and page.count('name="id"') == 2


def test_bills_that_are_gone_are_said(buyer: Buyer) -> None:
    [open_bill] = bills(buyer, 1_000_000)
    late = money.make_bill(buyer.payer, 100_000, due_at=clock.now()).id
    page = buyer.get(cart_url([open_bill, late]))
    assert "고른 청구 가운데 1건은" in page and page.count('name="id"') == 1


def test_an_expired_code_leads_back_to_the_card(buyer: Buyer, site: Flask) -> None:
    ids = bills(buyer, 1_000_000, 500_000)
    page = buyer.get(ask_for_code(buyer, ids))
    for asked in db.session.query(CardAuthentication):
        asked.expires_at = clock.real_now()
    db.session.commit()
    answer = press(buyer, page, money.code_for(buyer.payer))
    said = answer.get_data(as_text=True)
    assert answer.status_code == 422 and said.count("인증번호 입력 시간이 지났습니다.") >= 1
    assert all(f"id={deal_id}" in said for deal_id in ids)


def test_anothers_codes_and_bills_are_not_there(
    buyer: Buyer, site: Flask, log_in_as: LogIn, sandbox_url: str
) -> None:
    ids = bills(buyer, 1_000_000)
    address = ask_for_code(buyer, ids)
    other = make_buyer(site, log_in_as, sandbox_url)
    assert path_of(other.browser.get(address)) == "/cart"
    assert path_of(other.browser.get(cart_url(ids))) == "/cart"
    page = buyer.get(address)
    assert path_of(press(other, page, money.code_for(buyer.payer), key="x")) == "/cart"
    assert "결제하지 않음" not in other.get(f"/cart/result?out={ids[0]}")
    assert db.session.query(Payment).count() == 0
    supplier = log_in(log_in_as, factories.make_account(Role.SUPPLIER).id)
    for path in ("/cart/pay", "/cart/codes", "/cart/zeropay"):
        assert supplier.post(path, data={"id": ids}).status_code == 403


def test_one_window_of_zeropay_pays_all_ticked_bills(certificates: Buyer, sandbox_url: str) -> None:
    """R-PAY-1, R-INS-4: out to the window and back, the password once."""
    buyer = certificates
    ids = bills(buyer, 1_000_000, 500_000)
    late = money.make_bill(buyer.payer, 100_000)
    money.deposit(buyer.payer, 150_000)
    page = buyer.get("/cart")
    assert "제로페이 결제창 한 번으로" in page and page.count("data-row-check") == 3
    page = buyer.get(cart_url(ids))
    assert "필요한 자부담 상품권" in page and "150,000원" in page and "cc-number" not in page
    late.due_at = clock.now()
    db.session.commit()
    form = {"id": [*ids, late.id], "key": hidden(page, "key")}
    answer = buyer.post("/cart/zeropay", **form)
    window = answer.headers["Location"]
    assert window.startswith(f"{sandbox_url}/zeropay/checkout/")
    assert buyer.post("/cart/zeropay", **form).headers["Location"] == window
    params = money.press_in_window(window)
    back = buyer.get(f"/pay/zeropay/return?{urlencode(params)}")
    assert hidden(back, "orderIds").count(",") == 1
    address = path_of(buyer.post("/pay/zeropay/finish", **params))
    assert address.startswith("/cart/result?") and f"out={late.id}" in address
    result = buyer.get(address)
    assert result.count("결제성공") == 2 and "결제하지 않음" in result and "거래 보기" in result
    states = {db.session.get_one(Deal, deal_id, populate_existing=True).state for deal_id in ids}
    assert states == {DealState.PAID}


def test_too_few_certificates_are_said_before_the_window(certificates: Buyer) -> None:
    """R-INS-4: what is needed, held and still to be bought, and where; on both pages."""
    buyer = certificates
    ids = bills(buyer, 1_000_000, 500_000)
    money.deposit(buyer.payer, 100_000)
    alone, cart = buyer.get(f"/pay/{ids[0]}"), buyer.get(cart_url(ids))
    assert "제로페이로 결제</button>" in alone and "모자랍니다" not in alone
    assert "상품권이 50,000원 모자랍니다." in cart and "상품권 구매하기" in cart
    assert "제로페이로 결제</button>" not in cart and "장바구니에서 청구를 줄여" in cart
    more = buyer.get(f"/pay/{bills(buyer, 1_500_000)[0]}")
    assert "상품권이 50,000원 모자랍니다." in more and "/voucher" in more


def test_zeropay_bills_that_cannot_be_paid_are_said(certificates: Buyer) -> None:
    late = money.make_bill(certificates.payer, 100_000, due_at=clock.now()).id
    path = path_of(certificates.post("/cart/zeropay", id=[late], key="x"))
    assert path == f"/cart/pay?id={late}"
    assert "기한" in certificates.get("/cart")


def test_tax_on_top_is_shown_beside_the_shares(
    site: Flask, log_in_as: LogIn, sandbox_url: str, buyer: Buyer
) -> None:
    """R-MONEY-2a, R-MONEY-2b: on the page of one bill and of several."""
    buyer.payer.programme.vat_mode = VatMode.BORNE
    db.session.commit()
    ids = bills(buyer, 1_800_000, 200_000)
    for page in (buyer.get(f"/pay/{ids[0]}"), buyer.get(cart_url(ids))):
        assert "부가세(기업 부담)" in page and "공급가액 1,800,000원 × 10%, 원 미만 버림" in page
    assert "2,200,000원" in buyer.get(cart_url(ids))


def cart_sum(page: str) -> str:
    """What the cart says of the ticked bills, without tags."""
    found = re.search(r'<div id="cart-sum">(.*?)</div>\s*</div>', page, re.S)
    assert found, page
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", found[1])).strip()


def test_the_cart_sums_what_is_ticked(buyer: Buyer) -> None:
    """R-PAY-5: as the next page does it; the ticks are in the address, and another's bill counts nothing."""
    ids = bills(buyer, 1_000_000, 2_000_000, 500_000)
    nothing = buyer.get("/cart")
    assert cart_sum(nothing) == "고른 청구 0건" and not re.search(r'name="id"[^>]* checked', nothing)
    page = buyer.get(f"/cart?{urlencode({'id': [*ids[:2], 10**9]}, doseq=True)}")
    said = cart_sum(page)
    assert "고른 청구 2건" in said and "결제할 금액 3,000,000원" in said
    assert "정부지원금 2,700,000원 자부담금 300,000원 결제 후 바우처 잔액 1,000,000원" in said
    ticked = re.findall(r'name="id" value="(\d+)"[^>]* checked', page)
    assert ticked == [str(deal_id) for deal_id in ids[:2]]
    assert re.search(r'id="cart-sum-said" aria-live="polite" aria-atomic="true"', page)
    # The way back from the next page keeps them.
    back = html.unescape(buyer.get(cart_url(ids[:2])))
    assert f'href="/cart?{urlencode({"id": ids[:2]}, doseq=True)}"' in back


def test_the_sum_of_the_cart_stays_within_the_voucher(buyer: Buyer) -> None:
    """R-PAY-5: what does not fit is said, and so is what one press does not take."""
    ids = bills(buyer, 2_500_000, 2_000_000)
    said = cart_sum(buyer.get(f"/cart?{urlencode({'id': ids}, doseq=True)}"))
    assert "결제할 금액 2,500,000원" in said and "고른 청구 가운데 1건만 결제할 수 있습니다." in said
    many = bills(buyer, *[10_000] * 11)
    said = cart_sum(buyer.get(f"/cart?{urlencode({'id': many}, doseq=True)}"))
    assert "고른 청구 11건" in said and "한 번에 10건까지" in said and "결제할 금액 100,000원" in said


def test_a_bill_with_an_open_window_is_in_the_cart_and_cannot_be_ticked(certificates: Buyer) -> None:
    """R-PAY-4: its money is held; why it cannot be paid again is said, and where to go on."""
    buyer = certificates
    held, free = bills(buyer, 1_000_000, 500_000)
    money.deposit(buyer.payer, 150_000)
    key = hidden(buyer.get(f"/pay/{held}"), "key")
    window = buyer.post(f"/pay/{held}/zeropay", key=key).headers["Location"]
    payment = db.session.query(Payment).one()
    page = buyer.get(f"/cart?id={held}")
    assert f'value="{free}"' in page and f'value="{held}"' not in page
    assert cart_sum(page) == "고른 청구 0건"
    assert "지금 고를 수 없는 청구 1건" in page and "제로페이 결제창이 열려 있거나" in page
    assert f"/pay/result/{payment.id}" in page and "결제창 다시 열기" in page
    buyer.post("/pay/zeropay/finish", **money.press_in_window(window))
    assert "지금 고를 수 없는 청구" not in buyer.get("/cart")


def test_a_window_that_the_cart_opened_is_opened_again_from_its_result(certificates: Buyer) -> None:
    """Who closed the browser in ZeroPay's window goes on from the page that says the payment is under way."""
    buyer, [bill] = certificates, bills(certificates, 1_000_000)
    money.deposit(buyer.payer, 100_000)
    form = {"id": [bill], "key": hidden(buyer.get(cart_url([bill])), "key")}
    closed = buyer.post("/cart/zeropay", **form).headers["Location"]
    assert path_of(buyer.browser.get(cart_url([bill]))) == "/cart"
    assert "고르신 청구는 지금 결제할 수 없습니다." in buyer.get("/cart")
    result = f"/pay/result/{db.session.query(Payment).one().id}"
    window = buyer.post(f"/pay/{bill}/zeropay", key=hidden(buyer.get(result), "key")).headers["Location"]
    assert "/zeropay/checkout/" in window and window != closed
    assert path_of(buyer.post("/pay/zeropay/finish", **money.press_in_window(window))) == result
    assert "결제가 완료되었습니다" in buyer.get(result)


def test_a_card_that_has_not_answered_is_in_the_cart_too(buyer: Buyer) -> None:
    page = buyer.get(ask_for_code(buyer, bills(buyer, 1_000_000), behaviour="52"))
    press(buyer, page, money.code_for(buyer.payer))
    cart = buyer.get("/cart")
    assert "결제할 청구가 없습니다." in cart and "카드사의 답을 기다리고 있습니다." in cart
    assert "지금 고를 수 없는 청구 1건" in cart and "결과 보기" in cart


def test_another_companys_payments_are_not_in_the_cart(
    buyer: Buyer, site: Flask, log_in_as: LogIn, sandbox_url: str
) -> None:
    page = buyer.get(ask_for_code(buyer, bills(buyer, 1_000_000), behaviour="52"))
    press(buyer, page, money.code_for(buyer.payer))
    other = make_buyer(site, log_in_as, sandbox_url)
    assert "지금 고를 수 없는 청구" not in other.get("/cart")
