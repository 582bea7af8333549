"""현황판: its numbers lead to their lists, its charts stand beside tables (R-SCR-3, R-SCR-5, R-ROLE-3)."""

from __future__ import annotations

import html
import io
import re
from datetime import timedelta
from typing import Any

import openpyxl
import pytest
from sqlalchemy import event

from app import clock
from app.db import db
from app.models.applications import ApplicationState as State
from app.policy import Role
from app.workflows import applications, budget
from tests import factories as make

PAGE = "/console/dashboard/"
LEAD = (Role.PROGRAMME_MANAGER, Role.BUDGET_OFFICER, Role.AUDITOR)


def at_work(world: Any) -> None:
    """Something of everything: waiting, late, held, decided, sent back, confirmed, about to be lost; and one
    case at another agency."""
    world.case(agency_id=make.make_agency().id)
    reviewer, officer = world.staff[Role.REVIEWER].actor(), world.staff[Role.BUDGET_OFFICER].actor()
    now = clock.now()
    for back in (0, 3, 8, 30, 45):
        world.case(submitted_at=now - timedelta(days=back))
    mine = world.case(submitted_at=now - timedelta(days=40))
    held, rejected, returned, confirmed = world.case(), world.case(), world.case(), world.case()
    waiting = world.case()
    world.case(State.APPROVED, flagged_at=now)
    with_rounds = [mine, held, rejected, returned, confirmed, waiting]
    applications.rounds.enter([application.id for application in with_rounds])
    mine.assigned_to_id = reviewer.id
    db.session.commit()
    codes = ["address_differs", "clearance_expired"]
    applications.hold(actor=reviewer, application_id=held.id, reason="", codes=codes)
    applications.reject(actor=reviewer, application_id=rejected.id, reason="", codes=["tax_arrears"])
    for application in (returned, confirmed, waiting):
        applications.screen(actor=reviewer, application_id=application.id)
    budget.send_back(actor=officer, application_id=returned.id, reason="완납증명서를 다시 확인")
    voucher = budget.confirm_one(actor=officer, application_id=confirmed.id)
    voucher.first_payment_by = voucher.due_at = clock.end_of(clock.today() + timedelta(days=2))
    db.session.commit()


def links(page: str) -> list[tuple[str, int]]:
    """Every number of cases in the tables, with the address behind it."""
    found = re.findall(r"<td[^>]*><a href=\"([^\"]+)\">([\d,]+)건<", page)
    return [(html.unescape(url), int(number.replace(",", ""))) for url, number in found]


def listed(page: str) -> int:
    total = re.search(r"총 <strong>([\d,]+)</strong>건", page)
    return int(total[1].replace(",", "")) if total else page.count("<tr>") - 1


@pytest.mark.parametrize("role", [Role.MANAGER, *LEAD])
def test_every_number_leads_to_a_list_of_as_many(role: Role, world: Any, browser: Any) -> None:
    at_work(world)
    client = browser(role)
    found = links(client.get(f"{PAGE}?days=7").get_data(as_text=True))
    assert len(found) > (12 if role is Role.MANAGER else 30)
    wrong = []
    for url, number in dict.fromkeys(found):
        answer = client.get(url)
        if answer.status_code != 200 or listed(answer.get_data(as_text=True)) != number:
            wrong.append((url, number, answer.status_code, listed(answer.get_data(as_text=True))))
    assert wrong == []


def test_a_managers_page_shows_the_own_agency_alone(world: Any, browser: Any) -> None:
    """R-ROLE-2, whatever the address asks for."""
    at_work(world)
    other = make.make_agency(name="남의 운영기관")
    world.case(agency_id=other.id, submitted_at=clock.now() - timedelta(days=30))
    client = browser(Role.MANAGER)
    for address in (PAGE, f"{PAGE}?agency={other.id}", f"{PAGE}decisions?agency={other.id}"):
        page = client.get(address).get_data(as_text=True)
        assert other.name not in page
    assert f"심사: {world.agency.name}" in client.get(f"{PAGE}?agency={other.id}").get_data(as_text=True)
    assert "운영기관별 예산" not in client.get(PAGE).get_data(as_text=True)
    assert client.get(f"{PAGE}ending").status_code == 403


@pytest.mark.parametrize("role", LEAD)
def test_the_lead_agency_sees_the_agencies_side_by_side(role: Role, world: Any, browser: Any) -> None:
    other = make.make_agency(name="옆 운영기관")
    page = browser(role).get(PAGE).get_data(as_text=True)
    assert "운영기관별 심사 현황" in page and other.name in page and world.agency.name in page
    assert "심사원별 맡은 건" not in page
    one = browser(role).get(f"{PAGE}?agency={world.agency.id}").get_data(as_text=True)
    assert "심사원별 맡은 건" in one and "운영기관별 심사 현황" not in one


def test_finance_sees_sums_and_no_cases(world: Any, browser: Any) -> None:
    at_work(world)
    client = browser(Role.FINANCE_OFFICER)
    page = client.get(PAGE).get_data(as_text=True)
    assert "운영기관별 예산" in page and "대기 기간 분포" not in page
    assert not re.search(r'<main.*href="/console/(screening|case|budget/)', page, re.S)
    assert client.get(f"{PAGE}decisions").status_code == 403
    ending = client.get(f"{PAGE}ending").get_data(as_text=True)
    assert "회수될 금액" in ending and "/console/case/" not in ending


@pytest.mark.parametrize("role", [Role.REVIEWER, Role.SYSTEM_ADMIN])
def test_it_is_no_page_for_others(role: Role, browser: Any) -> None:
    client = browser(role)
    assert client.get(PAGE).status_code == 403
    assert PAGE not in client.get("/console/").get_data(as_text=True)


def test_every_chart_has_its_table_and_its_file(world: Any, browser: Any) -> None:
    at_work(world)
    client = browser(Role.PROGRAMME_MANAGER)
    page = client.get(f"{PAGE}?days=7").get_data(as_text=True)
    blocks = re.findall(r"<section class=\"kv-block.*?</section>", page, re.S)
    assert len(blocks) == 12
    for block in blocks:
        title = re.search(r"<h2 id=\"block-(\w+)\">([^<]+)</h2>", block)
        assert title and block.count("<table") == block.count("<caption") == 1, block[:200]
        for picture in re.findall(r"<svg class=\"kv-chart__picture\".*?</svg>", block, re.S):
            assert f'<title id="chart-{title[1]}-title">{title[2]}</title>' in picture
            assert re.search(r"<desc [^>]+>[^<]+\d[^<]*</desc>", picture)
        export = re.search(r"href=\"([^\"]+format=xlsx)\"", block)
        assert export, title[2]
        answer = client.get(html.unescape(export[1]))
        sheet = openpyxl.load_workbook(io.BytesIO(answer.data)).active
        heads = [cell.value for cell in next(sheet.iter_rows(max_row=1))]
        shown = re.findall(r"<th scope=\"col\"[^>]*>([^<]+)</th>", block)
        assert heads == shown
        assert sheet.max_row - 1 == block.count('<th scope="row"')
    ids = re.findall(r'\sid="([^"]+)"', page)
    assert len(ids) == len(set(ids))


def test_a_file_of_no_table_is_unknown(browser: Any) -> None:
    assert browser(Role.MANAGER).get(f"{PAGE}?table=none&format=xlsx").status_code == 404


def test_the_period_stays_in_the_address(world: Any, browser: Any) -> None:
    at_work(world)
    client = browser(Role.MANAGER)
    page = client.get(f"{PAGE}?days=90").get_data(as_text=True)
    assert "최근 90일의 처리 결과" in page and "days=90" in page
    assert "최근 30일의 처리 결과" in client.get(f"{PAGE}?days=12").get_data(as_text=True)


def test_the_list_of_decisions_says_what_why_and_who(world: Any, browser: Any) -> None:
    at_work(world)
    client = browser(Role.MANAGER)
    page = client.get(f"{PAGE}decisions?decision=hold").get_data(as_text=True)
    assert "주소가 서류와 다릅니다. 국세·지방세 완납증명서의 유효기간이 지났습니다." in page
    assert world.staff[Role.REVIEWER].name in page
    assert "완납증명서를 다시 확인" in client.get(f"{PAGE}decisions?returned=1").get_data(as_text=True)
    file = client.get(f"{PAGE}decisions?decision=hold&format=csv").data.decode("utf-8-sig")
    assert file.count("\r\n") == 2
    empty = client.get(f"{PAGE}decisions?code=none&decision=hold").get_data(as_text=True)
    assert "조건에 맞는 처리 내역이 없습니다" in empty


def test_the_home_names_what_is_urgent(world: Any, browser: Any) -> None:
    at_work(world)
    manager = browser(Role.MANAGER).get("/console/").get_data(as_text=True)
    assert re.search(r"약속한 기간을 넘긴 심사</a></p>\s*<p class=\"kv-stat__value\">3건", manager)
    assert "담당이 없는 심사" in manager
    assert "담당이 없는 심사" not in browser(Role.REVIEWER).get("/console/").get_data(as_text=True)
    officer = browser(Role.BUDGET_OFFICER).get("/console/").get_data(as_text=True)
    assert re.search(
        r"7일 안에 첫 결제 기한이 끝나는 기업</a></p>\s*<p class=\"kv-stat__value\">1건", officer
    )


@pytest.mark.parametrize("role", [Role.MANAGER, Role.PROGRAMME_MANAGER])
def test_it_asks_as_often_whatever_there_is_to_count(role: Role, world: Any, browser: Any) -> None:
    def queries() -> int:
        counted: list[str] = []
        listener = lambda *args: counted.append(args[2])  # noqa: E731
        event.listen(db.engine, "before_cursor_execute", listener)
        assert browser(role).get(PAGE).status_code == 200
        event.remove(db.engine, "before_cursor_execute", listener)
        db.session.expire_all()
        return len(counted)

    at_work(world)
    queries()
    few = queries()
    at_work(world)
    make.make_account(Role.REVIEWER, agency_id=world.agency.id)
    db.session.commit()
    queries()
    assert queries() == few
