"""A programme with money, an agency of its own, staff of every role, and a case that waits."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask, g
from flask.testing import FlaskClient

from app.db import db
from app.models.applications import ApplicationState
from app.models.programme import VatMode
from app.policy import Role
from app.workflows import budget
from tests import factories as make

STAFF = [role for role in Role if role.is_staff]
_year = itertools.count(2300)


@pytest.fixture
def world(site: Flask) -> SimpleNamespace:
    """The programme is the current one: its year is the latest."""
    programme = make.make_programme(year=next(_year), vat_mode=VatMode.INCLUDED)
    agency, lead = make.make_agency(), make.make_agency(is_lead=True)
    make.make_agency_budget(programme=programme, agency=agency)
    staff = {}
    for role in STAFF:
        home = agency if role.is_operating_agency else lead
        staff[role] = make.make_account(role, agency_id=home.id)
    manager, officer = staff[Role.PROGRAMME_MANAGER].actor(), staff[Role.BUDGET_OFFICER].actor()
    budget.fund(actor=manager, programme_id=programme.id, amount=100_000_000, key="test")
    give = {"programme_id": programme.id, "agency_id": agency.id, "amount": 50_000_000, "key": "test"}
    budget.allocate(actor=officer, **give)

    def case(state: ApplicationState = ApplicationState.SCREENING, **fields: Any) -> Any:
        company = make.make_company(programme_id=programme.id, agency_id=fields.pop("agency_id", agency.id))
        application = make.make_application(company=company, state=state, **fields)
        # A refusal rolls back to the last commit: what is set up must not go with it.
        db.session.commit()
        return application

    db.session.commit()
    return SimpleNamespace(programme=programme, agency=agency, lead=lead, staff=staff, case=case)


@pytest.fixture
def browser(world: SimpleNamespace, log_in_as: Callable[..., FlaskClient]) -> Callable[[Role], FlaskClient]:
    def of(role: Role) -> FlaskClient:
        # The test's application context outlives a request, and with it who was logged in there.
        g.pop("_login_user", None)
        return log_in_as(world.staff[role])

    return of


@pytest.fixture
def said() -> Callable[[Any], str]:
    """The page that a POST leads to, as text."""

    def follow(client: FlaskClient, *args: Any, **kwargs: Any) -> str:
        response = client.post(*args, **kwargs, follow_redirects=True)
        return response.get_data(as_text=True)

    return follow  # type: ignore[return-value]
