"""예산포기 in the lead agency's console: the list, the decision, what was decided (R-VOU-2)."""

from __future__ import annotations

from datetime import datetime, timedelta
from io import BytesIO
from typing import Any

import pytest
from openpyxl import load_workbook

from app import clock
from app.db import db
from app.models.applications import ApplicationState as State
from app.models.ledger import LedgerAccount
from app.models.vouchers import Voucher, VoucherState
from app.policy import Role
from app.workflows import budget, ledger, vouchers, waiver_reads
from tests import factories as make

MONDAY = datetime(2020, 11, 16, 9, 0, tzinfo=clock.KST)


def asked(world: Any, reason: str = "올해는 쓸 일이 없습니다.") -> Voucher:
    application = world.case(State.SCREENED)
    officer = world.staff[Role.BUDGET_OFFICER].actor()
    budget.confirm_one(actor=officer, application_id=application.id)
    person = make.make_account(Role.DEMAND, company_id=application.company_id).actor()
    db.session.commit()
    return vouchers.request_waiver(actor=person, reason=reason)


def test_the_oldest_request_comes_first_with_its_age_and_what_returns(world: Any, browser: Any) -> None:
    with clock.at(MONDAY + timedelta(days=3)):
        later = asked(world, "나중에 신청")
    with clock.at(MONDAY):
        earlier = asked(world, "먼저 신청")
    with clock.at(MONDAY + timedelta(days=7)):
        page = browser(Role.BUDGET_OFFICER).get("/console/waivers/").get_data(as_text=True)
    assert page.index("먼저 신청") < page.index("나중에 신청")
    assert "5일" in page and "2일" in page  # business days: a weekend lies between
    assert page.count("4,000,000원") >= 4 and earlier.company.agency.name in page
    assert later.company.name in page


def test_the_list_pages_on_in_the_order_of_the_requests(world: Any, browser: Any) -> None:
    names = []
    for day in (5, 1, 3):
        with clock.at(MONDAY + timedelta(days=day)):
            names.append(asked(world).company.name)
    auditor = world.staff[Role.AUDITOR].actor()
    seen: list[str] = []
    place = None
    while found := waiver_reads.waiting(actor=auditor, after=place, size=1):
        seen, place = [*seen, found[0].company.name], found[0].id
    assert seen == [names[1], names[2], names[0]]
    page = browser(Role.AUDITOR).get("/console/waivers/").get_data(as_text=True)
    assert sorted(names, key=page.index) == seen
    assert "승인</button>" not in page  # who reads decides nothing


def test_search_and_export(world: Any, browser: Any) -> None:
    one, two = asked(world), asked(world)
    client = browser(Role.PROGRAMME_MANAGER)
    page = client.get(f"/console/waivers/?q={one.company.business_number}").get_data(as_text=True)
    assert one.company.name in page and two.company.name not in page
    answer = client.get("/console/waivers/?format=xlsx")
    sheet = load_workbook(BytesIO(answer.data)).active
    rows = [list(row) for row in sheet.iter_rows(values_only=True)]
    assert {one.company.name, two.company.name} <= {str(row[0]) for row in rows}
    assert any(4_000_000 in row for row in rows)


@pytest.mark.parametrize(("verb", "label"), [("approve", "승인"), ("decline", "반려")])
def test_a_decision_asks_first_is_made_once_and_stays_to_be_read(
    world: Any, browser: Any, said: Any, verb: str, label: str
) -> None:
    voucher = asked(world, "폐업 예정입니다.")
    before = ledger.balance(LedgerAccount.AGENCY_BUDGET, voucher.agency_budget_id)
    client = browser(Role.BUDGET_OFFICER)
    address = f"/console/waivers/{voucher.id}/{verb}"
    assert "할까요?" in client.post(address).get_data(as_text=True)
    assert voucher.waiver_requested_at is not None and voucher.state is VoucherState.USABLE
    form = {"confirmed": "1", "reason": "전화로 확인했습니다."}
    done = said(client, address, data=form)
    assert ("예산포기를 승인했습니다." if verb == "approve" else "예산포기 요청을 반려했습니다.") in done
    again = said(client, address, data=form)
    assert "예산포기 신청이 없는 바우처입니다" in again
    returned = ledger.balance(LedgerAccount.AGENCY_BUDGET, voucher.agency_budget_id) - before
    assert returned == (3_600_000 if verb == "approve" else 0)
    assert ledger.verify() == []
    assert voucher.company.name not in client.get("/console/waivers/").get_data(as_text=True)
    page = client.get("/console/waivers/decided").get_data(as_text=True)
    assert voucher.company.name in page and label in page
    assert ("폐업 예정입니다." if verb == "approve" else "전화로 확인했습니다.") in page
    assert page.count("<tr") == 2  # the heading, and one decision however often it was pressed
    assert ("4,000,000원" in page) == (verb == "approve")
    sheet = load_workbook(BytesIO(client.get("/console/waivers/decided?format=xlsx").data)).active
    assert voucher.company.name in str(list(sheet.iter_rows(values_only=True)))


def test_a_refusal_needs_its_reason(world: Any, browser: Any) -> None:
    voucher = asked(world)
    answer = browser(Role.BUDGET_OFFICER).post(
        f"/console/waivers/{voucher.id}/decline", data={"confirmed": "1", "reason": "  "}
    )
    assert "사유를 입력해 주세요." in answer.get_data(as_text=True)
    assert voucher.waiver_requested_at is not None


@pytest.mark.parametrize("role", [Role.FINANCE_OFFICER, Role.AUDITOR, Role.REVIEWER])
def test_who_does_not_close_vouchers_cannot(world: Any, browser: Any, role: Role) -> None:
    voucher = asked(world)
    answer = browser(role).post(f"/console/waivers/{voucher.id}/approve", data={"confirmed": "1"})
    assert answer.status_code in (403, 404)
    assert voucher.state is VoucherState.USABLE


def test_amounts_open_into_their_parts(world: Any, browser: Any) -> None:
    """R-MONEY-2b: only the government's part returns to the budget."""
    voucher = asked(world)
    client = browser(Role.BUDGET_OFFICER)
    page = client.get("/console/waivers/").get_data(as_text=True)
    assert "계산 보기" in page and "정부 지원금 3,600,000원이 예산으로 돌아가고" in page
    vouchers.approve_waiver(actor=world.staff[Role.BUDGET_OFFICER].actor(), voucher_id=voucher.id)
    page = client.get("/console/waivers/decided").get_data(as_text=True)
    assert "3,600,000원" in page and "400,000원" in page and "4,000,000원" in page
