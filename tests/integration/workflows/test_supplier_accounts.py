"""The account that a supplier is paid on: asked about at the bank (R-SET-1)."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import select

from app import clock
from app.db import db
from app.errors import Conflict, Denied, InvalidInput, Refusal
from app.models.catalogue import Supplier
from app.models.companies import CompanyKind
from app.models.record import AuditRow, Notice
from app.policy import Actor, Role
from app.workflows import supplier_accounts
from tests import factories
from tests.integration.workflows.supplying import HOLDER, trail, waiting


@pytest.fixture
def manager(tx: Flask) -> Actor:
    factories.make_programme()
    actor = factories.make_actor(Role.PROGRAMME_MANAGER)
    db.session.commit()
    return actor


def change(person: Actor, ending: str = "0001", **fields: str) -> Supplier:
    given = {"bank_code": "004", "account_number": f"1234567{ending}", "account_holder": HOLDER}
    return supplier_accounts.change_account(actor=person, **given | fields)


def test_the_bank_is_asked_at_a_change(manager: Actor, sandbox: str) -> None:
    supplier, person = waiting()
    changed = change(person)
    assert changed.account_verified_at is not None and changed.account_number == "12345670001"
    [verified] = trail(supplier, "verify_account")
    assert verified.actor_id == person.id
    text = db.session.scalars(select(Notice.text).where(Notice.supplier_id == supplier.id)).one()
    assert "정산 계좌가 바뀌었습니다" in text


def test_where_the_bank_does_not_answer_staff_ask_later(manager: Actor, sandbox: str) -> None:
    supplier, person = waiting(account_verified_at=clock.now())
    assert change(person, "9995").account_verified_at is None
    finance = factories.make_actor(Role.FINANCE_OFFICER)
    db.session.commit()
    with pytest.raises(Conflict, match=r"supplier\.bank_unavailable"):
        supplier_accounts.verify_account(actor=finance, supplier_id=supplier.id)
    supplier.account_number = "12345670001"
    db.session.commit()
    again = supplier_accounts.verify_account(actor=finance, supplier_id=supplier.id)
    assert again.account_verified_at is not None
    with pytest.raises(Denied):
        supplier_accounts.verify_account(actor=person, supplier_id=supplier.id)


@pytest.mark.parametrize(
    ("ending", "code"), [("9991", "supplier.account_holder"), ("9999", "supplier.account")]
)
def test_a_wrong_account_changes_nothing(manager: Actor, sandbox: str, ending: str, code: str) -> None:
    supplier, person = waiting(account_verified_at=clock.now())
    with pytest.raises(Refusal) as refused:
        change(person, ending)
    assert refused.value.code == code
    kept = db.session.get_one(Supplier, supplier.id)
    assert kept.account_number == "110123456789" and kept.account_verified_at is not None


def test_an_account_in_another_name_is_no_suppliers(manager: Actor, sandbox: str) -> None:
    _, person = waiting()
    with pytest.raises(InvalidInput, match=r"supplier\.account_holder"):
        change(person, account_holder="한새빛")
    _, sole = waiting(name="새빛공방", kind=CompanyKind.SOLE, business_number="1208800767")
    assert change(sole, account_holder="한새빛").account_holder == "한새빛"


def test_the_bank_is_asked_so_often_a_day_and_no_more(manager: Actor, sandbox: str) -> None:
    supplier, person = waiting()
    for _ in range(supplier_accounts.MOST_QUESTIONS):
        with pytest.raises(InvalidInput, match=r"supplier\.account"):
            change(person, "9999")
    with pytest.raises(InvalidInput, match=r"supplier\.bank_questions"):
        change(person)
    assert len(trail(supplier, "ask_bank")) == supplier_accounts.MOST_QUESTIONS


@pytest.mark.parametrize("fields", [{"account_number": "12a"}, {"bank_code": "999"}, {"account_holder": " "}])
def test_what_is_typed_wrong_is_named(manager: Actor, fields: dict[str, str]) -> None:
    _, person = waiting()
    with pytest.raises(InvalidInput) as refused:
        change(person, **fields)
    assert refused.value.fields.keys() == fields.keys()


def test_no_account_number_in_the_trail(manager: Actor, sandbox: str) -> None:
    """R-AUD-1"""
    supplier, person = waiting()
    change(person)
    rows = db.session.scalars(select(AuditRow).where(AuditRow.entity == "supplier")).all()
    assert not any("12345670001" in str(row.change) or "110123456789" in str(row.change) for row in rows)
    [row] = trail(supplier, "change_account")
    assert row.change == {"account": ["088 ****6789", "004 ****0001"]}
