"""What is not used, as both sides and the console see it (R-SET-1a)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from io import BytesIO

import pytest
from flask import Flask
from flask.testing import FlaskClient
from openpyxl import load_workbook
from sqlalchemy import event

from app import clock
from app.db import db
from app.models.catalogue import Supplier
from app.models.deals import Deal
from app.models.people import Account
from app.models.programme import Programme
from app.policy import Role
from app.workflows import usage_reports, usage_watch
from tests import factories, settled

LogIn = Callable[[Account], FlaskClient]
NOW = datetime(2020, 11, 16, 9, 0, tzinfo=clock.KST)
LACKING = "결제 후 30일 동안 확인된 이용이 없습니다."


@pytest.fixture(autouse=True)
def _in_november(site: Flask) -> Iterator[None]:
    with clock.at(NOW):
        yield


@pytest.fixture
def supplier(site: Flask) -> Supplier:
    return factories.make_supplier()


@pytest.fixture
def programme(site: Flask) -> Programme:
    return factories.make_programme(usage_idle_cancels=True)


@pytest.fixture
def seller(supplier: Supplier, log_in_as: LogIn) -> FlaskClient:
    return log_in_as(factories.make_account(Role.SUPPLIER, supplier_id=supplier.id))


@pytest.fixture
def officer(site: Flask, log_in_as: LogIn) -> FlaskClient:
    return log_in_as(factories.make_account(Role.FINANCE_OFFICER))


def warned(programme: Programme, supplier: Supplier) -> Deal:
    at = datetime(2020, 9, 10, 14, 0, tzinfo=clock.KST)
    payment = settled.make_paid(programme, supplier, 300_000, paid_at=at)
    usage_watch.sweep()
    return db.session.get_one(Deal, payment.deal_id)


def read(browser: FlaskClient, address: str, status: int = 200) -> str:
    answer = browser.get(address)
    assert answer.status_code == status, answer.text[:2000]
    return answer.text


def test_the_supplier_is_led_from_its_list_to_the_deal(
    seller: FlaskClient, programme: Programme, supplier: Supplier
) -> None:
    assert "이용 경고가 없습니다" in read(seller, "/supply/usage/warnings")
    assert "이용이 확인되지 않는 거래" not in read(seller, "/supply/usage")
    deal = warned(programme, supplier)
    assert "이용 경고 1건 보기" in read(seller, "/supply/usage")
    page = read(seller, "/supply/usage/warnings")
    assert LACKING in page and f'href="/supply/usage/{deal.id}"' in page
    assert "2020.11.30.(월) 24:00까지 이용이 확인되지 않으면 결제가 취소되고" in page
    for address in (f"/supply/usage/{deal.id}", f"/supply/deals/{deal.id}"):
        page = read(seller, address)
        assert LACKING in page and "이용실적을 제출해 주세요" in page and "환수" in page


def test_the_company_sees_it_at_its_deal(log_in_as: LogIn, programme: Programme, supplier: Supplier) -> None:
    deal = warned(programme, supplier)
    company = log_in_as(factories.make_account(Role.DEMAND, company_id=deal.company_id))
    page = read(company, f"/deals/{deal.id}")
    assert LACKING in page and "이용을 시작해 주세요" in page and "환수" not in page
    assert f"/evaluations/new/{deal.id}" in page


def test_what_is_over_is_told_in_a_line(
    seller: FlaskClient, programme: Programme, supplier: Supplier
) -> None:
    deal = warned(programme, supplier)
    actor = factories.make_actor(Role.SUPPLIER, supplier_id=supplier.id)
    about = {"month": date(2020, 10, 1), "logins": 2, "last_used_on": date(2020, 10, 30)}
    usage_reports.report(actor=actor, deal_id=deal.id, **about)
    page = read(seller, f"/supply/usage/{deal.id}")
    assert LACKING not in page and "해제(이용 확인)" in page
    assert "이용 확인" in read(seller, "/supply/usage/warnings?state=ended")
    assert LACKING not in read(seller, "/supply/usage/warnings?state=warned")


def test_the_console_shows_filters_and_exports(
    officer: FlaskClient, programme: Programme, supplier: Supplier
) -> None:
    assert "조건에 맞는 이용 경고가 없습니다" in read(officer, "/console/usage/")
    deal = warned(programme, supplier)
    page = read(officer, f"/console/usage/?q={supplier.name}&kind=idle_days&state=warned")
    assert LACKING in page and f"/console/deals/{deal.id}" in page
    assert LACKING not in read(officer, "/console/usage/?kind=idle_months")
    assert LACKING not in read(officer, "/console/usage/?state=stopped")
    assert "양쪽에 알림" in read(officer, f"/console/deals/{deal.id}")
    sheet = load_workbook(BytesIO(officer.get("/console/usage/?format=xlsx").data)).worksheets[0]
    assert [row[6] for row in sheet.iter_rows(min_row=2, values_only=True)] == [LACKING]
    with clock.at(NOW + timedelta(days=20)):
        usage_watch.sweep()
    page = read(officer, "/console/usage/")
    assert "공급기업에 요청했습니다" in page and "24:00까지 이용이" not in page


def test_the_supplier_takes_its_list_along(
    seller: FlaskClient, programme: Programme, supplier: Supplier
) -> None:
    warned(programme, supplier)
    warned(programme, factories.make_supplier())
    sheet = load_workbook(BytesIO(seller.get("/supply/usage/warnings.xlsx").data)).worksheets[0]
    assert sheet.max_row == 2


@pytest.mark.parametrize("address", ["/supply/usage/warnings", "/console/usage/"])
def test_the_number_of_queries_does_not_grow_with_the_list(
    address: str, seller: FlaskClient, officer: FlaskClient, programme: Programme, supplier: Supplier
) -> None:
    seen: list[str] = []

    def note(*args: object) -> None:
        seen.append(str(args[2]))

    event.listen(db.engine, "before_cursor_execute", note)
    numbers = []
    for _ in range(3):
        warned(programme, supplier)
        db.session.commit()
        seen.clear()
        read(officer if address.startswith("/console") else seller, address)
        numbers.append(len(seen))
    event.remove(db.engine, "before_cursor_execute", note)
    assert numbers[1] == numbers[2]


def test_reviewers_of_agencies_have_no_business_there(site: Flask, log_in_as: LogIn) -> None:
    reviewer = log_in_as(factories.make_account(Role.REVIEWER, agency_id=factories.make_agency().id))
    for address in ("/console/usage/", "/console/evaluations/"):
        read(reviewer, address, 403)
