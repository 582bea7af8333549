"""Suppliers: selection, supplement, suspension, account (R-SUP-1, R-SET-1)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app import clock
from app.db import db
from app.errors import Conflict, Denied, InvalidInput, NotFound
from app.models.catalogue import Supplier, SupplierState
from app.models.companies import DocumentKind
from app.models.numbers import complete_business_number
from app.models.record import AuditRow, Notice
from app.policy import Actor, Role
from app.workflows import (
    attachments,
    supplier_checks,
    supplier_history,
    supplier_lookalikes,
    supplier_papers,
    suppliers,
)
from app.workflows.supplier_lifecycle import SUPPLIER
from app.workflows.suppliers import Wanted
from tests import factories
from tests.integration.workflows import supplying
from tests.integration.workflows.joining import PDF
from tests.integration.workflows.supplying import trail, waiting


@pytest.fixture
def manager(tx: Flask) -> Actor:
    factories.make_programme()
    actor = factories.make_actor(Role.PROGRAMME_MANAGER)
    db.session.commit()
    return actor


# --- decisions ------------------------------------------------------------------------------------------


def test_a_supplier_is_asked_selected_suspended_and_lifted(manager: Actor) -> None:
    supplier, person = waiting()
    suppliers.ask_supplement(actor=manager, supplier_id=supplier.id, reason="통장 사본이 흐립니다.")
    assert (supplier.state, supplier.reason) == (SupplierState.SUPPLEMENT, "통장 사본이 흐립니다.")
    suppliers.resubmit(actor=person)
    selected = suppliers.select_supplier(actor=manager, supplier_id=supplier.id)
    assert (selected.state, selected.reason) == (SupplierState.SELECTED, None)
    suppliers.suspend(actor=manager, supplier_id=supplier.id, reason="허위 실적")
    with pytest.raises(InvalidInput, match="reason_missing"):
        suppliers.lift(actor=manager, supplier_id=supplier.id)
    lifted = suppliers.lift(actor=manager, supplier_id=supplier.id, codes=["cleared"])
    assert (lifted.state, lifted.reason) == (SupplierState.SELECTED, "확인 결과 문제가 없습니다.")
    told = db.session.scalars(
        select(Notice.text).where(Notice.supplier_id == supplier.id).order_by(Notice.id)
    ).all()
    assert len(told) == 4 and "허위 실적" in told[2] and "문제가 없습니다" in told[3]


def test_rejection_is_final(manager: Actor) -> None:
    supplier, _person = waiting()
    suppliers.reject(actor=manager, supplier_id=supplier.id, reason="지원 분야가 아닙니다.")
    for verb in (suppliers.select_supplier, suppliers.lift):
        with pytest.raises(Conflict):
            verb(actor=manager, supplier_id=supplier.id)
    assert supplier.state is SupplierState.REJECTED
    assert {edge.target for edge in SUPPLIER.edges} | set(SUPPLIER.initial) == set(SupplierState)
    assert SupplierState.REJECTED not in {edge.source for edge in SUPPLIER.edges}


def test_decisions_need_their_role_and_their_reason(manager: Actor) -> None:
    supplier, person = waiting()
    for verb in (suppliers.reject, suppliers.ask_supplement):
        with pytest.raises(InvalidInput):
            verb(actor=manager, supplier_id=supplier.id, reason=" ")
    with pytest.raises(InvalidInput, match=r"reason\.code"):
        suppliers.reject(actor=manager, supplier_id=supplier.id, codes=["made_up"])
    for actor in (person, factories.make_actor(Role.FINANCE_OFFICER)):
        with pytest.raises(Denied):
            suppliers.select_supplier(actor=actor, supplier_id=supplier.id)
    assert db.session.get_one(Supplier, supplier.id).state is SupplierState.SCREENING


# --- 보완 with marks (R-SCR-3a) --------------------------------------------------------------------------


def test_a_supplement_names_what_to_mend_and_shows_what_changed(manager: Actor, sandbox: str) -> None:
    supplier, person = supplying.joined(sandbox)
    address = supplier.address
    marks = ["address", DocumentKind.TAX_CLEARANCE.value]
    suppliers.ask_supplement(
        actor=manager, supplier_id=supplier.id, codes=["clearance_expired"], reason="새로", marks=marks
    )
    assert supplier.marks == marks and supplier.reason is not None
    assert supplier.reason.endswith("지났습니다. 새로")
    suppliers.edit(actor=person, address="서울특별시 중구 세종대로 110")
    found = supplier_history.mended(actor=person, supplier=supplier)
    assert found is not None
    assert found.untouched == ["국세·지방세 완납증명서"]
    assert [(one.field, one.before) for one in found.changes] == [("address", address)]
    supplier_papers.replace(
        actor=person, kind=DocumentKind.TAX_CLEARANCE, file_name="완납증명.pdf", content=PDF
    )
    suppliers.resubmit(actor=person)
    back = supplier_history.mended(actor=manager, supplier=supplier)
    assert back is not None and back.untouched == [] and back.marks == marks
    suppliers.select_supplier(actor=manager, supplier_id=supplier.id)
    assert supplier.marks == [] and supplier_history.mended(actor=manager, supplier=supplier) is None


def test_only_what_a_supplier_can_mend_is_marked(manager: Actor) -> None:
    supplier, _ = waiting()
    with pytest.raises(InvalidInput, match=r"supplier\.marks"):
        suppliers.ask_supplement(
            actor=manager, supplier_id=supplier.id, reason="번호", marks=["business_number"]
        )


def test_papers_are_changed_only_while_they_are_mended(manager: Actor, sandbox: str) -> None:
    """R-FILE-1: what somebody looks at is not changed under their eyes; the earlier file is kept."""
    supplier, person = supplying.joined(sandbox)
    given: dict[str, Any] = {"actor": person, "kind": DocumentKind.BANK_BOOK, "file_name": "통장.pdf"}
    with pytest.raises(Conflict, match=r"supplier\.papers_closed"):
        supplier_papers.replace(**given, content=PDF)
    suppliers.ask_supplement(actor=manager, supplier_id=supplier.id, codes=["bank_book_unreadable"])
    before = {document.kind: document.id for document in attachments.current(supplier_id=supplier.id)}
    fresh = supplier_papers.replace(**given, content=PDF)
    after = {document.kind: document.id for document in attachments.current(supplier_id=supplier.id)}
    assert after == before | {DocumentKind.BANK_BOOK: fresh.id}
    with pytest.raises(InvalidInput, match=r"document\.type"):
        supplier_papers.replace(**given, content=b"MZ")


def test_a_document_is_its_suppliers_and_each_look_of_staff_is_recorded(manager: Actor, sandbox: str) -> None:
    """R-FILE-1, R-AUD-0"""
    supplier, person = supplying.joined(sandbox)
    document = attachments.current(supplier_id=supplier.id)[0]
    finance = factories.make_actor(Role.FINANCE_OFFICER)
    strangers = [factories.make_actor(role) for role in (Role.SUPPLIER, Role.DEMAND, Role.REVIEWER)]
    db.session.commit()
    for actor in (person, manager, finance):
        assert attachments.document_for(actor=actor, document_id=document.id).content == PDF
    for actor in strangers:
        with pytest.raises((NotFound, Denied)):
            attachments.document_for(actor=actor, document_id=document.id)
    looks = db.session.scalars(
        select(AuditRow.actor_id).where(AuditRow.entity == "document", AuditRow.action == "read")
    ).all()
    assert looks == [manager.id, finance.id]


# --- the checklist ---------------------------------------------------------------------------------------


def test_ticks_stay_but_for_what_the_supplier_changes(manager: Actor, sandbox: str) -> None:
    supplier, person = supplying.joined(sandbox)
    document = next(
        one for one in attachments.current(supplier_id=supplier.id) if one.kind is DocumentKind.BANK_BOOK
    )
    point = f"document-{document.id}:legible"
    fits = {"name": True, "address": False, point: False}
    supplier_checks.tick(actor=manager, supplier_id=supplier.id, fits=fits)
    supplier_checks.tick(actor=manager, supplier_id=supplier.id, fits={"name": None, "phone": True})
    assert supplier.checks == {"address": False, point: False, "phone": True}
    documents = attachments.current(supplier_id=supplier.id)
    assert supplier_checks.progress(supplier, documents).crossed == 2
    suggested = supplier_checks.suggest(supplier, documents)
    assert suggested.codes == ["supplier_address", "account_differs"]
    assert suggested.marks == ["address", "bank_book"]
    suppliers.ask_supplement(actor=manager, supplier_id=supplier.id, codes=suggested.codes)
    suppliers.edit(actor=person, address="서울특별시 중구 세종대로 110")
    assert supplier.checks == {point: False, "phone": True}
    with pytest.raises(InvalidInput, match=r"supplier\.item"):
        supplier_checks.tick(actor=manager, supplier_id=supplier.id, fits={"document-1:legible": True})
    with pytest.raises(Denied):
        supplier_checks.tick(actor=person, supplier_id=supplier.id, fits={"name": True})


def test_a_name_that_fits_the_account_no_more_is_a_doubt(manager: Actor) -> None:
    """R-SET-1: nothing is paid on a stranger's account, however it was named."""
    supplier, person = waiting(account_verified_at=clock.now())
    words = "정산 계좌의 예금주가 기업명과 다릅니다."
    assert words not in supplier_checks.doubts(supplier, [], [])
    suppliers.edit(actor=person, name="전혀 다른 회사")
    assert words in supplier_checks.doubts(supplier, [], [])


def test_a_decided_supplier_is_not_ticked(manager: Actor) -> None:
    supplier, _ = waiting(state=SupplierState.SELECTED)
    with pytest.raises(Conflict, match=r"supplier\.decided"):
        supplier_checks.tick(actor=manager, supplier_id=supplier.id, fits={"name": True})


def test_the_tax_office_is_asked_again(manager: Actor, sandbox: str) -> None:
    """R-JOIN-4"""
    supplier, person = waiting()
    assert any("국세청" in doubt for doubt in supplier_checks.doubts(supplier, [], []))
    assert supplier_checks.ask_tax_office(actor=manager, supplier_id=supplier.id) == "계속사업자"
    assert supplier.tax_office_state == "계속사업자" and supplier.tax_office_asked_at is not None
    with pytest.raises(Denied):
        supplier_checks.ask_tax_office(actor=person, supplier_id=supplier.id)


def test_look_alikes_on_both_sides(manager: Actor) -> None:
    """R-SUP-1, R-SET-4: an address is written in many ways; an account number lies encrypted."""
    supplier, _ = waiting(
        address="서울시 중구 세종대로 110, 3층", phone="010-2222-3333", representative_ci_index=b"ci" * 16
    )
    twin, _ = waiting(name="쌍둥이", business_number="1208800767", account_holder="쌍둥이")
    foreign = {"name": "남", "representative": "남", "account_number": "9988776655"}
    other, _ = waiting(**foreign, business_number="2208162517")
    company = factories.make_company(
        representative_ci_index=b"ci" * 16, address="서울시 중구 세종대로 110 3층", phone="01022223333"
    )
    factories.make_application(company=company, state=factories.ApplicationState.SCREENING)
    db.session.commit()
    found = {one.name: one.why for one in supplier_lookalikes.lookalikes(actor=manager, supplier=supplier)}
    assert found[twin.name] == ["대표자 이름", "계좌번호"]
    assert found[company.name] == ["대표자 동일인(본인인증)", "주소"]
    assert other.name not in found
    with pytest.raises(Denied):
        supplier_lookalikes.lookalikes(actor=factories.make_actor(Role.REVIEWER), supplier=supplier)


# --- what it says of itself ---------------------------------------------------------------------------------


def test_the_trail_of_an_edit_masks_phone_and_address_of_mail(manager: Actor) -> None:
    """R-AUD-1"""
    supplier, person = waiting()
    suppliers.edit(actor=person, phone="010-1234-5678", email="kim.daepyo@saebit.example")
    [row] = trail(supplier, "edit")
    assert row.change["phone"][1] == "010-****-5678" and row.change["email"][1] == "ki***@saebit.example"


def test_name_and_representative_stay_after_selection(manager: Actor) -> None:
    supplier, person = waiting()
    suppliers.edit(actor=person, name="새빛웍스", phone="02-555-9999")
    suppliers.select_supplier(actor=manager, supplier_id=supplier.id)
    suppliers.edit(actor=person, introduction="협업 도구를 만듭니다.")
    with pytest.raises(Conflict) as refused:
        suppliers.edit(actor=person, representative="다른 사람")
    assert refused.value.code == "supplier.fixed"
    kept = db.session.get_one(Supplier, supplier.id)
    assert (kept.name, kept.phone, kept.representative) == ("새빛웍스", "02-555-9999", "한새빛")


def test_another_representative_is_not_the_person_who_was_verified(manager: Actor) -> None:
    """R-DEAL-2: a CI that is nobody's here would tell two persons apart that are one."""
    supplier, person = waiting(representative_ci="c" * 88, representative_ci_index=b"c" * 32)
    suppliers.edit(actor=person, phone="02-555-9999")
    assert supplier.representative_ci_index is not None
    suppliers.edit(actor=person, representative="다른 사람")
    assert supplier.representative_ci is None and supplier.representative_ci_index is None


def test_a_new_name_is_found(manager: Actor) -> None:
    """R-CAT-2: search by company name."""
    supplier, person = waiting()
    offering = factories.make_offering(supplier=supplier)
    suppliers.edit(actor=person, name="별무리랩")
    assert "별무리랩" in offering.search_text


# --- lists --------------------------------------------------------------------------------------------------


def listed(actor: Actor, **fields: Any) -> list[int]:
    return [one.id for one in suppliers.supplier_list(actor=actor, wanted=Wanted(**fields))]


def test_who_sees_what(manager: Actor) -> None:
    """R-ROLE-1"""
    supplier, person = waiting(business_number=complete_business_number("930812345"))
    stranger = factories.make_actor(Role.SUPPLIER)
    db.session.commit()
    assert suppliers.mine(actor=person).id == supplier.id
    assert listed(manager, text="새빛") == [supplier.id]
    assert listed(manager, text=supplier.business_number[:6]) == [supplier.id]
    assert listed(manager, text="새빛", state=SupplierState.REJECTED) == []
    assert listed(manager, unverified=True) == [stranger.supplier_id, supplier.id]
    assert suppliers.state_counts(actor=manager)[SupplierState.SCREENING] == 1
    with pytest.raises(NotFound):
        suppliers.get(actor=stranger, supplier_id=supplier.id)
    demand = factories.make_actor(Role.DEMAND)
    for act in (suppliers.state_counts, suppliers.mine):
        with pytest.raises(Denied):
            act(actor=demand)
    with pytest.raises(Denied):
        listed(demand)


def test_who_waits_longest_comes_first(manager: Actor, sandbox: str) -> None:
    """With the business days since each came in, or came back."""
    first, person = supplying.joined(sandbox)
    second, _ = supplying.joined(sandbox)
    assert listed(manager, state=SupplierState.SCREENING) == [first.id, second.id]
    assert listed(manager) == [second.id, first.id]
    assert suppliers.next_waiting(actor=manager) == first.id
    clock.set_offset(timedelta(days=14))
    waited = supplier_history.waiting_days([first, second])
    assert waited[first.id] == waited[second.id] >= 8
    suppliers.ask_supplement(actor=manager, supplier_id=first.id, reason="다시")
    suppliers.resubmit(actor=person)
    assert supplier_history.waiting_days([first, second])[first.id] == 0


def test_the_supplier_reads_that_the_agency_decided_and_not_who(manager: Actor, sandbox: str) -> None:
    supplier, person = supplying.joined(sandbox)
    suppliers.ask_supplement(actor=manager, supplier_id=supplier.id, reason="다시")
    own, inside = (supplier_history.history(supplier.id, own=own) for own in (True, False))
    assert [(one.title, one.who) for one in own] == [
        ("보완요청", "전문기관"),
        ("공급기업 신청", person.name),
    ]
    assert inside[0].who == manager.name
