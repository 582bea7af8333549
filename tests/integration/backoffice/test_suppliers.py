"""공급기업 in the console: checking, deciding, going on, namesakes (R-SUP-1, R-SCR-3, R-DEAL-2)."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event

from app import clock
from app.db import db
from app.models.catalogue import SupplierState
from app.models.companies import DocumentKind
from app.models.record import AuditRow
from app.policy import Role
from app.workflows import attachments, deal_parties, suppliers
from tests import factories as make
from tests.integration.workflows import supplying

MANAGER = Role.PROGRAMME_MANAGER


@pytest.fixture
def newcomer(world: Any, sandbox_url: str) -> Any:
    """A supplier that joined by the pages and waits, with its papers."""
    supplier, actor = supplying.joined(sandbox_url)
    supplier.person = actor
    return supplier


def at(supplier: Any, rest: str = "") -> str:
    return f"/console/suppliers/{supplier.id}{rest}"


def page(client: Any, address: str, status: int = 200) -> str:
    answer = client.get(address)
    assert answer.status_code == status, answer.get_data(as_text=True)[:2000]
    text: str = answer.get_data(as_text=True)
    return text


def test_papers_and_answers_stand_beside_what_was_typed(newcomer: Any, browser: Any) -> None:
    """R-SCR-3"""
    text = page(browser(MANAGER), at(newcomer))
    assert "계속사업자" in text and f"예금주 {newcomer.name}" in text and "(대표자)" in text
    document = attachments.current(supplier_id=newcomer.id)[0]
    assert f"/console/suppliers/document/{document.id}" in text and "data-viewer" in text
    assert newcomer.account_number not in text
    for action in ("ask_supplement", "reject"):
        assert f'href="{at(newcomer, f"/{action}")}"' in text
    assert f'action="{at(newcomer, "/select")}"' in text


def test_each_look_at_a_paper_is_on_record(newcomer: Any, browser: Any) -> None:
    """R-AUD-0; also that of who pays, who compares the bank book."""
    document = attachments.current(supplier_id=newcomer.id)[0]
    address = f"/console/suppliers/document/{document.id}"
    for role in (MANAGER, Role.FINANCE_OFFICER):
        answer = browser(role).get(address)
        assert answer.status_code == 200 and answer.headers["Cache-Control"] == "no-store"
    assert browser(Role.REVIEWER).get(address).status_code == 403
    looks = db.session.query(AuditRow).filter_by(entity="document", action="read").count()
    assert looks == 2


def test_a_document_of_a_demand_company_has_its_own_door(world: Any, browser: Any) -> None:
    """Who may look at suppliers' papers does not see all papers by it."""
    company = world.case().company
    document = make.make_document(company=company, kind=DocumentKind.TAX_CLEARANCE)
    db.session.commit()
    assert browser(Role.FINANCE_OFFICER).get(f"/console/suppliers/document/{document.id}").status_code == 403


def test_ticks_are_kept_one_by_one_or_all_at_once(newcomer: Any, browser: Any, said: Any) -> None:
    client = browser(MANAGER)
    tally = client.post(at(newcomer, "/ticks"), data={"check_name": "ok"}, headers={"HX-Request": "1"})
    assert "확인 1/" in tally.get_data(as_text=True)
    text = said(client, at(newcomer, "/ticks"), data={"check_address": "no", "check_name": "none"})
    assert "저장했습니다" in text and newcomer.checks == {"address": False}


def test_a_selection_with_doubts_is_asked_first(newcomer: Any, browser: Any) -> None:
    client = browser(MANAGER)
    client.post(at(newcomer, "/ticks"), data={"check_address": "no"})
    asked = client.post(at(newcomer, "/select")).get_data(as_text=True)
    assert "이대로 선정할까요" in asked and "표시한 항목: 주소" in asked
    assert newcomer.state is SupplierState.SCREENING
    client.post(at(newcomer, "/select"), data={"confirmed": "1"})
    assert newcomer.state is SupplierState.SELECTED


def test_a_clear_selection_is_not_asked(newcomer: Any, browser: Any) -> None:
    browser(MANAGER).post(at(newcomer, "/select"))
    assert newcomer.state is SupplierState.SELECTED


def test_who_changed_while_the_page_stood_open_is_looked_at_again(
    newcomer: Any, browser: Any, said: Any
) -> None:
    """R-SUP-1, R-DEAL-2: another representative is not selected unseen."""
    client = browser(MANAGER)
    found = re.search(r'name="seen" value="(\d+)"', page(client, at(newcomer)))
    assert found is not None
    typed = {name: getattr(newcomer, name) for name in ("name", "phone", "email", "address", "introduction")}
    suppliers.edit(actor=newcomer.person, representative="김다른", **typed)
    text = said(client, at(newcomer, "/select"), data={"seen": found[1], "confirmed": "1"})
    assert "선정하지 않았습니다" in text and newcomer.state is SupplierState.SCREENING
    again = re.search(r'name="seen" value="(\d+)"', page(client, at(newcomer)))
    assert again is not None
    client.post(at(newcomer, "/select"), data={"seen": again[1], "confirmed": "1"})
    assert newcomer.state is SupplierState.SELECTED


def test_a_supplement_is_filled_from_the_crosses_and_read_before_it_goes(newcomer: Any, browser: Any) -> None:
    """R-SCR-3a: reason templates, marks, what the supplier will read; then it goes out."""
    client = browser(MANAGER)
    client.post(at(newcomer, "/ticks"), data={"check_account": "no"})
    form = page(client, at(newcomer, "/ask_supplement"))
    assert form.count(" checked") == 2 and "정산 계좌가 통장 사본과 다르거나" in form
    sent = {
        "codes": ["account_differs"],
        "reason": "통장을 다시 올려 주세요.",
        "marks": ["account", "bank_book"],
    }
    preview = client.post(at(newcomer, "/preview/ask_supplement"), data=sent).get_data(as_text=True)
    assert "통장을 다시 올려 주세요." in preview and "통장 사본" in preview
    asking = client.post(at(newcomer, "/ask_supplement"), data=sent).get_data(as_text=True)
    assert "이대로 보완요청" in asking and newcomer.state is SupplierState.SCREENING
    client.post(at(newcomer, "/ask_supplement"), data=sent | {"confirmed": "1"})
    assert (newcomer.state, newcomer.marks) == (SupplierState.SUPPLEMENT, ["account", "bank_book"])


def test_what_came_back_is_shown_first(newcomer: Any, browser: Any, world: Any) -> None:
    manager = world.staff[MANAGER].actor()
    suppliers.ask_supplement(
        actor=manager, supplier_id=newcomer.id, codes=["supplier_address"], marks=["address", "bank_book"]
    )
    suppliers.edit(actor=newcomer.person, address="서울특별시 중구 세종대로 110")
    suppliers.resubmit(actor=newcomer.person)
    text = page(browser(MANAGER), at(newcomer))
    first = text.index("보완하여 다시 제출했습니다")
    assert first < text.index("신청 내용") and "바뀌지 않음" in text and "세종대로 110" in text


@pytest.mark.parametrize("action", ["ask_supplement", "reject"])
def test_a_reason_is_needed(newcomer: Any, browser: Any, action: str) -> None:
    answer = browser(MANAGER).post(at(newcomer, f"/{action}"), data={"confirmed": "1", "reason": " "})
    assert answer.status_code == 422 and "사유를 하나 이상 선택하거나" in answer.get_data(as_text=True)
    assert newcomer.state is SupplierState.SCREENING


def test_the_next_that_waits_comes_after_a_decision(newcomer: Any, browser: Any, sandbox_url: str) -> None:
    """'결정 후 다음'"""
    second, _ = supplying.joined(sandbox_url)
    client = browser(MANAGER)
    page(client, at(newcomer, "?next=1"))
    assert client.post(at(newcomer, "/select")).location.endswith(at(second))
    rejected = {"confirmed": "1", "codes": ["tax_arrears"]}
    assert "state=screening" in client.post(at(second, "/reject"), data=rejected).location
    assert second.reason == "국세 또는 지방세가 체납되어 있습니다."


def test_the_queue_shows_who_waits_longest_first(newcomer: Any, browser: Any, sandbox_url: str) -> None:
    second, _ = supplying.joined(sandbox_url)
    clock.set_offset(timedelta(days=7))
    text = page(browser(MANAGER), "/console/suppliers/?state=screening")
    assert text.index(newcomer.name) < text.index(second.name) and "영업일" in text
    onward = page(browser(MANAGER), f"/console/suppliers/?state=screening&after={newcomer.id}")
    assert newcomer.name not in onward and second.name in onward
    flagged = page(browser(MANAGER), "/console/suppliers/?unverified=1")
    assert second.name not in flagged
    second.account_verified_at = None
    db.session.commit()
    assert second.name in page(browser(MANAGER), "/console/suppliers/?unverified=1")


def test_a_list_costs_the_same_whatever_its_length(world: Any, browser: Any) -> None:
    client = browser(MANAGER)

    def statements() -> int:
        seen: list[str] = []
        watch = lambda conn, cursor, statement, *rest: seen.append(statement)  # noqa: E731
        event.listen(db.engine, "before_cursor_execute", watch)
        try:
            page(client, "/console/suppliers/?state=screening")
        finally:
            event.remove(db.engine, "before_cursor_execute", watch)
        return len(seen)

    make.make_supplier(state=SupplierState.SCREENING)
    db.session.commit()
    few = statements()
    for _ in range(5):
        make.make_supplier(state=SupplierState.SCREENING)
    db.session.commit()
    assert statements() == few > 0


def test_a_namesake_is_settled_and_taken_back(world: Any, browser: Any, said: Any) -> None:
    """R-DEAL-2"""
    company = world.case().company
    supplier = make.make_supplier(representative=company.representative)
    db.session.commit()
    client = browser(MANAGER)
    given = {"business_number": company.business_number, "reason": "신분증을 확인함"}
    assert "두 기업이 거래할 수 있습니다" in said(client, at(supplier, "/namesake"), data=given)
    assert "신분증을 확인함" in page(client, at(supplier))
    asked = client.post(at(supplier, "/namesake/withdraw"), data=given).get_data(as_text=True)
    assert "동명이인 확인을 취소할까요?" in asked
    client.post(at(supplier, "/namesake/withdraw"), data=given | {"confirmed": "1"})
    assert deal_parties.exemptions(supplier_id=supplier.id) == []
    refused = said(client, at(supplier, "/namesake"), data=given | {"business_number": "123"})
    assert "번호를 확인해 주세요" in refused


def test_who_reads_finds_no_button(newcomer: Any, browser: Any) -> None:
    """R-ROLE-3"""
    text = page(browser(Role.AUDITOR), at(newcomer))
    assert "지금 할 수 있는 처리가 없습니다" in text
    assert "check_name" not in text
    for rest in ("/select", "/namesake", "/ask_supplement"):
        assert at(newcomer, rest) not in text


def test_a_suspension_and_its_lifting_have_their_reasons(world: Any, browser: Any) -> None:
    supplier = make.make_supplier()
    db.session.commit()
    client = browser(MANAGER)
    assert "새 거래상담을 받지 않습니다" in page(client, at(supplier, "/suspend"))
    client.post(at(supplier, "/suspend"), data={"confirmed": "1", "codes": ["unfair_deal"]})
    assert supplier.state is SupplierState.SUSPENDED
    assert client.post(at(supplier, "/lift"), data={"confirmed": "1"}).status_code == 422
    client.post(at(supplier, "/lift"), data={"confirmed": "1", "reason": "혐의 없음"})
    assert (supplier.state, supplier.reason) == (SupplierState.SELECTED, "혐의 없음")
