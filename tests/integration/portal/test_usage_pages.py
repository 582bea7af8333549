"""이용실적: the supplier's list, form and file, and what the other side and the console see (R-SET-1a)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime
from io import BytesIO
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from openpyxl import load_workbook
from sqlalchemy import event, select

from app import clock
from app.db import db
from app.models.catalogue import Supplier
from app.models.deals import Deal
from app.models.people import Account
from app.models.programme import Programme
from app.models.usage import UsageReport
from app.policy import Role
from tests import factories, settled
from tests.integration.portal.buying import hidden, path_of

LogIn = Callable[[Account], FlaskClient]
NOW = datetime(2020, 11, 16, 9, 0, tzinfo=clock.KST)


@pytest.fixture(autouse=True)
def _in_november(site: Flask) -> Iterator[None]:
    with clock.at(NOW):
        yield


@pytest.fixture
def supplier(site: Flask) -> Supplier:
    return factories.make_supplier()


@pytest.fixture
def programme(site: Flask) -> Programme:
    return factories.make_programme()


@pytest.fixture
def seller(supplier: Supplier, log_in_as: LogIn) -> FlaskClient:
    return log_in_as(factories.make_account(Role.SUPPLIER, supplier_id=supplier.id))


@pytest.fixture
def deal(programme: Programme, supplier: Supplier) -> Deal:
    return paid(programme, supplier)


def paid(programme: Programme, supplier: Supplier, month: int = 9) -> Deal:
    at = datetime(2020, month, 10, 14, 0, tzinfo=clock.KST)
    payment = settled.make_paid(programme, supplier, 300_000, paid_at=at)
    return db.session.get_one(Deal, payment.deal_id)


def read(browser: FlaskClient, address: str, status: int = 200) -> str:
    answer = browser.get(address)
    assert answer.status_code == status, answer.text[:2000]
    return answer.text


def sheet(content: bytes) -> list[tuple[Any, ...]]:
    return list(load_workbook(BytesIO(content)).worksheets[0].iter_rows(values_only=True))


def send(browser: FlaskClient, deal: Deal, **changed: str) -> Any:
    said = {"month": "2020-10", "logins": "1,200", "last_used_on": "2020.10.30"} | changed
    return browser.post(f"/supply/usage/{deal.id}", data=said)


def upload(browser: FlaskClient, text: str, name: str = "실적.csv") -> Any:
    content = f"거래번호,이용월,로그인 횟수,마지막 이용일\n{text}".encode("cp949")
    return browser.post("/supply/usage/file", data={"file": (BytesIO(content), name)})


def test_the_home_names_what_is_due(seller: FlaskClient, deal: Deal) -> None:
    page = read(seller, "/supply")
    assert "미제출한 이용실적 2건을 제출해 주세요. 가장 오래된 것은 2020년 9월입니다." in page
    assert "/supply/usage?month=2020-09&amp;only=missing" in page
    send(seller, deal, month="2020-09", last_used_on="2020.09.30")
    assert "2020년 10월 이용실적 1건을 제출해 주세요." in read(seller, "/supply")


def test_the_list_opens_at_the_latest_month_that_is_lacking(seller: FlaskClient, deal: Deal) -> None:
    page = read(seller, "/supply/usage")
    assert "2020년 10월 (미제출 1건)" in page and f"/supply/usage/{deal.id}?month=2020-10" in page
    assert "2020년 9월 1건" in page  # and says what else is
    assert "제출 전" in read(seller, "/supply/usage?month=2020-11")
    assert "미제출한 거래가 없습니다" in read(seller, "/supply/usage?month=2020-11&only=missing")
    assert "2020년 10월 거래" in read(seller, "/supply/usage?month=1999-13")


def test_without_a_paid_deal_the_list_says_what_to_do(seller: FlaskClient) -> None:
    assert "수요기업이 결제하면 여기에 나타납니다" in read(seller, "/supply/usage")
    assert "이용실적" not in read(seller, "/supply").split("다음 할 일")[1].split("</section>")[0]


def test_a_month_is_reported_by_form(seller: FlaskClient, deal: Deal) -> None:
    page = read(seller, f"/supply/usage/{deal.id}")  # opens at the first month that is lacking
    assert '<option selected value="2020-09">2020년 9월 (미제출)</option>' in page
    assert path_of(send(seller, deal)) == "/supply/usage?month=2020-10"
    row = db.session.scalars(select(UsageReport)).one()
    assert (row.month, row.logins, row.last_used_on) == (date(2020, 10, 1), 1200, date(2020, 10, 30))
    page = read(seller, "/supply/usage?month=2020-10")
    assert "1,200회" in page and "고치기" in page
    assert "1,200" in read(seller, f"/supply/usage/{deal.id}?month=2020-10")
    send(seller, deal)
    assert "바뀐 것이 없습니다" in read(seller, "/supply/usage")


@pytest.mark.parametrize(
    "changed, words",
    [
        ({"logins": ""}, "로그인 횟수를 입력해 주세요."),
        ({"logins": "-3"}, "0 이상의 정수로 입력해 주세요."),
        ({"logins": "1.5"}, "0 이상의 정수로 입력해 주세요."),
        ({"logins": "2,000,000"}, "0에서 1,000,000 사이"),
        ({"last_used_on": ""}, "마지막 이용일도 입력해 주세요."),
        ({"last_used_on": "2020.11.01"}, "2020년 10월 안의 날짜"),
        ({"logins": "0"}, "0이면 마지막 이용일을 비워"),
    ],
)
def test_what_is_wrong_is_said_and_what_was_typed_stays(
    seller: FlaskClient, deal: Deal, changed: dict[str, str], words: str
) -> None:
    answer = send(seller, deal, **changed)
    assert answer.status_code == 422 and words in answer.text
    assert all(f'value="{typed}"' in answer.text for typed in changed.values() if typed)
    assert db.session.query(UsageReport).count() == 0


def test_a_file_is_previewed_and_then_taken_in_as_one(seller: FlaskClient, deal: Deal) -> None:
    send(seller, deal)
    rows = f"{deal.id},2020-10,800,2020-10-30\n{deal.id},2020-09,0,\n{deal.id},2020-12,1,2020-12-01\n"
    address = path_of(upload(seller, rows))
    page = read(seller, address)
    for words in ("실적.csv", "2건 제출", "줄어듦", "아직 오지 않은 달입니다.", "거절된 1건을 빼고"):
        assert words in page, words
    refused = sheet(seller.get(f"{address}/refused.xlsx").data)
    assert refused[1] == (4, "이용월", "아직 오지 않은 달입니다.")
    assert db.session.query(UsageReport).count() == 1  # a preview writes nothing
    seen = {"digest": hidden(page, "digest")}
    assert "제출할까요?" in seller.post(address, data=seen).text
    assert db.session.query(UsageReport).count() == 1  # nor does the question
    assert path_of(seller.post(address, data=seen | {"confirmed": "1"})) == "/supply/usage"
    assert "새로 제출 1건, 고침 1건" in read(seller, "/supply/usage")
    assert "제출할 것이 없습니다" in read(seller, address)


def test_a_preview_is_its_suppliers_alone(seller: FlaskClient, deal: Deal, log_in_as: LogIn) -> None:
    address = path_of(upload(seller, f"{deal.id},2020-10,800,2020-10-30"))
    stranger = log_in_as(factories.make_account(Role.SUPPLIER))
    for path in (address, f"{address}/refused.xlsx", "/supply/usage/file/nonsense"):
        assert "파일을 다시 올려 주세요" in read(stranger, path, 404)
    assert stranger.post(address, data={"confirmed": "1"}).status_code == 404


def test_nothing_is_taken_in_that_was_not_shown(seller: FlaskClient, deal: Deal) -> None:
    address = path_of(upload(seller, f"{deal.id},2020-10,800,2020-10-30"))
    assert path_of(seller.post(address, data={"digest": "x", "confirmed": "1"})) == address
    assert "미리보기를 다시 확인해 주세요" in read(seller, address)
    assert db.session.query(UsageReport).count() == 0


def test_a_file_that_is_none_is_refused_at_its_field(seller: FlaskClient) -> None:
    answer = seller.post("/supply/usage/file", data={"file": (BytesIO(b"\x00\x01"), "a.xlsx")})
    assert answer.status_code == 422 and "CSV 파일(UTF-8, CP949)" in answer.text
    assert "선택해 주세요" in seller.post("/supply/usage/file", data={}).text


def test_the_template_filled_comes_back_good(
    seller: FlaskClient, deal: Deal, programme: Programme, supplier: Supplier
) -> None:
    """Left as it was it changes nothing: what was reported is in it, what was not is skipped."""
    other = paid(programme, supplier)
    send(seller, deal)
    content = seller.get("/supply/usage/template.xlsx?month=2020-10").data
    heading, *rows = sheet(content)
    assert heading[:4] == ("거래번호", "이용월", "로그인 횟수", "마지막 이용일")
    assert [row[0] for row in rows] == [str(other.id), str(deal.id)]
    assert rows[1][1:3] == ("2020-10", 1200) and rows[0][2] is None
    answer = seller.post("/supply/usage/file", data={"file": (BytesIO(content), "양식.xlsx")})
    assert "이미 제출한 이용실적과 같습니다" in read(seller, path_of(answer))
    book = load_workbook(BytesIO(content))
    book.worksheets[0]["C2"], book.worksheets[0]["D2"] = 5, date(2020, 10, 7)
    out = BytesIO()
    book.save(out)
    out.seek(0)
    answer = seller.post("/supply/usage/file", data={"file": (out, "양식.xlsx")})
    assert "1건 제출" in read(seller, path_of(answer))


def test_whatever_is_lacking_is_one_template(seller: FlaskClient, deal: Deal) -> None:
    assert "미제출 2건을 한 파일로" in read(seller, "/supply/usage/file")
    _heading, *rows = sheet(seller.get("/supply/usage/template.xlsx?only=missing").data)
    assert [row[:3] for row in rows] == [(str(deal.id), f"2020-{month}", None) for month in ("09", "10")]


def test_the_months_table_as_a_file(seller: FlaskClient, deal: Deal) -> None:
    send(seller, deal)
    rows = sheet(seller.get("/supply/usage.xlsx?month=2020-10").data)
    assert rows[1][0] == deal.id and rows[1][7:9] == ("제출", 1200)
    assert len(sheet(seller.get("/supply/usage.xlsx?month=2020-10&only=missing").data)) == 1


def test_anothers_deal_is_not_there(seller: FlaskClient, programme: Programme) -> None:
    deal = paid(programme, factories.make_supplier())
    read(seller, f"/supply/usage/{deal.id}", 404)
    assert send(seller, deal).status_code == 404


def test_the_company_and_the_console_see_it(seller: FlaskClient, deal: Deal, log_in_as: LogIn) -> None:
    company = log_in_as(factories.make_account(Role.DEMAND, company_id=deal.company_id))
    console = log_in_as(factories.make_account(Role.AUDITOR))
    assert "아직 제출한 이용실적이 없습니다." in read(company, f"/deals/{deal.id}")
    send(seller, deal)
    for page in (read(company, f"/deals/{deal.id}"), read(console, f"/console/deals/{deal.id}")):
        assert "모두 1,200회 로그인했고, 마지막 이용일은 2020.10.30.입니다." in page
        assert "미제출" in page  # September
    assert "1,200회" in read(company, "/evaluations")
    assert company.get("/supply/usage").status_code == 403


def test_the_list_asks_as_often_whatever_its_length(
    seller: FlaskClient, programme: Programme, supplier: Supplier
) -> None:
    def queries() -> int:
        run: list[str] = []
        listen = lambda *args: run.append(args[2])  # noqa: E731
        event.listen(db.engine, "before_cursor_execute", listen)
        for address in ("/supply/usage?month=2020-10", "/supply"):
            read(seller, address)
        event.remove(db.engine, "before_cursor_execute", listen)
        return len(run)

    paid(programme, supplier)
    few = queries()
    for _ in range(8):
        paid(programme, supplier)
    assert queries() == few
