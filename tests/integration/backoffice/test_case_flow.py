"""Whose a case is, who looks on, what comes next, what a correction changed (R-SCR-3a, R-SCR-3b)."""

from __future__ import annotations

import re
from typing import Any

import pytest
from sqlalchemy import event

from app import clock
from app.db import db
from app.models.applications import ApplicationState as State
from app.models.applications import CaseView
from app.models.companies import Document, DocumentKind
from app.policy import Role
from app.workflows import applications, company_edits
from tests import factories as make
from tests.integration.backoffice.cases import CASE, HTMX, PNG, colleague, paper, person_of, text_of

# --- whose it is ----------------------------------------------------------------------------------------


def test_somebody_elses_case_says_whose_and_a_manager_says_why(world: Any, browser: Any, said: Any) -> None:
    """R-SCR-3b, R-ROLE-3"""
    application, other = world.case(), colleague(world)
    application.assigned_to_id = other.id
    db.session.commit()
    page = text_of(browser(Role.REVIEWER), f"{CASE}/{application.id}")
    assert "한심사님이 맡은 건입니다" in page and f"{application.id}/screen" not in page
    said(browser(Role.REVIEWER), f"{CASE}/{application.id}/screen")
    assert application.state is State.SCREENING
    client = browser(Role.MANAGER)
    assert "관리자로서 대신 처리하려면" in text_of(client, f"{CASE}/{application.id}")
    assert 'name="override"' in client.post(f"{CASE}/{application.id}/screen").get_data(as_text=True)
    refused = client.post(f"{CASE}/{application.id}/screen", data={"confirmed": "1", "override": " "})
    assert refused.status_code == 422 and "대신 처리하는 사유를 입력해 주세요" in refused.get_data(
        as_text=True
    )
    assert application.state is State.SCREENING
    client.post(f"{CASE}/{application.id}/screen", data={"confirmed": "1", "override": "휴가 중"})
    assert application.state is State.SCREENED
    assert "다른 심사원의 건 대신 처리" in text_of(client, f"{CASE}/{application.id}")


def test_a_manager_holds_in_anothers_place_with_a_reason(world: Any, browser: Any) -> None:
    application = world.case(assigned_to_id=colleague(world).id)
    client, address = browser(Role.MANAGER), f"{CASE}/{application.id}/hold"
    assert 'name="override"' in text_of(client, address)
    sent = {"codes": ["address_differs"], "confirmed": "1"}
    assert client.post(address, data=sent).status_code == 422
    assert client.post(address, data={**sent, "override": "휴가 중"}).status_code == 302
    assert application.state is State.ON_HOLD


def test_a_case_open_elsewhere_says_by_whom(world: Any, browser: Any) -> None:
    """R-SCR-3b"""
    application = world.case()
    world.staff[Role.MANAGER].name = "박관리"
    db.session.commit()
    address = f"{CASE}/{application.id}/seen"
    assert browser(Role.MANAGER).post(address, data={"shown": ""}).status_code == 204
    client = browser(Role.REVIEWER)
    answer = client.post(address, data={"shown": ""})
    assert "박관리님이 이 건을 보고 있습니다" in answer.get_data(as_text=True)
    assert client.post(address, data={"shown": "박관리"}).status_code == 204
    assert "박관리님이 이 건을 보고 있습니다" in text_of(client, f"{CASE}/{application.id}")
    assert browser(Role.AUDITOR).post(address).status_code == 403
    assert db.session.query(CaseView).count() == 2


def test_a_heartbeat_keeps_no_session_alive(world: Any, browser: Any) -> None:
    """R-AUD-1: a poll is no sign of a person."""
    page = text_of(browser(Role.REVIEWER), f"{CASE}/{world.case().id}")
    [beat] = re.findall(r'<div id="viewers"[^>]*>', page)
    assert 'hx-trigger="load, every 15s"' in beat and '"X-Background": "1"' in beat
    assert 'aria-live="polite"' in beat


# --- the next one ---------------------------------------------------------------------------------------


def counted(act: Any) -> int:
    statements: list[str] = []
    listener = lambda *args: statements.append(args[2])  # noqa: E731
    event.listen(db.engine, "before_cursor_execute", listener)
    try:
        act()
    finally:
        event.remove(db.engine, "before_cursor_execute", listener)
    # The rig that rolls each test back adds savepoints of its own.
    return len([one for one in statements if "SAVEPOINT" not in one])


def test_the_next_case_costs_the_same_whatever_the_queues_length(world: Any, browser: Any) -> None:
    """R-SCR-3b: the decision and the page of the next case, with 5 and with 300 that wait."""
    now, other = clock.now(), colleague(world)
    mine = [world.case(submitted_at=now + clock.timedelta(seconds=n)) for n in range(5)]

    def decide(application: Any) -> str:
        client = browser(Role.REVIEWER)
        answer = client.post(f"{CASE}/{application.id}/screen", data={"next": "1"})
        text_of(client, answer.headers["Location"])
        return str(answer.headers["Location"])

    decide(mine[0])
    db.session.expire_all()
    few = counted(lambda: decide(mine[1]))
    # Before those that are left wait others, in somebody else's hands.
    for n in range(300):
        company = make.make_company(programme_id=world.programme.id, agency_id=world.agency.id)
        at = now - clock.timedelta(seconds=n + 1)
        fields = {"submitted_at": at, "assigned_to_id": other.id, "papers": False}
        make.make_application(company=company, state=State.SCREENING, **fields)
    db.session.commit()
    db.session.expire_all()
    where: list[str] = []
    many = counted(lambda: where.append(decide(mine[2])))
    assert where == [f"{CASE}/{mine[3].id}"]
    assert many == few


def test_the_switch_for_the_next_case_stays(world: Any, browser: Any) -> None:
    """결정 후 다음"""
    now = clock.now()
    first, second, third = (world.case(submitted_at=now + clock.timedelta(seconds=n)) for n in range(3))
    client = browser(Role.REVIEWER)
    assert "결정 후 다음: 꺼짐" in text_of(client, f"{CASE}/{first.id}")
    assert "결정 후 다음: 켜짐" in text_of(client, f"{CASE}/{first.id}?next=1")
    assert "결정 후 다음: 켜짐" in text_of(client, f"{CASE}/{second.id}")
    sent = {"codes": ["address_differs"], "confirmed": "1"}
    answer = client.post(f"{CASE}/{first.id}/hold", data=sent)
    assert answer.headers["Location"] == f"{CASE}/{second.id}"
    answer = client.post(f"{CASE}/{second.id}/reject", data=sent)
    assert answer.status_code == 422  # no reason of a 탈락
    sent = {"codes": ["duplicate"], "confirmed": "1"}
    assert client.post(f"{CASE}/{second.id}/reject", data=sent).headers["Location"] == f"{CASE}/{third.id}"
    text_of(client, f"{CASE}/{third.id}?next=0")
    answer = client.post(f"{CASE}/{third.id}/screen")
    assert answer.headers["Location"] == f"{CASE}/{third.id}"


def test_previous_and_next_are_links_with_their_keys(world: Any, browser: Any) -> None:
    now = clock.now()
    first, second, third = (world.case(submitted_at=now + clock.timedelta(seconds=n)) for n in range(3))
    page = text_of(browser(Role.REVIEWER), f"{CASE}/{second.id}")
    for key, id in (("k", first.id), ("j", third.id)):
        assert re.search(rf'href="{CASE}/{id}" data-shortcut="{key}"', page)
    for key in ("a", "h", "u", "n", "o"):
        assert f'data-shortcut="{key}"' in page
    assert "data-shortcuts-open" in page and "js/shortcuts.js" in page


# --- after a correction -----------------------------------------------------------------------------------


def corrected(world: Any) -> tuple[Any, Document]:
    """Held, mended in part and handed in again; and the paper that was replaced."""
    application = world.case()
    person, reviewer = person_of(application), world.staff[Role.REVIEWER].actor()
    old = paper(application, DocumentKind.TAX_CLEARANCE)
    marks = ["address", "tax_clearance", "contact_name"]
    applications.hold(actor=reviewer, application_id=application.id, reason="다릅니다.", marks=marks)
    company_edits.edit(actor=person, changes={"address": "부산광역시 중구"})
    content = {"file_name": "새 완납증명서.png", "content": PNG}
    company_edits.replace_document(actor=person, kind=DocumentKind.TAX_CLEARANCE, **content)
    applications.resubmit(actor=person)
    return application, old


def test_after_a_correction_what_changed_comes_first(world: Any, browser: Any) -> None:
    """R-SCR-3a"""
    application, old = corrected(world)
    client, new = browser(Role.REVIEWER), paper(application, DocumentKind.TAX_CLEARANCE)
    page = text_of(client, f"{CASE}/{application.id}")
    assert page.index("보류 뒤에 바뀐 내용") < page.index("kv-case-head")
    assert "부산광역시 중구" in page and "새 완납증명서.png" in page
    assert "보완을 요청했지만 바뀌지 않은 항목: 담당자명" in page
    compare = f"{CASE}/{application.id}/compare?document={new.id}&amp;earlier={old.id}"
    assert compare in page
    beside = text_of(client, compare.replace("&amp;", "&"))
    for one in (old, new):
        assert f'src="/console/case/document/{one.id}' in beside


def test_only_papers_of_the_case_are_compared(world: Any, browser: Any) -> None:
    """R-ROLE-2, R-FILE-1"""
    application, old = corrected(world)
    foreign = paper(world.case(), DocumentKind.TAX_CLEARANCE)
    client = browser(Role.REVIEWER)
    for query in (f"document={foreign.id}&earlier={old.id}", f"document={old.id}", ""):
        assert client.get(f"{CASE}/{application.id}/compare?{query}").status_code == 404


def test_a_note_goes_into_the_history(world: Any, browser: Any, said: Any) -> None:
    application = world.case()
    text = said(
        browser(Role.REVIEWER), f"{CASE}/{application.id}/note", data={"note": "내일 서류가 온다고 함"}
    )
    assert "심사 메모" in text and "내일 서류가 온다고 함" in text


@pytest.mark.parametrize(
    "route", ["ticks", "tax-office", "score", "note", "seen", "take", "looked", "screen", "preview/hold"]
)
def test_another_agencys_case_is_unknown_on_every_new_route(route: str, world: Any, browser: Any) -> None:
    """R-ROLE-2"""
    foreign = world.case(agency_id=make.make_agency().id)
    client = browser(Role.REVIEWER)
    answer = client.post(f"{CASE}/{foreign.id}/{route}", data={"score": "1", "note": "메모"}, headers=HTMX)
    changed = db.session.get_one(type(foreign), foreign.id)
    assert answer.status_code == 404 or "찾으시는 내용이 없습니다" in client.get("/console/").get_data(
        as_text=True
    )
    assert (changed.score, changed.assigned_to_id, changed.state) == (None, None, State.SCREENING)
