"""시스템 연동(API): keys are issued and revoked, and the page tells engineers what they need (R-SET-1a)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, text

from app.db import db
from app.errors import Conflict, Denied, InvalidInput, NotFound
from app.models.catalogue import Supplier
from app.models.people import Account
from app.models.record import AuditRow, Notice
from app.models.supplier_keys import SupplierKey
from app.policy import Actor, Role
from app.portal import api_contract
from app.workflows import supplier_keys
from tests import factories
from tests.integration.portal.buying import path_of

LogIn = Callable[[Account], FlaskClient]
PAGE = "/supply/usage/api"


@pytest.fixture
def supplier(site: Flask) -> Supplier:
    return factories.make_supplier()


@pytest.fixture
def account(supplier: Supplier) -> Account:
    return factories.make_account(Role.SUPPLIER, supplier_id=supplier.id)


@pytest.fixture
def browser(account: Account, log_in_as: LogIn) -> FlaskClient:
    return log_in_as(account)


@pytest.fixture
def seller(supplier: Supplier) -> Actor:
    actor = factories.make_actor(Role.SUPPLIER, supplier_id=supplier.id)
    db.session.commit()
    return actor


def issue(browser: FlaskClient, name: str = "고객관리 시스템", **more: str) -> Any:
    return browser.post(f"{PAGE}/keys", data={"name": name, "confirmed": "1"} | more)


def keys() -> list[SupplierKey]:
    return list(db.session.scalars(select(SupplierKey).order_by(SupplierKey.id)))


def test_a_key_is_issued_after_a_question_and_its_secret_is_shown_once(browser: FlaskClient) -> None:
    asked = issue(browser, confirmed="")
    assert "새 연동 키를 발급할까요?" in asked.text and keys() == []
    page = issue(browser)
    [key] = keys()
    assert page.headers["Cache-Control"] == "no-store"
    assert key.key_id in page.text and key.secret in page.text
    later = browser.get(PAGE).text
    assert key.key_id in later and key.secret not in later and "사용 중" in later


def test_the_secret_is_encrypted_at_rest_and_stands_in_no_trail(browser: FlaskClient) -> None:
    issue(browser)
    [key] = keys()
    stored = bytes(db.session.execute(text("SELECT secret FROM supplier_key")).scalar_one())
    assert key.secret.encode() not in stored
    trail = list(db.session.scalars(select(AuditRow).filter_by(entity="supplier_key")))
    assert [row.action for row in trail] == ["issue"] and key.secret not in str(trail[0].change)
    [notice] = db.session.scalars(select(Notice))
    assert "고객관리 시스템" in notice.text and notice.link == PAGE and key.secret not in notice.text


def test_the_same_press_again_issues_no_second_key(browser: FlaskClient) -> None:
    issue(browser)
    again = issue(browser, name="  고객관리   시스템 ")
    assert again.status_code == 422 and "이름의 키가 이미 있습니다" in again.text
    assert len(keys()) == 1


@pytest.mark.parametrize("name", ["", "   ", "가" * 41])
def test_a_name_is_needed(browser: FlaskClient, name: str) -> None:
    assert issue(browser, name=name).status_code == 422 and keys() == []


def test_there_are_so_many_keys_and_no_more(seller: Actor) -> None:
    for number in range(supplier_keys.MOST_KEYS):
        supplier_keys.issue(actor=seller, name=f"시스템 {number}")
    with pytest.raises(Conflict) as most:
        supplier_keys.issue(actor=seller, name="하나 더")
    assert most.value.code == "api_key.most"
    supplier_keys.revoke(actor=seller, key_id=keys()[0].id)
    supplier_keys.issue(actor=seller, name="시스템 0")
    with pytest.raises(InvalidInput):
        supplier_keys.issue(actor=seller, name="시스템 1")


def test_a_key_is_revoked_after_a_question_and_for_good(browser: FlaskClient) -> None:
    issue(browser)
    [key] = keys()
    address = f"{PAGE}/keys/{key.id}/revoke"
    assert "폐기할까요?" in browser.post(address).text and key.revoked_at is None
    assert path_of(browser.post(address, data={"confirmed": "1"})) == PAGE
    first = keys()[0].revoked_at
    assert first is not None and "폐기" in browser.get(PAGE).text
    browser.post(address, data={"confirmed": "1"})
    assert keys()[0].revoked_at == first
    actions = select(AuditRow.action).filter_by(entity="supplier_key").order_by(AuditRow.seq)
    assert list(db.session.scalars(actions)) == ["issue", "revoke"]


def test_another_suppliers_key_is_nobody_elses_business(browser: FlaskClient, seller: Actor) -> None:
    issue(browser)
    [key] = keys()
    stranger = factories.make_actor(Role.SUPPLIER, supplier_id=factories.make_supplier().id)
    db.session.commit()
    with pytest.raises(NotFound):
        supplier_keys.revoke(actor=stranger, key_id=key.id)
    assert supplier_keys.mine(actor=stranger) == []
    buyer = factories.make_actor(Role.DEMAND, company_id=factories.make_company().id)
    db.session.commit()
    with pytest.raises(Denied):
        supplier_keys.issue(actor=buyer, name="엿보기")


def test_the_page_has_what_an_engineer_needs(browser: FlaskClient) -> None:
    page = browser.get(PAGE).text
    for operation in api_contract.OPERATIONS:
        assert f"{operation.method} {operation.path}" in page and operation.summary in page
    assert "4c0f9348639c8705879a48d450d72027bb0b06764cc44ab787e91730a7d71833" in page
    assert "hmac.new" in page and "openssl dgst" in page and "/api/v1/openapi.json" in page
    assert "발급한 키가 없습니다" in page and re.search(r"5분 넘게 다르면", page)
