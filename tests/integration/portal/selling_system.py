"""A supplier, its paid deal, and its system with a key: what the interface's tests begin with."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app import clock
from app.db import db
from app.models.catalogue import Supplier
from app.models.deals import Deal
from app.models.programme import Programme
from app.models.usage import UsageReport
from app.policy import Actor, Role
from app.portal import api_contract
from tests import factories, schema, settled
from tests.signing import System

NOW = datetime(2020, 11, 16, 9, 0, tzinfo=clock.KST)
DOCUMENT = api_contract.document(base_url="http://localhost")
NAMED = DOCUMENT["components"]["schemas"]


@pytest.fixture
def november(site: Flask) -> Iterator[None]:
    with clock.at(NOW):
        yield


@pytest.fixture
def supplier(site: Flask) -> Supplier:
    return factories.make_supplier()


@pytest.fixture
def seller(supplier: Supplier) -> Actor:
    return factories.make_actor(Role.SUPPLIER, supplier_id=supplier.id)


@pytest.fixture
def system(site: Flask, seller: Actor) -> System:
    db.session.commit()
    return System(site.test_client(), seller)


@pytest.fixture
def deal(site: Flask, supplier: Supplier) -> Deal:
    return paid(supplier)


def paid(supplier: Supplier, month: int = 9) -> Deal:
    at = datetime(2020, month, 10, 14, 0, tzinfo=clock.KST)
    programme = db.session.scalars(select(Programme)).first() or factories.make_programme()
    payment = settled.make_paid(programme, supplier, 300_000, paid_at=at)
    return db.session.get_one(Deal, payment.deal_id)


def row(deal: Deal, **changed: Any) -> dict[str, Any]:
    said = {"dealId": deal.id, "month": "2020-10", "logins": 12, "lastUsedOn": "2020-10-20"} | changed
    return {name: value for name, value in said.items() if value is not ...}


def reports() -> list[tuple[int, date, int]]:
    found = select(UsageReport.deal_id, UsageReport.month, UsageReport.logins).order_by(UsageReport.month)
    return [tuple(each) for each in db.session.execute(found)]


def described(answer: Any, name: str, method: str = "get") -> Any:
    """The answer, which is what its description promises for its status."""
    path = {each.name: each.path for each in api_contract.OPERATIONS}[name]
    responses = DOCUMENT["paths"][path][method]["responses"]
    assert str(answer.status_code) in responses, f"{answer.status_code} is not described: {answer.text}"
    promised = responses[str(answer.status_code)]["content"]["application/json"]["schema"]
    wrong = list(schema.faults(promised, answer.json, NAMED))
    assert wrong == []
    return answer.json
