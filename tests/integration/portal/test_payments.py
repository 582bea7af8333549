"""결제 by card and by ZeroPay, '서비스 결제 관리' and '청구내역' (R-PAY-1 to R-PAY-8)."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from flask import Flask
from openpyxl import load_workbook

from app import clock
from app.db import db
from app.gateways.errors import korean_for
from app.models.deals import Deal, DealState
from app.models.payments import Payment, PaymentState
from app.models.vouchers import InstrumentKind
from app.policy import Role
from app.workflows import payment_resolution, payments_reads
from sandbox import behaviours
from tests import factories, money
from tests.integration.portal.buying import Buyer, LogIn, hidden, log_in, make_buyer, path_of


@pytest.fixture
def buyer(site: Flask, log_in_as: LogIn, sandbox_url: str) -> Buyer:
    return make_buyer(site, log_in_as, sandbox_url)


@pytest.fixture
def bill(buyer: Buyer) -> Deal:
    return money.make_bill(buyer.payer, 1_100_000)


def ask_for_code(buyer: Buyer, deal: Deal, *, behaviour: str = "") -> str:
    """Type the card; the address of the page that takes the code."""
    number = behaviours.card_number(behaviour) if behaviour else money.CARD
    return path_of(buyer.post(f"/pay/{deal.id}", card_number=number, expiry="09/27"))


def pay_by_card(buyer: Buyer, deal: Deal, *, behaviour: str = "") -> Payment:
    address = ask_for_code(buyer, deal, behaviour=behaviour)
    key = hidden(buyer.get(address), "key")
    result = path_of(buyer.post(address, code=money.code_for(buyer.payer), key=key))
    return db.session.get_one(Payment, int(result.rpartition("/")[2]), populate_existing=True)


def test_card_payment_from_the_bill_to_the_result(buyer: Buyer, bill: Deal) -> None:
    """R-PAY-1, R-MONEY-2b: the split is shown, the code pays, the slips are on their way."""
    page = buyer.get(f"/pay/{bill.id}")
    assert "990,000원" in page and "110,000원" in page
    assert 'autocomplete="cc-number"' in page and 'autocomplete="cc-exp"' in page
    payment = pay_by_card(buyer, bill)
    assert payment.state is PaymentState.PAID
    result = buyer.get(f"/pay/result/{payment.id}")
    assert "결제가 완료되었습니다" in result and "전표 만드는 중" in result
    assert "1,100,000원" in buyer.get("/payments?tab=paid")


def test_card_numbers_are_never_put_back(buyer: Buyer, bill: Deal) -> None:
    """R-PAY-2: what was typed is gone from the page that says what is wrong."""
    answer = buyer.post(f"/pay/{bill.id}", card_number="1234 5678", expiry="0927")
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert "카드번호 숫자 16자리를 입력해 주세요." in page
    assert "1234 5678" not in page and 'value="0927"' not in page


def test_wrong_code_gets_a_new_key_and_may_be_tried_again(buyer: Buyer, bill: Deal) -> None:
    """R-PAY-3, R-PAY-4"""
    address = ask_for_code(buyer, bill)
    key = hidden(buyer.get(address), "key")
    right = money.code_for(buyer.payer)
    wrong = "000000" if right != "000000" else "111111"
    answer = buyer.post(address, code=wrong, key=key)
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422 and "인증번호가 맞지 않습니다." in page
    assert hidden(page, "key") not in ("", key) and f'value="{wrong}"' not in page
    path_of(buyer.post(address, code=right, key=hidden(page, "key")))
    assert db.session.get_one(Deal, bill.id, populate_existing=True).state is DealState.PAID


def test_the_same_press_twice_pays_once(buyer: Buyer, bill: Deal) -> None:
    """R-PAY-4"""
    address = ask_for_code(buyer, bill)
    form = {"key": hidden(buyer.get(address), "key"), "code": money.code_for(buyer.payer)}
    assert path_of(buyer.post(address, **form)) == path_of(buyer.post(address, **form))
    sums = payments_reads.tabs(actor=buyer.payer.actor)
    assert sums[payments_reads.Tab.ALL].count == 1


def test_declined_payment_says_why_and_offers_another(buyer: Buyer, bill: Deal) -> None:
    """R-PAY-3: the deal stays 결제요청."""
    payment = pay_by_card(buyer, bill, behaviour="09")
    assert payment.state is PaymentState.FAILED
    page = buyer.get(f"/pay/result/{payment.id}")
    assert (
        "결제되지 않았습니다" in page and "한도 초과 또는 잔액 부족으로" in page and f"/pay/{bill.id}" in page
    )
    assert "결제실패 사유" in buyer.get(f"/payments/{payment.id}")


def test_unknown_outcome_is_followed_until_it_is_known(buyer: Buyer, bill: Deal) -> None:
    """R-PAY-3, R-PAY-4: 결제대기 says so and asks again; another press of the bill leads there."""
    payment = pay_by_card(buyer, bill, behaviour="52")
    assert payment.state is PaymentState.PENDING
    page = buyer.get(f"/pay/result/{payment.id}")
    assert "결제 결과를 확인하고 있습니다" in page and f"/pay/result/{payment.id}/now" in page
    assert path_of(buyer.browser.get(f"/pay/{bill.id}")) == f"/pay/result/{payment.id}"
    payment_resolution.resolve_one(payment_id=payment.id)
    assert "결제가 완료되었습니다" in buyer.get(f"/pay/result/{payment.id}/now")


def test_not_enough_on_the_voucher_is_said_before_the_card(buyer: Buyer) -> None:
    """R-PAY-5, R-MONEY-4"""
    deal = money.make_bill(buyer.payer, 4_000_001)
    page = buyer.get(f"/pay/{deal.id}")
    assert (
        "바우처 잔액 4,000,000원이 결제할 금액 4,000,001원보다 적습니다" in page and "cc-number" not in page
    )


def test_a_late_bill_leads_to_its_explanation(buyer: Buyer) -> None:
    deal = money.make_bill(buyer.payer, 100_000, due_at=clock.now() - timedelta(minutes=1))
    assert path_of(buyer.browser.get(f"/pay/{deal.id}")) == f"/deals/{deal.id}"
    assert "이 지나 더 진행할 수 없습니다" in buyer.get(f"/deals/{deal.id}")


def test_zeropay_from_the_button_to_the_result(site: Flask, log_in_as: LogIn, sandbox_url: str) -> None:
    """R-PAY-1: out to ZeroPay's window and back; the GET of the return writes nothing."""
    buyer = make_buyer(site, log_in_as, sandbox_url, kind=InstrumentKind.ZEROPAY)
    deal = money.make_bill(buyer.payer, 1_000_000)
    money.deposit(buyer.payer, 100_000)
    page = buyer.get(f"/pay/{deal.id}")
    assert "제로페이로 결제" in page and "cc-number" not in page
    answer = buyer.post(f"/pay/{deal.id}/zeropay", key=hidden(page, "key"))
    assert answer.headers["Location"].startswith(f"{sandbox_url}/zeropay/checkout/")
    params = money.press_in_window(answer.headers["Location"])
    back = buyer.get(f"/pay/zeropay/return?{urlencode(params)}")
    assert "data-send-on" in back and hidden(back, "signature") == params["signature"]
    payment = db.session.query(Payment).filter_by(deal_id=deal.id).one()
    assert payment.state is PaymentState.PENDING
    assert path_of(buyer.post("/pay/zeropay/finish", **params)) == f"/pay/result/{payment.id}"
    assert db.session.get_one(Payment, payment.id, populate_existing=True).state is PaymentState.PAID


def test_zeropay_return_that_nobody_signed_is_refused(buyer: Buyer) -> None:
    params = {
        "orderId": "x",
        "paymentKey": "y",
        "amount": "1",
        "result": "SUCCESS",
        "timestamp": "1",
        "signature": "z",
    }
    assert path_of(buyer.post("/pay/zeropay/finish", **params)) == "/payments"
    assert "제로페이의 결제 결과를 확인할 수 없습니다" in buyer.get("/payments")


def test_cart_with_nothing_ticked_says_so(buyer: Buyer) -> None:
    assert "결제할 청구가 없습니다." in buyer.get("/cart")
    assert path_of(buyer.browser.get("/cart/pay")) == "/cart"
    assert "결제할 청구를 하나 이상 선택해 주세요." in buyer.get("/cart")


def test_cancelling_asks_first_and_gives_the_money_back(buyer: Buyer, bill: Deal) -> None:
    """R-PAY-6, R-MONEY-3: on the day of payment, with a reason."""
    payment = pay_by_card(buyer, bill)
    address = f"/payments/{payment.id}/cancel"
    assert "이 결제를 취소할까요?" in buyer.get(address)
    missing = buyer.post(address)
    assert missing.status_code == 422 and "취소 사유를 입력해 주세요." in missing.get_data(as_text=True)
    path_of(buyer.post(address, reason="수량을 잘못 정했습니다."))
    page = buyer.get(f"/payments/{payment.id}")
    assert "결제취소" in page and "수량을 잘못 정했습니다." in page and "취소전표" in page
    assert buyer.payer.left() == (3_600_000, 400_000)


def test_the_next_day_only_the_supplier_cancels(buyer: Buyer, bill: Deal) -> None:
    """R-PAY-6"""
    payment = pay_by_card(buyer, bill)
    clock.set_offset(clock.timedelta(days=1))
    assert "공급기업(" in buyer.get(f"/payments/{payment.id}")
    late = buyer.post(f"/payments/{payment.id}/cancel", reason="늦었습니다.")
    page = late.get_data(as_text=True)
    assert late.status_code == 422 and "늦었습니다." in page
    assert "결제한 날이 지나 직접 취소할 수 없습니다. 공급기업에 결제취소를 요청해 주세요." in page


def test_a_refused_cancellation_says_why(buyer: Buyer, bill: Deal) -> None:
    payment = pay_by_card(buyer, bill, behaviour="70")
    here = path_of(buyer.post(f"/payments/{payment.id}/cancel", reason="취소합니다."))
    page = buyer.get(here)
    assert "결제를 취소하지 못했습니다." in page and korean_for("NOT_CANCELABLE_PAYMENT") in page


def test_lists_filter_by_period_and_export(buyer: Buyer, bill: Deal) -> None:
    """R-PAY-7, R-PAY-8: tabs with sums, a period in the address, the same as a workbook."""
    pay_by_card(buyer, bill)
    today = clock.today()
    inside = f"since={today:%Y.%m.%d}&until={today:%Y.%m.%d}"
    for page in ("/payments", "/statement"):
        assert bill.offering.name in buyer.get(f"{page}?{inside}")
        empty = buyer.get(f"{page}?since=2001.01.01&until=2001.01.31")
        assert bill.offering.name not in empty and "kv-empty" in empty
        assert "종료일은 시작일과 같거나 그 뒤여야 합니다." in buyer.get(
            f"{page}?since=2020.02.02&until=2020.02.01"
        )
    for address in (f"/payments.xlsx?tab=paid&{inside}", f"/statement.xlsx?{inside}"):
        answer = buyer.browser.get(address)
        assert "attachment" in answer.headers["Content-Disposition"]
        rows = list(load_workbook(io.BytesIO(answer.data)).active.iter_rows(values_only=True))
        assert rows[1][2] == bill.offering.name and rows[1][10] == 1_100_000
        assert (rows[2][0], rows[2][10]) == ("결제성공 1건", 1_100_000)
        assert [row[0] for row in rows[3:]] == (
            ["합계 1건", "청구금액(결제 − 취소)"] if "statement" in address else []
        )


def test_a_list_keeps_its_query_count(buyer: Buyer, count_queries: Callable[[str], int]) -> None:
    """Style: a list page asks as often for three rows as for one."""
    money.pay(buyer.payer, money.make_bill(buyer.payer, 100_000))
    count_queries("/payments")
    first = count_queries("/payments")
    for _ in range(2):
        money.pay(buyer.payer, money.make_bill(buyer.payer, 100_000))
    assert count_queries("/payments") == first


@pytest.fixture
def count_queries(buyer: Buyer) -> Callable[[str], int]:
    from sqlalchemy import event

    def count(address: str) -> int:
        seen: list[Any] = []
        db.session.expire_all()
        connection = db.session.connection()
        event.listen(connection, "before_cursor_execute", lambda *arguments: seen.append(arguments[2]))
        buyer.get(address)
        return len(seen)

    return count


def test_another_company_sees_and_pays_nothing(
    buyer: Buyer, bill: Deal, site: Flask, log_in_as: LogIn, sandbox_url: str
) -> None:
    """R-ROLE-1: another's payment is not there; a supplier has no such page."""
    code_page = ask_for_code(buyer, bill)
    payment = pay_by_card(buyer, bill)
    other = make_buyer(site, log_in_as, sandbox_url)
    for address in (f"/payments/{payment.id}", f"/pay/result/{payment.id}", f"/pay/{bill.id}", code_page):
        assert other.browser.get(address).status_code == 404
    assert other.post(f"/payments/{payment.id}/cancel", confirmed="1", reason="x").status_code in (302, 404)
    assert db.session.get_one(Payment, payment.id, populate_existing=True).state is PaymentState.PAID
    supplier = log_in(log_in_as, factories.make_account(Role.SUPPLIER).id)
    for address in ("/payments", "/statement", "/cart", f"/pay/{bill.id}"):
        assert supplier.get(address).status_code == 403
    assert path_of(site.test_client().get("/payments")).startswith("/login?next=")
