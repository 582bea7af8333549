"""예산확정 singly and in bulk, 예산 현황, 예산포기, 반입 (R-SCR-4, R-SCR-3c, R-ROLE-4, R-KST-1)."""

from __future__ import annotations

import io
from typing import Any

from sqlalchemy import select

from app.db import db
from app.models.applications import ApplicationState as State
from app.models.companies import Company
from app.models.intake import IntakeFile
from app.models.numbers import complete_business_number
from app.models.vouchers import Voucher, VoucherState
from app.policy import Role
from app.workflows import budget, budget_overview, vouchers
from app.workflows.intake_rows import COLUMNS
from tests import factories as make

HEADINGS = ",".join(COLUMNS.values())


def _voucher(application: Any) -> Voucher | None:
    return db.session.scalar(select(Voucher).where(Voucher.company_id == application.company_id))


def test_one_is_confirmed_from_its_case(world: Any, browser: Any) -> None:
    application = world.case(State.SCREENED)
    client = browser(Role.BUDGET_OFFICER)
    address = f"/console/case/{application.id}/approve"
    assert "예산확정할까요" in client.post(address).get_data(as_text=True)
    assert application.state is State.SCREENED
    client.post(address, data={"confirmed": "1"})
    assert application.state is State.APPROVED
    found = _voucher(application)
    assert found is not None and found.granted == 4_000_000


def test_one_is_confirmed_from_the_list_and_leads_back_to_it(world: Any, browser: Any) -> None:
    application = world.case(State.SCREENED)
    client = browser(Role.BUDGET_OFFICER)
    address = f"/console/case/{application.id}/approve"
    assert f'formaction="{address}"' in client.get("/console/budget/").get_data(as_text=True)
    answer = client.post(address, data={"confirmed": "1", "back": "/console/budget/"})
    assert answer.headers["Location"] == "/console/budget/" and application.state is State.APPROVED


def test_it_goes_back_with_a_reason(world: Any, browser: Any) -> None:
    application = world.case(State.SCREENED)
    address = f"/console/case/{application.id}/send_back"
    browser(Role.BUDGET_OFFICER).post(address, data={"confirmed": "1", "reason": "서류를 다시 확인"})
    assert application.state is State.SCREENING and application.reason == "서류를 다시 확인"


def test_the_overview_adds_up_and_allocates_once_for_one_form(world: Any, browser: Any, said: Any) -> None:
    client = browser(Role.BUDGET_OFFICER)
    page = client.get("/console/budgets/").get_data(as_text=True)
    assert "50,000,000원" in page
    data = {"allocate-agency_id": world.agency.id, "allocate-amount": "1,200,000", "allocate-key": "once"}
    assert "배정할까요" in client.post("/console/budgets/allocate", data=data).get_data(as_text=True)
    data["confirmed"] = "1"
    text = said(client, "/console/budgets/allocate", data=data)
    assert "51,200,000원" in text or "운영기관" in text
    said(client, "/console/budgets/allocate", data=data)
    lines = budget_overview.overview(actor=world.staff[Role.AUDITOR].actor(), programme_id=world.programme.id)
    assert [line.allocated for line in lines] == [51_200_000]


def test_more_than_there_is_is_refused_in_the_form(world: Any, browser: Any) -> None:
    data = {"allocate-agency_id": world.agency.id, "allocate-amount": "900,000,000", "allocate-key": "big"}
    data["confirmed"] = "1"
    answer = browser(Role.BUDGET_OFFICER).post("/console/budgets/allocate", data=data)
    assert answer.status_code == 422
    assert "잔액이 부족" in answer.get_data(as_text=True)
    assert "900,000,000" in answer.get_data(as_text=True)  # what was typed is kept


def test_a_waiver_is_approved_or_declined(world: Any, browser: Any, said: Any) -> None:
    """R-VOU-2"""
    for verb, expected in (("approve", VoucherState.WAIVED), ("decline", VoucherState.USABLE)):
        application = world.case(State.SCREENED)
        officer = world.staff[Role.BUDGET_OFFICER].actor()
        found = budget.confirm_one(actor=officer, application_id=application.id)
        demand = make.make_account(Role.DEMAND, company_id=application.company_id).actor()
        vouchers.request_waiver(actor=demand, reason="쓸 일이 없음")
        client = browser(Role.BUDGET_OFFICER)
        assert application.company.name in client.get("/console/waivers/").get_data(as_text=True)
        said(client, f"/console/waivers/{found.id}/{verb}", data={"confirmed": "1", "reason": "사유"})
        assert found.state is expected


def _file(world: Any, *rows: str) -> dict[str, Any]:
    content = "\n".join([HEADINGS, *rows]).encode("cp949")
    return {"file": (io.BytesIO(content), "선정기업.csv")}


def test_a_file_is_previewed_confirmed_and_counted(world: Any, browser: Any, said: Any) -> None:
    """R-KST-1: the preview names each refused row; a second import changes nothing."""
    number = complete_business_number("777000001")
    good = (
        f"kst-good,㈜선정기업,법인,{number},김선정,01055556666,kst@example.kr,{world.agency.name},2020-11-02,"
    )
    client = browser(Role.BUDGET_OFFICER)
    page = said(client, "/console/intake/", data=_file(world, good, good.replace("김선정", "=1+1")))
    assert "1건 반영" in page and '<td class="kv-align--end">3</td>' in page and "대표자명" in page
    seen = db.session.scalars(select(IntakeFile).order_by(IntakeFile.id.desc())).first()
    address = f"/console/intake/{seen.id}"
    assert client.get(f"{address}?format=xlsx").data[:2] == b"PK"
    assert "반영할까요" in client.post(f"{address}/confirm").get_data(as_text=True)
    assert _company(number) is None
    for _ in range(2):
        text = said(client, f"{address}/confirm", data={"confirmed": "1"})
        assert "반입 결과" in text
    assert _company(number).name == "㈜선정기업"
    assert "선정기업.csv" in client.get("/console/intake/").get_data(as_text=True)


def _company(number: str) -> Company | None:
    return db.session.scalar(select(Company).where(Company.business_number == number))


def test_a_file_of_another_kind_is_refused(world: Any, browser: Any) -> None:
    answer = browser(Role.BUDGET_OFFICER).post(
        "/console/intake/", data={"file": (io.BytesIO(b"\x00\x01\x02"), "x.xlsx")}
    )
    assert answer.status_code == 422
    assert "kv-error-summary" in answer.get_data(as_text=True)
