"""The slips as they are handed out and checked (R-DOC-1)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from app import clock
from app.db import db
from app.models.payments import Payment, Slip, SlipKind
from app.policy import Role
from app.workflows import slips
from config import DEMONSTRATION_PAYER as PAYER
from tests import factories, money
from tests.integration.portal.buying import Buyer, LogIn, log_in, make_buyer, path_of
from tests.settled import Officers, issue_slips, make_paid


@pytest.fixture
def buyer(site: Flask, log_in_as: LogIn, sandbox_url: str) -> Buyer:
    return make_buyer(site, log_in_as, sandbox_url)


@pytest.fixture
def payment(buyer: Buyer) -> Payment:
    return money.pay(buyer.payer, money.make_bill(buyer.payer, 330_000))


def test_being_made_then_a_pdf_in_the_browser(buyer: Buyer, payment: Payment) -> None:
    """The job draws it; until then the page says so, and the list's fragment asks again."""
    receipt = issue_slips(payment.id)[SlipKind.RECEIPT]
    assert "문서를 만들고 있습니다" in buyer.get(f"/slips/{receipt.id}.pdf", 409)
    assert "hx-get" in buyer.get(f"/payments/{payment.id}/papers")
    for slip in slips.for_payments([payment.id])[payment.id].values():
        slips.render(slip.id)
    fragment = buyer.get(f"/payments/{payment.id}/papers")
    assert f"/slips/{receipt.id}.pdf" in fragment and "hx-get" not in fragment
    answer = buyer.browser.get(f"/slips/{receipt.id}.pdf")
    assert answer.content_type == "application/pdf" and answer.data.startswith(b"%PDF-")
    assert answer.headers["Content-Disposition"].startswith("inline")
    assert "no-store" in answer.headers["Cache-Control"]


def test_only_its_parties_get_it(
    buyer: Buyer, payment: Payment, site: Flask, log_in_as: LogIn, sandbox_url: str
) -> None:
    receipt = issue_slips(payment.id)[SlipKind.RECEIPT]
    slips.render(receipt.id)
    address = f"/slips/{receipt.id}.pdf"
    assert make_buyer(site, log_in_as, sandbox_url).browser.get(address).status_code == 404
    assert log_in(log_in_as, money.supplier_of(payment.deal).id).get(address).status_code == 200
    assert path_of(site.test_client().get(address)).startswith("/login")


def test_anyone_checks_a_code_and_learns_no_party(buyer: Buyer, payment: Payment, site: Flask) -> None:
    receipt = issue_slips(payment.id)[SlipKind.RECEIPT]
    visitor = site.test_client()
    assert "문서확인번호" in visitor.get("/slips/check").get_data(as_text=True)
    there = path_of(visitor.get("/slips/check", query_string={"code": slips.show_code(receipt).lower()}))
    page = visitor.get(there).get_data(as_text=True)
    found = page[page.index("확인되었습니다") : page.index("<form", page.index("확인되었습니다"))]
    assert "이 시스템에서 발급한 문서입니다." in found and "330,000원" in found
    assert slips.number_of(receipt) not in page and "전표" not in found
    assert buyer.payer.company.name not in page and payment.deal.supplier.name not in page
    blank = visitor.get("/slips/check?code=+")
    assert blank.status_code == 422 and "문서확인번호를 입력해 주세요." in blank.get_data(as_text=True)
    answer = visitor.get("/slips/check/AAAA-BBBB-CCCC-DDDD")
    assert answer.status_code == 404 and "확인되지 않는 번호입니다" in answer.get_data(as_text=True)


def test_each_slip_is_a_page_too(
    buyer: Buyer, payment: Payment, site: Flask, log_in_as: LogIn, sandbox_url: str
) -> None:
    """For those who cannot read a PDF; there before the file is drawn, and for its parties alone."""
    for slip in issue_slips(payment.id).values():
        address = f"/slips/{slip.id}"
        page = buyer.get(address)
        for word in ("330,000원", "공급자", "공급받는자", payment.approval_number or "",
                     slips.show_code(slip), buyer.payer.company.name,
                     f"****-****-****-{payment.card_last4}"):  # fmt: skip
            assert word in page, word
        assert f'href="{address}"' in buyer.get(f"/payments/{payment.id}")
        assert "no-store" in buyer.browser.get(address).headers["Cache-Control"]
        assert make_buyer(site, log_in_as, sandbox_url).browser.get(address).status_code == 404
        assert path_of(site.test_client().get(address)).startswith("/login")


def test_a_statement_of_settlement_as_a_page(site: Flask, log_in_as: LogIn) -> None:
    """Both parties, the sums beside the facts, and below the payments what they come to."""
    programme, supplier = factories.make_programme(), factories.make_supplier()
    ago = clock.now() - timedelta(days=12)
    for amount in (110_000, 220_000):
        make_paid(programme, supplier, amount, paid_at=ago)
    Officers().exported(programme)
    [slip] = db.session.scalars(select(Slip).where(Slip.supplier_id == supplier.id))
    seller = log_in_as(factories.make_account(Role.SUPPLIER, supplier_id=supplier.id))
    page = " ".join(seller.get(f"/slips/{slip.id}").get_data(as_text=True).split())
    for word in ("지급자(전문기관)", PAYER["BUSINESS_NUMBER"], supplier.name, "정산기준일", "결제금액 합계"):
        assert word in page, word
    for sum_ in ("합계 (2건)", "300,000", "30,000", "330,000"):
        assert f"<strong>{sum_}</strong>" in page, sum_
