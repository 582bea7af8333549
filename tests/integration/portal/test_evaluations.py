"""'서비스 정산(만족도)' (R-EVA-1)."""

from __future__ import annotations

import pytest
from flask import Flask

from app.db import db
from app.models.deals import Deal
from app.models.settlements import Evaluation
from tests import money
from tests.integration.portal.buying import Buyer, LogIn, make_buyer, path_of

SCORES = {"quality": "5", "usability": "4", "support": "3", "price": "4", "recommend": "5"}


@pytest.fixture
def buyer(site: Flask, log_in_as: LogIn, sandbox_url: str) -> Buyer:
    return make_buyer(site, log_in_as, sandbox_url)


@pytest.fixture
def deal(buyer: Buyer) -> Deal:
    bill = money.make_bill(buyer.payer, 500_000)
    money.pay(buyer.payer, bill)
    return bill


def test_from_waiting_to_done(buyer: Buyer, deal: Deal) -> None:
    """Asks before it is final, then stands under 평가완료 with its average, and cannot be written again."""
    assert "평가한 서비스가 없습니다." in buyer.get("/evaluations?tab=done")
    assert f"/evaluations/new/{deal.id}" in buyer.get("/evaluations")
    assert "에서 평가해 주세요" in buyer.get(f"/deals/{deal.id}")
    address = f"/evaluations/new/{deal.id}"
    form = SCORES | {"comment": "잘 쓰고 있습니다."}
    asked = buyer.post(address, **form)
    assert "이대로 평가를 제출할까요?" in asked.get_data(as_text=True)
    assert db.session.query(Evaluation).count() == 0
    there = path_of(buyer.post(address, **form, confirmed="1"))
    page = buyer.get(there)
    assert "4.2" in page and "잘 쓰고 있습니다." in page
    assert "4.2" in buyer.get("/evaluations?tab=done") and "평가할 서비스가 없습니다." in buyer.get(
        "/evaluations"
    )
    assert "에서 평가해 주세요" not in buyer.get(f"/deals/{deal.id}")
    assert path_of(buyer.browser.get(address)) == there
    assert path_of(buyer.post(address, **form, confirmed="1")) == there
    assert db.session.query(Evaluation).count() == 1


def test_every_criterion_is_asked_for_and_what_was_typed_stays(buyer: Buyer, deal: Deal) -> None:
    answer = buyer.post(f"/evaluations/new/{deal.id}", quality="5", comment="의견입니다.", confirmed="1")
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422 and "오류: 서비스 평가" in page
    assert "&#39;고객 지원&#39; 점수를 선택해 주세요." in page and "의견입니다." in page
    assert db.session.query(Evaluation).count() == 0


def test_only_what_was_paid_is_evaluated(buyer: Buyer) -> None:
    bill = money.make_bill(buyer.payer, 500_000)
    assert path_of(buyer.browser.get(f"/evaluations/new/{bill.id}")) == "/evaluations"
    assert "평가할 수 없습니다." in buyer.get("/evaluations")


def test_another_company_neither_writes_nor_reads(
    buyer: Buyer, deal: Deal, site: Flask, log_in_as: LogIn, sandbox_url: str
) -> None:
    made = path_of(buyer.post(f"/evaluations/new/{deal.id}", **SCORES, comment="좋습니다.", confirmed="1"))
    other = make_buyer(site, log_in_as, sandbox_url)
    assert other.browser.get(made).status_code == 404
    assert other.browser.get(f"/evaluations/new/{deal.id}").status_code == 404
