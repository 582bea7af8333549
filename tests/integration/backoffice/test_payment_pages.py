"""결제 at the console: found by words, with its papers as they stand and what has happened (R-PAY-7)."""

from __future__ import annotations

from typing import Any

from app.db import db
from app.models.payments import SlipKind
from app.policy import Role
from app.workflows import slips
from tests import factories as make
from tests.settled import make_paid


def test_papers_that_are_being_made_are_said(world: Any, browser: Any) -> None:
    payment = make_paid(world.programme, make.make_supplier(), 1_100_000)
    db.session.commit()
    client, address = browser(Role.FINANCE_OFFICER), f"/console/payments/{payment.id}"
    page = client.get(address).text
    assert "문서를 만들고 있습니다" in page and f'hx-get="{address}"' in page
    for kind in (SlipKind.RECEIPT, SlipKind.STATEMENT):
        slip = slips.issue(kind, payment=payment)
        slip.sha256, slip.size = "0" * 64, 1
    db.session.commit()
    page = client.get(address).text
    assert "문서를 만들고 있습니다" not in page and "/statement/" in page


def test_payments_are_searched_by_either_sides_name(world: Any, browser: Any) -> None:
    one = make_paid(world.programme, make.make_supplier(), 1_100_000)
    other = make_paid(world.programme, make.make_supplier(), 2_200_000)
    db.session.commit()
    client = browser(Role.AUDITOR)
    for words in (one.deal.supplier.name, one.deal.company.name, one.approval_number):
        page = client.get("/console/payments/", query_string={"q": words, "tab": "paid"}).text
        assert one.order_id in page and other.order_id not in page
        assert "결제성공 합계 <strong>1,100,000원" in page
    assert "조건에 맞는 결제가 없습니다." in client.get("/console/payments/?q=없는말").text
