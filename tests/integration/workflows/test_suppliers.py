"""Suppliers: joining, selection, suspension, account (R-SUP-1, R-SET-1)."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.db import db
from app.errors import Conflict, Denied, InvalidInput, NotFound, Refusal
from app.models.catalogue import Supplier, SupplierState
from app.models.numbers import complete_business_number
from app.models.record import AuditRow
from app.policy import Actor, Role
from app.workflows import suppliers
from app.workflows.suppliers import SUPPLIER
from tests import factories

VISITOR = Actor(id=None, role=Role.SUPPLIER, name="방문자")
NUMBER = complete_business_number("120812345")


def details(**fields: Any) -> dict[str, Any]:
    return {
        "name": "새빛소프트 주식회사",
        "business_number": f"{NUMBER[:3]}-{NUMBER[3:5]}-{NUMBER[5:]}",
        "representative": "한새빛",
        "phone": "02-555-1234",
        "email": "hello@saebit.example",
        "address": "서울특별시 구로구 디지털로 1",
        "bank_code": "088",
        "account_number": "110-123-456789",
        "account_holder": "새빛소프트 주식회사",
    } | fields


@pytest.fixture
def manager(tx: Flask) -> Actor:
    actor = factories.make_actor(Role.PROGRAMME_MANAGER)
    db.session.commit()
    return actor


def joined(**fields: Any) -> tuple[Supplier, Actor]:
    supplier = suppliers.register(actor=VISITOR, **details(**fields))
    person = factories.make_actor(Role.SUPPLIER, supplier_id=supplier.id)
    db.session.commit()
    return supplier, person


def test_a_supplier_joins_and_is_selected(manager: Actor) -> None:
    supplier, person = joined()
    assert (supplier.state, supplier.business_number) == (SupplierState.SCREENING, NUMBER)
    assert supplier.account_number == "110123456789"
    suppliers.ask_supplement(actor=manager, supplier_id=supplier.id, reason="통장 사본이 흐립니다.")
    assert (supplier.state, supplier.reason) == (SupplierState.SUPPLEMENT, "통장 사본이 흐립니다.")
    suppliers.resubmit(actor=person)
    selected = suppliers.select_supplier(actor=manager, supplier_id=supplier.id)
    assert (selected.state, selected.reason) == (SupplierState.SELECTED, None)
    suppliers.suspend(actor=manager, supplier_id=supplier.id, reason="허위 실적")
    assert suppliers.lift(actor=manager, supplier_id=supplier.id).state is SupplierState.SELECTED


def test_the_trail_of_an_edit_masks_phone_and_address_of_mail(manager: Actor) -> None:
    """R-AUD-1"""
    supplier, person = joined()
    suppliers.edit(actor=person, phone="010-1234-5678", email="kim.daepyo@saebit.example")
    change = db.session.scalars(
        select(AuditRow.change).where(
            AuditRow.entity == "supplier", AuditRow.entity_id == supplier.id, AuditRow.action == "edit"
        )
    ).one()
    assert change["phone"][1] == "010-****-5678" and change["email"][1] == "ki***@saebit.example"


def test_rejection_is_final(manager: Actor) -> None:
    supplier, _person = joined()
    suppliers.reject(actor=manager, supplier_id=supplier.id, reason="지원 분야가 아닙니다.")
    for verb in (suppliers.select_supplier, suppliers.lift):
        with pytest.raises(Conflict):
            verb(actor=manager, supplier_id=supplier.id)
    assert supplier.state is SupplierState.REJECTED
    assert {edge.target for edge in SUPPLIER.edges} | set(SUPPLIER.initial) == set(SupplierState)
    assert SupplierState.REJECTED not in {edge.source for edge in SUPPLIER.edges}


def test_decisions_need_their_role_and_their_reason(manager: Actor) -> None:
    supplier, person = joined()
    for verb in (suppliers.reject, suppliers.ask_supplement):
        with pytest.raises(InvalidInput):
            verb(actor=manager, supplier_id=supplier.id, reason=" ")
    for actor in (person, factories.make_actor(Role.FINANCE_OFFICER)):
        with pytest.raises(Denied):
            suppliers.select_supplier(actor=actor, supplier_id=supplier.id)
    assert db.session.get_one(Supplier, supplier.id).state is SupplierState.SCREENING


def test_one_business_number_joins_once(manager: Actor) -> None:
    joined()
    with pytest.raises(Conflict) as refused:
        suppliers.register(actor=manager, **details())
    assert refused.value.code == "supplier.exists"


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"business_number": "1234567890"}, {"business_number"}),
        ({"name": " ", "email": "nobody"}, {"name", "email"}),
        ({"introduction": "가" * 4001}, {"introduction"}),
        (
            {"account_number": "12a", "bank_code": "", "account_holder": ""},
            {"account_number", "bank_code", "account_holder"},
        ),
    ],
)
def test_what_is_typed_wrong_is_named(manager: Actor, fields: dict[str, str], wrong: set[str]) -> None:
    with pytest.raises(InvalidInput) as refused:
        suppliers.register(actor=manager, **details(**fields))
    assert refused.value.fields.keys() == wrong


def test_only_staff_and_visitors_register(manager: Actor) -> None:
    with pytest.raises(Denied):
        suppliers.register(actor=factories.make_actor(Role.DEMAND), **details())


def test_name_and_representative_stay_after_selection(manager: Actor) -> None:
    supplier, person = joined()
    suppliers.edit(actor=person, name="새빛웍스", phone="02-555-9999")
    suppliers.select_supplier(actor=manager, supplier_id=supplier.id)
    suppliers.edit(actor=person, introduction="협업 도구를 만듭니다.")
    with pytest.raises(Conflict) as refused:
        suppliers.edit(actor=person, representative="다른 사람")
    assert refused.value.code == "supplier.fixed"
    kept = db.session.get_one(Supplier, supplier.id)
    assert (kept.name, kept.phone, kept.representative) == ("새빛웍스", "02-555-9999", "한새빛")


def test_a_new_name_is_found(manager: Actor) -> None:
    """R-CAT-2: search by company name."""
    supplier, person = joined()
    offering = factories.make_offering(supplier=supplier)
    suppliers.edit(actor=person, name="별무리랩")
    assert "별무리랩" in offering.search_text


def test_the_bank_confirms_the_account(manager: Actor, sandbox: str) -> None:
    """R-SET-1"""
    supplier, person = joined()
    finance = factories.make_actor(Role.FINANCE_OFFICER)
    db.session.commit()
    verified = suppliers.verify_account(actor=finance, supplier_id=supplier.id)
    assert verified.account_verified_at is not None
    suppliers.change_account(
        actor=person, bank_code="004", account_number="12345670001", account_holder="새빛소프트 주식회사"
    )
    assert db.session.get_one(Supplier, supplier.id).account_verified_at is None
    with pytest.raises(Denied):
        suppliers.verify_account(actor=person, supplier_id=supplier.id)


def test_no_account_number_in_the_trail(manager: Actor) -> None:
    """R-AUD-1"""
    _supplier, person = joined()
    suppliers.change_account(
        actor=person, bank_code="004", account_number="99887766554", account_holder="새빛소프트 주식회사"
    )
    rows = db.session.scalars(select(AuditRow).where(AuditRow.entity == "supplier")).all()
    assert not any("99887766554" in str(row.change) or "110123456789" in str(row.change) for row in rows)
    assert {"account": ["088 ****6789", "004 ****6554"]} in [row.change for row in rows]


@pytest.mark.parametrize(
    ("ending", "kind", "code"),
    [
        ("9991", Conflict, "supplier.account_holder"),
        ("9999", InvalidInput, "supplier.account"),
        ("9995", Conflict, "supplier.bank_unavailable"),
    ],
)
def test_an_account_that_the_bank_does_not_confirm(
    manager: Actor, sandbox: str, ending: str, kind: type[Refusal], code: str
) -> None:
    """R-SET-1: another's account, nobody's, or a bank that does not answer."""
    supplier, person = joined()
    suppliers.change_account(
        actor=person, bank_code="004", account_number=f"1234567{ending}", account_holder="새빛소프트"
    )
    with pytest.raises(kind) as refused:
        suppliers.verify_account(actor=manager, supplier_id=supplier.id)
    assert refused.value.code == code
    assert db.session.get_one(Supplier, supplier.id).account_verified_at is None


def test_who_sees_what(manager: Actor) -> None:
    """R-ROLE-1"""
    supplier, person = joined()
    stranger = factories.make_actor(Role.SUPPLIER)
    db.session.commit()
    assert suppliers.mine(actor=person).id == supplier.id
    assert [s.id for s in suppliers.supplier_list(actor=manager, text="새빛")] == [supplier.id]
    assert [s.id for s in suppliers.supplier_list(actor=manager, text=NUMBER[:6])] == [supplier.id]
    assert suppliers.supplier_list(actor=manager, text="새빛", state=SupplierState.REJECTED) == []
    assert suppliers.supplier_list(actor=manager, text="새빛", before=supplier.id) == []
    assert suppliers.state_counts(actor=manager)[SupplierState.SCREENING] == 1
    with pytest.raises(NotFound):
        suppliers.get(actor=stranger, supplier_id=supplier.id)
    for act in (suppliers.supplier_list, suppliers.state_counts, suppliers.mine):
        with pytest.raises(Denied):
            act(actor=factories.make_actor(Role.DEMAND))
