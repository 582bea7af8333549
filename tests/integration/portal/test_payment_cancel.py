"""결제취소 at the screens: what is said before, in the last millisecond, and while nobody knows (R-PAY-6)."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from flask import Flask

from app import clock
from app.db import db, transaction
from app.models.ledger import JournalKind
from app.models.payments import Payment, PaymentState
from app.models.programme import VatMode
from app.policy import CLOCK
from app.workflows import cancellations, lifecycle, payment_resolution, vouchers
from tests import money
from tests.integration.portal.buying import Buyer, LogIn, log_in, make_buyer, path_of

WHY = "수량을 잘못 정했습니다."


@pytest.fixture
def buyer(site: Flask, log_in_as: LogIn, sandbox_url: str) -> Buyer:
    return make_buyer(site, log_in_as, sandbox_url)


def pay(buyer: Buyer, *, behaviour: str = "") -> Payment:
    return money.pay(buyer.payer, money.make_bill(buyer.payer, 1_100_000), behaviour=behaviour)


def state_of(payment: Payment) -> PaymentState:
    return db.session.get_one(Payment, payment.id, populate_existing=True).state


def end_of_day(payment: Payment) -> datetime:
    assert payment.paid_at is not None
    return clock.end_of(clock.korean_day(payment.paid_at))


def test_the_page_says_what_comes_of_it_and_until_when(buyer: Buyer) -> None:
    payment = pay(buyer)
    until = clock.write_deadline(end_of_day(payment))
    rule = f"{until} 직접 취소할 수 있고, 그 뒤에는 공급기업만 취소할 수 있습니다."
    address = f"/payments/{payment.id}"
    for page in ("/payments?tab=paid", address):
        assert f'href="{address}/cancel"' in buyer.get(page)
    assert rule in buyer.get(address)
    page = buyer.get(f"{address}/cancel")
    for words in (rule, "1,100,000원 전액이 취소됩니다.", "바우처 잔액으로 돌아가 다시 쓸 수 있습니다.",
                  "취소하면 되돌릴 수 없습니다.", "990,000원"):  # fmt: skip
        assert words in page
    assert state_of(payment) is PaymentState.PAID


def test_in_the_last_millisecond_and_in_the_next(buyer: Buyer) -> None:
    """R-TIME-1: refused at 00:00:00.000 with what was typed still there; taken at 23:59:59.999."""
    payment = pay(buyer)
    address, midnight = f"/payments/{payment.id}", end_of_day(payment)
    with clock.at(midnight):
        for page in ("/payments?tab=paid", address):
            assert f'href="{address}/cancel"' not in buyer.get(page)
        assert path_of(buyer.browser.get(f"{address}/cancel")) == address
        refused = buyer.post(f"{address}/cancel", reason=WHY)
        page = refused.get_data(as_text=True)
        assert refused.status_code == 422 and WHY in page and payment.deal.supplier.name in page
        assert "공급기업에 결제취소를 요청해 주세요." in page
    assert state_of(payment) is PaymentState.PAID
    with clock.at(midnight - timedelta(milliseconds=1)):
        assert path_of(buyer.post(f"{address}/cancel", reason=WHY)) == f"/pay/result/{payment.id}"
    assert state_of(payment) is PaymentState.CANCELLED


def test_an_outcome_that_nobody_knows_is_followed(buyer: Buyer) -> None:
    """R-PAY-4: the page says what 취소중 is and asks again until it is over; a second press leads there."""
    payment = pay(buyer, behaviour="84")
    address = f"/payments/{payment.id}"
    result = path_of(buyer.post(f"{address}/cancel", reason=WHY))
    page = buyer.get(result)
    assert "취소 결과를 확인하고 있습니다" in page and f'hx-get="{result}/now"' in page
    assert "취소가 확인될 때까지 결제는 그대로 유효합니다." in page
    detail = buyer.get(address)
    assert "‘취소중’은 취소를 요청했고" in detail and "취소 결과 확인 중" in detail
    assert path_of(buyer.browser.get(f"{address}/cancel")) == result
    assert path_of(buyer.post(f"{address}/cancel", reason="또")) == result
    payment_resolution.resolve_one(payment_id=payment.id)
    page = buyer.get(f"{result}/now")
    assert "결제가 취소되었습니다" in page and "금액이 바우처 잔액으로 돌아갔습니다." in page
    assert "취소전표 만드는 중" in page and WHY in buyer.get(address)


def test_a_reason_is_kept_when_the_gateway_refuses(buyer: Buyer) -> None:
    payment = pay(buyer, behaviour="70")
    address = f"/payments/{payment.id}"
    here = path_of(buyer.post(f"{address}/cancel", reason=WHY))
    page = buyer.get(here)
    assert here == address and "취소되지 않은 사유" in page and "결제취소 거절" in page
    assert WHY in buyer.get(f"{address}/cancel")


def test_a_blank_reason_is_asked_for(buyer: Buyer) -> None:
    payment = pay(buyer)
    missing = buyer.post(f"/payments/{payment.id}/cancel", reason="   ")
    assert missing.status_code == 422 and "취소 사유를 입력해 주세요." in missing.get_data(as_text=True)
    long = buyer.post(f"/payments/{payment.id}/cancel", reason="가" * 1001)
    assert "1,000자까지 입력할 수 있습니다." in long.get_data(as_text=True)
    assert state_of(payment) is PaymentState.PAID


def test_of_an_ended_voucher_the_budget_is_named(buyer: Buyer) -> None:
    """R-PAY-6: before, and afterwards where it went."""
    payment = pay(buyer)
    with transaction():
        lifecycle.fire(vouchers.VOUCHER, buyer.payer.voucher.id, "expire", actor=CLOCK)
        vouchers.give_back([buyer.payer.voucher.id], JournalKind.EXPIRY, actor=CLOCK)
    page = buyer.get(f"/payments/{payment.id}/cancel")
    assert "사업 예산으로 돌아갑니다. 다시 쓸 수 없습니다." in page and "다시 쓸 수 있습니다" not in page
    result = path_of(buyer.post(f"/payments/{payment.id}/cancel", reason=WHY))
    assert "바우처 이용이 끝나 금액이 사업 예산으로 돌아갔습니다." in buyer.get(result)
    assert "사업 예산 (바우처 이용이 끝난 뒤의 취소)" in buyer.get(f"/payments/{payment.id}")


def test_the_tax_that_the_company_bears_comes_back_too(
    site: Flask, log_in_as: LogIn, sandbox_url: str
) -> None:
    """R-MONEY-2a"""
    payer = money.make_payer(sandbox_url, company_share_percent=30, vat_mode=VatMode.BORNE)
    buyer = Buyer(payer, log_in(log_in_as, payer.actor.id))
    payment = money.pay(payer, money.make_bill(payer, 1_800_000))
    page = buyer.get(f"/payments/{payment.id}/cancel")
    assert "1,980,000원 전액이 취소됩니다." in page and "부가세 180,000원도 함께 취소됩니다." in page


def test_the_suppliers_page_follows_its_cancellation(buyer: Buyer, log_in_as: LogIn) -> None:
    payment = pay(buyer, behaviour="82")
    seller = log_in(log_in_as, money.supplier_of(payment.deal).id)
    address = f"/supply/sales/{payment.id}"
    with clock.at(end_of_day(payment)):
        assert seller.post(f"{address}/cancel", data={"reason": WHY}).status_code == 302
        page = seller.get(address).text
        assert (
            "‘취소중’은 취소를 요청했고" in page and f'hx-get="{address}" hx-trigger="load delay:3s"' in page
        )
        assert seller.get(f"{address}/cancel").headers["Location"].endswith(address)
        asked = {"HX-Request": "true", "HX-Trigger": "undecided"}
        assert "HX-Refresh" not in seller.get(address, headers=asked).headers
        payment_resolution.resolve_one(payment_id=payment.id)
        assert seller.get(address, headers=asked).headers["HX-Refresh"] == "true"
        page = seller.get(address).text
    assert "hx-trigger" not in page.split("papers-title")[0] and "수요기업의 바우처" in page


def test_another_company_reaches_no_cancellation(
    buyer: Buyer, site: Flask, log_in_as: LogIn, sandbox_url: str
) -> None:
    payment = pay(buyer)
    other = make_buyer(site, log_in_as, sandbox_url)
    for answer in (
        other.browser.get(f"/payments/{payment.id}/cancel"),
        other.post(f"/payments/{payment.id}/cancel", reason=WHY),
    ):
        assert answer.status_code == 404
    assert state_of(payment) is PaymentState.PAID


def test_what_was_never_paid_has_no_such_page(buyer: Buyer) -> None:
    payment = pay(buyer, behaviour="01")
    assert path_of(buyer.browser.get(f"/payments/{payment.id}/cancel")) == f"/payments/{payment.id}"
    assert "취소할 수 있는 결제가 아닙니다." in buyer.get(f"/payments/{payment.id}")
    assert path_of(buyer.post(f"/payments/{payment.id}/cancel", reason=WHY)) == f"/payments/{payment.id}"
    assert cancellations.cancellable_by(actor=buyer.payer.actor, payment=payment) is False
