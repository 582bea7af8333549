"""An address that no link leads to is answered with a page, never with an error of ours."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from app.db import db
from app.models.applications import ApplicationState as State
from app.models.people import Account
from app.policy import Role
from tests import factories

HUGE = "9" * 20


@pytest.fixture
def client(site: Flask, log_in_as: Callable[[Account], Any]) -> Any:
    company = factories.make_company()
    factories.make_application(company=company, state=State.ON_HOLD)
    account = factories.make_account(Role.DEMAND, company_id=company.id)
    db.session.commit()
    return log_in_as(account)


def test_a_cursor_that_no_table_could_hold_begins_the_list(client: Any) -> None:
    assert client.get(f"/company/edits?after={HUGE}").status_code == 200
    assert client.get("/company/edits?after=٣").status_code == 200


@pytest.mark.parametrize("verb", ["accept", "decline"])
def test_an_offer_that_no_table_could_hold_is_unknown(client: Any, verb: str) -> None:
    answer = client.post(f"/company/offers/{HUGE}/{verb}", data={"confirmed": "1"})
    assert answer.status_code == 404


def test_a_document_that_no_table_could_hold_is_unknown(client: Any) -> None:
    assert client.get(f"/company/documents/{HUGE}").status_code == 404


def test_a_bill_that_no_table_could_hold_is_none(client: Any) -> None:
    assert client.get(f"/cart/pay?id={HUGE}").status_code == 302
