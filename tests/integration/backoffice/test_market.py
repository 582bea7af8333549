"""공급기업, 서비스 승인, 거래, 결제 as the lead agency sees them (R-SUP-1, R-CAT-5, R-SET-1)."""

from __future__ import annotations

from typing import Any

import pytest

from app.db import db
from app.models.catalogue import OfferingState, SupplierState
from app.policy import Role
from tests import factories as make
from tests.settled import make_paid


def _saved(record: Any) -> Any:
    db.session.commit()
    return record


@pytest.mark.parametrize(
    ("before", "action", "after"),
    [
        (SupplierState.SCREENING, "select", SupplierState.SELECTED),
        (SupplierState.SCREENING, "ask_supplement", SupplierState.SUPPLEMENT),
        (SupplierState.SCREENING, "reject", SupplierState.REJECTED),
        (SupplierState.SELECTED, "suspend", SupplierState.SUSPENDED),
        (SupplierState.SUSPENDED, "lift", SupplierState.SELECTED),
    ],
)
def test_a_supplier_is_moved_along_its_edges(
    before: SupplierState, action: str, after: SupplierState, world: Any, browser: Any, said: Any
) -> None:
    supplier = _saved(make.make_supplier(state=before))
    client = browser(Role.PROGRAMME_MANAGER)
    address = f"/console/suppliers/{supplier.id}"
    assert f'"{address}/{action}"' in client.get(address).get_data(as_text=True)
    said(client, f"{address}/{action}", data={"confirmed": "1", "reason": "심사 의견"})
    assert supplier.state is after


def test_a_move_that_is_not_open_says_why(world: Any, browser: Any, said: Any) -> None:
    supplier = _saved(make.make_supplier(state=SupplierState.REJECTED))
    text = said(browser(Role.PROGRAMME_MANAGER), f"/console/suppliers/{supplier.id}/select")
    assert "현재 상태가" in text and supplier.state is SupplierState.REJECTED


def test_suppliers_are_found_by_state_and_name(world: Any, browser: Any) -> None:
    one = _saved(make.make_supplier(state=SupplierState.SCREENING))
    two = _saved(make.make_supplier())
    client = browser(Role.AUDITOR)
    text = client.get("/console/suppliers/?state=screening").get_data(as_text=True)
    assert one.name in text and two.name not in text
    assert two.name in client.get(f"/console/suppliers/?q={two.name}").get_data(as_text=True)
    assert one.account_number not in client.get(f"/console/suppliers/{one.id}").get_data(as_text=True)
    assert client.get("/console/suppliers/?format=xlsx").data[:2] == b"PK"


def test_the_bank_is_asked_whose_account_it_is(world: Any, browser: Any, said: Any, sandbox_url: str) -> None:
    """The played bank answers with the holder by the account's last digits."""
    supplier = _saved(make.make_supplier(account_verified_at=None, account_number=None))
    text = said(browser(Role.FINANCE_OFFICER), f"/console/suppliers/{supplier.id}/account")
    assert "등록된 정산 계좌가 없습니다" in text and supplier.account_verified_at is None


@pytest.mark.parametrize(
    ("before", "action", "after"),
    [
        (OfferingState.IN_REVIEW, "approve", OfferingState.ON_SALE),
        (OfferingState.IN_REVIEW, "send_back", OfferingState.RETURNED),
        (OfferingState.ON_SALE, "suspend", OfferingState.SUSPENDED),
        (OfferingState.SUSPENDED, "lift", OfferingState.ON_SALE),
    ],
)
def test_a_service_is_decided(
    before: OfferingState, action: str, after: OfferingState, world: Any, browser: Any, said: Any
) -> None:
    offering = _saved(make.make_offering(state=before))
    client = browser(Role.PROGRAMME_MANAGER)
    page = client.get(f"/console/offerings/{offering.id}").get_data(as_text=True)
    assert "1,100,000원" in page and f"/console/offerings/{offering.id}/{action}" in page
    assert "accept_price" not in page  # no new price waits
    said(client, f"/console/offerings/{offering.id}/{action}", data={"confirmed": "1", "reason": "확인"})
    assert offering.state is after


def test_the_queue_of_services_shows_what_waits(world: Any, browser: Any) -> None:
    waits, sells = make.make_offering(state=OfferingState.IN_REVIEW), make.make_offering()
    db.session.commit()
    text = browser(Role.PROGRAMME_MANAGER).get("/console/offerings/").get_data(as_text=True)
    assert waits.name in text and "신규 등록" in text
    assert f"/console/offerings/{sells.id}" not in text


def test_deals_and_payments_are_looked_at(world: Any, browser: Any) -> None:
    payment = _saved(make_paid(world.programme, make.make_supplier(), 1_100_000))
    client = browser(Role.AUDITOR)
    deals = client.get(f"/console/deals/?state=paid&q={payment.deal.company.name}").get_data(as_text=True)
    assert payment.deal.offering.name in deals and "1,100,000원" in deals
    detail = client.get(f"/console/deals/{payment.deal_id}").get_data(as_text=True)
    assert payment.deal.memo in detail and f"/console/payments/{payment.id}" in detail
    rows = client.get("/console/payments/?tab=paid").get_data(as_text=True)
    assert payment.order_id in rows and "990,000원" in rows and "110,000원" in rows
    detail = client.get(f"/console/payments/{payment.id}").get_data(as_text=True)
    assert "계산 방법" in detail and "취소하기" not in detail
    for address in ("deals", "payments", "unknown"):
        assert client.get(f"/console/{address}/?format=csv").mimetype == "text/csv"
