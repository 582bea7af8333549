"""The queue and the case (R-SCR-3, R-SCR-3a, R-SCR-3b, R-ROLE-2)."""

from __future__ import annotations

import re
from typing import Any

import pytest
from sqlalchemy import event

from app import clock
from app.db import db
from app.models.applications import ApplicationState as State
from app.models.applications import CaseView, ScreeningRound
from app.models.companies import Document, DocumentKind
from app.models.record import AuditRow
from app.policy import Role
from app.workflows import attachments
from tests import factories as make

CASE = "/console/case"
PDF = b"%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n"


def _document(application: Any) -> Document:
    incoming = attachments.take_in(file_name="사업자등록증.pdf", content=PDF)
    kind = DocumentKind.BUSINESS_REGISTRATION
    document, _ = attachments.attach(incoming, kind=kind, company_id=application.company_id)
    db.session.commit()
    return document


def test_the_queue_lists_the_own_agency_oldest_first_with_its_waiting_time(world: Any, browser: Any) -> None:
    now = clock.now()
    late = world.case(submitted_at=now)
    early = world.case(submitted_at=now - clock.timedelta(days=14))
    foreign = world.case(agency_id=make.make_agency().id)
    text = browser(Role.REVIEWER).get("/console/screening/").get_data(as_text=True)
    assert text.index(early.receipt_number) < text.index(late.receipt_number)
    assert foreign.receipt_number not in text
    assert "영업일 " in text
    assert early.company.representative not in text  # masked in lists (R-AUD-1)


def test_the_lead_agency_sees_all_and_decides_nothing(world: Any, browser: Any) -> None:
    foreign = world.case(agency_id=make.make_agency().id)
    client = browser(Role.BUDGET_OFFICER)
    assert foreign.receipt_number in client.get("/console/screening/?state=all").get_data(as_text=True)
    page = client.get(f"{CASE}/{foreign.id}").get_data(as_text=True)
    assert "지금 할 수 있는 처리가 없습니다" in page
    assert client.post(f"{CASE}/{foreign.id}/screen").status_code == 403
    assert foreign.state is State.SCREENING


@pytest.mark.parametrize("field", ["name", "representative", "business_number"])
def test_a_search_finds_by_name_number_and_representative(field: str, world: Any, browser: Any) -> None:
    wanted, other = world.case(), world.case()
    value = getattr(wanted.company, field)
    text = browser(Role.REVIEWER).get(f"/console/screening/?q={value}").get_data(as_text=True)
    assert wanted.receipt_number in text
    assert f">{other.receipt_number}<" not in text


def test_the_queue_goes_on_by_keyset_and_keeps_its_filter(world: Any, browser: Any) -> None:
    cases = [world.case(submitted_at=clock.now() + clock.timedelta(seconds=n)) for n in range(12)]
    client = browser(Role.REVIEWER)
    first = client.get("/console/screening/?state=screening&size=10").get_data(as_text=True)
    onward = re.search(r'href="([^"]*)" rel="next"', first)
    assert onward and f"-{cases[9].id}" in onward[1] and "state=screening" in onward[1]
    second = client.get(onward[1].replace("&amp;", "&")).get_data(as_text=True)
    assert cases[10].receipt_number in second and cases[9].receipt_number not in second
    assert 'rel="next"' not in second


def test_the_queue_asks_as_often_whatever_its_length(world: Any, browser: Any) -> None:
    def queries() -> int:
        counted: list[str] = []
        listener = lambda *args: counted.append(args[2])  # noqa: E731
        event.listen(db.engine, "before_cursor_execute", listener)
        browser(Role.REVIEWER).get("/console/screening/?size=50")
        event.remove(db.engine, "before_cursor_execute", listener)
        db.session.expire_all()
        return len(counted)

    world.case()
    queries()
    few = queries()
    for _ in range(20):
        world.case()
    queries()
    assert queries() == few


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("", "심사를 기다리는 신청이 없습니다"),
        ("?state=approved", "이 상태의 신청이 없습니다"),
        ("?q=없는이름", "검색어나 조건을 줄여 다시 조회해 주세요"),
        ("?late=1", "조건에 맞는 신청이 없습니다"),
    ],
)
def test_an_empty_queue_says_what_to_do(address: str, words: str, world: Any, browser: Any) -> None:
    page = browser(Role.REVIEWER).get(f"/console/screening/{address}").get_data(as_text=True)
    assert words in page and 'class="krds-btn secondary medium" href="' in page


def test_a_row_says_what_is_special_about_its_case(world: Any, browser: Any) -> None:
    """Marks in words, never by colour alone."""
    case = world.case(submitted_at=clock.now() - clock.timedelta(days=60), flagged_at=clock.now())
    case.company.tax_office_state = None
    made = {"agency_id": case.agency_id, "programme_id": case.programme_id, "entered_at": clock.now()}
    db.session.add(ScreeningRound(application_id=case.id, number=2, **made))
    other = world.staff[Role.MANAGER]
    db.session.add(CaseView(application_id=case.id, account_id=other.id, seen_at=clock.real_now()))
    db.session.commit()
    page = browser(Role.REVIEWER).get("/console/screening/").get_data(as_text=True)
    for words in ("변경 확인", "재심사", "국세청 미확인", "기한 지남", f"열람 중: {other.name}"):
        assert words in page
    case.company.tax_office_state = "폐업자"
    db.session.commit()
    page = browser(Role.REVIEWER).get("/console/screening/").get_data(as_text=True)
    assert "폐업자" in page and "국세청 미확인" not in page


def test_buttons_follow_what_a_person_may_do(world: Any, browser: Any) -> None:
    """R-ROLE-3, R-SCR-3c"""
    world.case()
    bulk, take, assign = "선택한 건 심사확정", "내가 맡기", "배정 미리 보기"
    seen = {
        role: browser(role).get("/console/screening/").get_data(as_text=True)
        for role in (Role.REVIEWER, Role.MANAGER, Role.BUDGET_OFFICER)
    }
    assert [word in seen[Role.REVIEWER] for word in (take, bulk, assign)] == [True, False, False]
    assert [word in seen[Role.MANAGER] for word in (take, bulk, assign)] == [True, True, True]
    assert [word in seen[Role.BUDGET_OFFICER] for word in (take, bulk, assign)] == [False, False, False]
    assert 'name="everything"' in seen[Role.MANAGER] and 'name="everything"' not in seen[Role.REVIEWER]


def test_what_acts_on_all_that_match_carries_the_filters(world: Any, browser: Any) -> None:
    """R-SCR-3c"""
    case = world.case()
    name = case.company.name
    page = browser(Role.MANAGER).get(f"/console/screening/?q={name}&kind=corporate").get_data(as_text=True)
    form = page[page.index('id="queue-form"') :]
    assert f'name="q" value="{name}"' in form and 'name="kind" value="corporate"' in form
    assert "조건에 맞는 전체 (1건)" in form


def test_ticked_cases_are_taken_each_for_itself(world: Any, browser: Any, said: Any) -> None:
    """R-SCR-3b: what is in other hands stays there, and the page says so."""
    free, foreign = world.case(), world.case(agency_id=make.make_agency().id)
    held = world.case(assigned_to_id=world.staff[Role.MANAGER].id)
    client = browser(Role.REVIEWER)
    ticks = {"id": [free.id, held.id, foreign.id], "state": "screening", "q": "주식"}
    answer = client.post("/console/screening/take", data=ticks)
    assert answer.headers["Location"].startswith("/console/screening/?state=screening&q=")
    page = client.get(answer.headers["Location"]).get_data(as_text=True)
    assert "1건을 맡았습니다" in page and "2건은 맡지 못했습니다" in page
    assert free.assigned_to_id == world.staff[Role.REVIEWER].id
    assert held.assigned_to_id == world.staff[Role.MANAGER].id and foreign.assigned_to_id is None
    assert "맡을 건을 선택해 주세요" in said(client, "/console/screening/take")
    assert browser(Role.BUDGET_OFFICER).post("/console/screening/take").status_code == 403


def test_the_list_is_handed_out_as_a_file(world: Any, browser: Any) -> None:
    application, other = world.case(), world.case()
    answer = browser(Role.REVIEWER).get("/console/screening/spreadsheet?format=csv")
    assert application.receipt_number in answer.data.decode("utf-8-sig")
    filtered = f"/console/screening/spreadsheet?format=csv&q={application.company.name}"
    text = browser(Role.REVIEWER).get(filtered).data.decode("utf-8-sig")
    assert application.receipt_number in text and other.receipt_number not in text
    assert application.company.representative not in text
    workbook = browser(Role.REVIEWER).get("/console/screening/spreadsheet?format=xlsx")
    assert workbook.data[:2] == b"PK"


def test_another_agencys_case_is_unknown_on_every_route(world: Any, browser: Any) -> None:
    foreign = world.case(agency_id=make.make_agency().id)
    document = _document(foreign)
    client = browser(Role.MANAGER)
    assert client.get(f"{CASE}/{foreign.id}").status_code == 404
    assert client.get(f"{CASE}/{foreign.id}/hold").status_code == 404
    assert client.get(f"/console/case/document/{document.id}").status_code == 404
    assert client.get(f"/console/screening/details/?id={foreign.id}").status_code in (302, 404)
    for action in ("screen", "reject"):
        assert client.post(f"{CASE}/{foreign.id}/{action}").status_code == 404
    assert foreign.state is State.SCREENING


def test_the_case_shows_values_beside_the_document_and_records_the_look(world: Any, browser: Any) -> None:
    application = world.case(papers=False)
    document = _document(application)
    client = browser(Role.REVIEWER)
    page = client.get(f"{CASE}/{application.id}").get_data(as_text=True)
    assert application.company.representative in page
    assert f'src="/console/case/document/{document.id}' in page
    assert "국세·지방세 완납증명서" in page  # what is missing is said
    answer = client.get(f"/console/case/document/{document.id}")
    assert answer.data == PDF and answer.mimetype == "application/pdf"
    rows = db.session.query(AuditRow).filter_by(entity="document", entity_id=document.id, action="read").all()
    assert [row.actor_id for row in rows] == [world.staff[Role.REVIEWER].id]


def test_screening_asks_nothing_and_leads_on_to_the_next(world: Any, browser: Any, said: Any) -> None:
    first = world.case(submitted_at=clock.now() - clock.timedelta(days=2))
    second = world.case()
    client = browser(Role.REVIEWER)
    answer = client.post(f"{CASE}/{first.id}/screen", data={"next": "1"})
    assert answer.headers["Location"].startswith(f"{CASE}/{second.id}")
    assert first.state is State.SCREENED
    assert first.screened_by_id == world.staff[Role.REVIEWER].id
    assert "심사확정" in client.get(answer.headers["Location"]).get_data(as_text=True)


def test_a_refused_move_says_why(world: Any, browser: Any, said: Any) -> None:
    application = world.case(State.APPROVED)
    text = said(browser(Role.REVIEWER), f"{CASE}/{application.id}/screen")
    assert "현재 상태가" in text and "승인" in text


def test_cases_are_taken_and_assigned(world: Any, browser: Any, said: Any) -> None:
    """R-SCR-3b"""
    application = world.case()
    said(browser(Role.REVIEWER), f"{CASE}/{application.id}/take")
    assert application.assigned_to_id == world.staff[Role.REVIEWER].id
    manager = world.staff[Role.MANAGER].id
    said(browser(Role.MANAGER), f"{CASE}/{application.id}/assign", data={"account_id": manager})
    assert application.assigned_to_id == manager
    text = said(browser(Role.REVIEWER), f"{CASE}/{application.id}/take")
    assert "다른 심사원이 맡은 건입니다" in text
    stranger = make.make_account(Role.REVIEWER)
    said(browser(Role.MANAGER), f"{CASE}/{application.id}/assign", data={"account_id": stranger.id})
    assert application.assigned_to_id == manager
