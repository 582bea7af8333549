"""평가 on the supplier's side and in the console; the database itself keeps each as it was (R-EVA-1)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from io import BytesIO

import pytest
from flask import Flask
from flask.testing import FlaskClient
from openpyxl import load_workbook
from sqlalchemy import event, select, text
from sqlalchemy.exc import DBAPIError

from app import clock
from app.db import db
from app.errors import Denied, NotFound
from app.models.catalogue import Supplier
from app.models.deals import Deal
from app.models.payments import Payment
from app.models.people import Account
from app.models.programme import Programme
from app.models.record import Notice
from app.models.settlements import Evaluation
from app.policy import Role
from app.workflows import evaluation_reads, evaluations
from tests import factories
from tests.settled import make_paid

LogIn = Callable[[Account], FlaskClient]
GOOD, POOR = (5, 4, 4, 3, 5), (1, 2, 2, 1, 3)


@pytest.fixture
def supplier(site: Flask) -> Supplier:
    return factories.make_supplier()


@pytest.fixture
def programme(site: Flask) -> Programme:
    return factories.make_programme()


@pytest.fixture
def browser(supplier: Supplier, log_in_as: LogIn) -> FlaskClient:
    return log_in_as(factories.make_account(Role.SUPPLIER, supplier_id=supplier.id))


@pytest.fixture
def officer(site: Flask, log_in_as: LogIn) -> FlaskClient:
    return log_in_as(factories.make_account(Role.FINANCE_OFFICER))


def evaluated(
    payment: Payment, marks: tuple[int, ...] = GOOD, comment: str = "잘 쓰고 있습니다."
) -> Evaluation:
    buyer = factories.make_actor(Role.DEMAND, company_id=payment.company_id)
    scores = dict(zip(evaluations.CRITERIA, marks, strict=True))
    return evaluations.write(actor=buyer, deal_id=payment.deal_id, scores=scores, comment=comment)


def read(browser: FlaskClient, address: str, status: int = 200) -> str:
    answer = browser.get(address)
    assert answer.status_code == status, answer.text[:2000]
    return answer.text


def test_the_supplier_sees_the_average_and_opens_it_by_the_score(
    browser: FlaskClient, programme: Programme, supplier: Supplier
) -> None:
    assert "아직 받은 평가가 없습니다" in read(browser, "/supply/evaluations")
    payment = make_paid(programme, supplier)
    found = evaluated(payment)
    page = read(browser, "/supply/evaluations")
    link = f'<a href="/supply/evaluations/{found.id}">'
    assert link in page and "4.2" in page.split(link)[1].split("</a>")[0]
    detail = read(browser, f"/supply/evaluations/{found.id}")
    assert "잘 쓰고 있습니다." in detail and payment.deal.company.name in detail
    assert all(label in detail for label in evaluations.CRITERIA.values())
    notice = db.session.scalars(select(Notice).filter_by(key=f"evaluation:{found.id}")).one()
    assert notice.link == f"/supply/evaluations/{found.id}"
    assert link in read(browser, f"/supply/deals/{payment.deal_id}")


def test_a_deal_that_is_not_evaluated_says_so(
    browser: FlaskClient, programme: Programme, supplier: Supplier
) -> None:
    payment = make_paid(programme, supplier)
    assert "아직 평가하지 않았습니다" in read(browser, f"/supply/deals/{payment.deal_id}")


def test_averages_are_by_service_with_one_decimal_half_up(programme: Programme, supplier: Supplier) -> None:
    payment = make_paid(programme, supplier)
    evaluated(payment)
    second = make_paid(programme, supplier, company=factories.make_company(programme_id=programme.id))
    second.deal.offering_id = payment.deal.offering_id
    db.session.commit()
    evaluated(second, POOR)
    seller = factories.make_actor(Role.SUPPLIER, supplier_id=supplier.id)
    [service] = evaluation_reads.averages_of_supplier(actor=seller)
    # 21 and 9 marks of ten criteria: 3.0; the first criterion (5 + 1) / 2.
    assert (service.count, service.average, service.criteria["서비스 품질"]) == (2, "3.0", "3.0")
    assert service.criteria["가격 적정성"] == "2.0" and service.criteria["사용 편의성"] == "3.0"


def test_the_list_is_filtered_by_service_and_day_and_goes_into_a_file(
    browser: FlaskClient, programme: Programme, supplier: Supplier
) -> None:
    with clock.at(datetime(2020, 10, 5, 10, tzinfo=clock.KST)):
        early = evaluated(make_paid(programme, supplier), comment="시월의 의견")
    with clock.at(datetime(2020, 11, 5, 10, tzinfo=clock.KST)):
        late = evaluated(make_paid(programme, supplier), comment="동짓달의 의견")
    page = read(browser, f"/supply/evaluations?service={early.offering_id}")
    assert "시월의 의견" in page and "동짓달의 의견" not in page
    page = read(browser, "/supply/evaluations?since=2020.11.01&until=2020.11.30")
    assert "시월의 의견" not in page and "동짓달의 의견" in page
    assert "시작일과 같거나" in read(browser, "/supply/evaluations?since=2020.11.02&until=2020.11.01")
    assert "조건에 맞는 평가가 없습니다" in read(browser, "/supply/evaluations?since=2020.12.01")
    content = browser.get(f"/supply/evaluations.xlsx?service={late.offering_id}").data
    rows = list(load_workbook(BytesIO(content)).worksheets[0].iter_rows(values_only=True))
    assert len(rows) == 2 and rows[1][-1] == "동짓달의 의견" and rows[1][4] == "4.2"


def test_another_supplier_sees_none_of_it(
    browser: FlaskClient, programme: Programme, supplier: Supplier
) -> None:
    foreign = evaluated(make_paid(programme, factories.make_supplier()))
    assert read(browser, f"/supply/evaluations/{foreign.id}", 404)
    assert f"/supply/evaluations/{foreign.id}" not in read(browser, "/supply/evaluations")
    stranger = factories.make_actor(Role.DEMAND, company_id=factories.make_company().id)
    deal = db.session.get_one(Deal, foreign.deal_id)
    db.session.commit()
    with pytest.raises(NotFound):
        evaluation_reads.of_deal(actor=stranger, deal=deal)
    with pytest.raises(Denied):
        evaluation_reads.of_supplier(actor=stranger)
    with pytest.raises(Denied):
        evaluation_reads.listing(actor=stranger)


def test_the_number_of_queries_does_not_grow_with_the_list(
    browser: FlaskClient, programme: Programme, supplier: Supplier
) -> None:
    seen: list[str] = []

    def count(*args: object) -> None:
        seen.append(str(args[2]))

    event.listen(db.engine, "before_cursor_execute", count)
    numbers = []
    for _ in range(3):
        evaluated(make_paid(programme, supplier))
        evaluated(make_paid(programme, supplier))
        seen.clear()
        read(browser, "/supply/evaluations")
        numbers.append(len(seen))
    event.remove(db.engine, "before_cursor_execute", count)
    assert numbers[1] == numbers[2]


def test_the_console_reads_them_and_finds_the_low_ones(
    officer: FlaskClient, programme: Programme, supplier: Supplier
) -> None:
    assert "조건에 맞는 평가가 없습니다" in read(officer, "/console/evaluations/")
    good = evaluated(make_paid(programme, supplier), comment="좋은 의견")
    poor = evaluated(make_paid(programme, supplier), POOR, comment="나쁜 의견")
    page = read(officer, "/console/evaluations/")
    assert f'<a href="/console/evaluations/{good.id}">' in page and "서비스별 평균" in page
    low = read(officer, "/console/evaluations/?score=low")
    assert "나쁜 의견" in low and "좋은 의견" not in low
    named = read(officer, f"/console/evaluations/?q={poor.deal.company.name}")
    assert "나쁜 의견" in named and "좋은 의견" not in named
    assert "나쁜 의견" in read(officer, f"/console/evaluations/{poor.id}")
    assert f"/console/evaluations/{good.id}" in read(officer, f"/console/deals/{good.deal_id}")
    rows = load_workbook(BytesIO(officer.get("/console/evaluations/?format=xlsx").data)).worksheets[0]
    assert rows.max_row == 3


def test_in_the_company_s_list_the_score_is_the_link(
    site: Flask, log_in_as: LogIn, programme: Programme, supplier: Supplier
) -> None:
    """As the manual has it: '해당 점수를 클릭하면 평가한 내역을 볼 수 있습니다'."""
    payment = make_paid(programme, supplier)
    found = evaluated(payment)
    company = log_in_as(factories.make_account(Role.DEMAND, company_id=payment.company_id))
    page = read(company, "/evaluations?tab=done")
    link = f'<a href="/evaluations/{found.id}">'
    assert "4.2" in page.split(link)[1].split("</a>")[0]
    assert link in read(company, f"/deals/{payment.deal_id}")


@pytest.mark.parametrize("role", ["kvoucher_app", "postgres"])
@pytest.mark.parametrize(
    "change", ["UPDATE evaluation SET quality = 5", "DELETE FROM evaluation", "TRUNCATE evaluation"]
)
def test_the_database_refuses_to_change_one(
    programme: Programme, supplier: Supplier, role: str, change: str
) -> None:
    """The application has no right to it, and its owner meets the guard."""
    evaluated(make_paid(programme, supplier))
    db.session.execute(text("RESET ROLE" if role == "postgres" else f"SET ROLE {role}"))
    db.session.commit()
    with pytest.raises(DBAPIError) as refused:
        db.session.execute(text(change))
    assert getattr(refused.value.orig, "sqlstate", "") in ("42501", "23001")
    db.session.rollback()
    assert db.session.query(Evaluation).count() == 1
