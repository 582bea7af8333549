"""What the tests of the bulk actions share: a small programme, its cases, and a run worked off."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.db import db
from app.models.applications import Application
from app.models.applications import ApplicationState as State
from app.models.bulk import BulkOutcome as Outcome
from app.models.bulk import BulkRow, BulkRun
from app.policy import Actor, Role
from app.workflows import bulk, rounds
from tests import factories
from tests.integration.workflows import joining


@pytest.fixture
def stage(tx: Flask) -> joining.Stage:
    return joining.set_stage(vouchers=3, year=2020)


@pytest.fixture
def manager(stage: joining.Stage) -> Actor:
    actor = factories.make_actor(Role.MANAGER, agency_id=stage.agency.id)
    db.session.commit()
    return actor


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "CHUNK", 2)


def cases(stage: joining.Stage, state: State, count: int = 1, **fields: Any) -> list[Application]:
    made = []
    agency_id = fields.pop("agency_id", stage.agency.id)
    for _ in range(count):
        company = factories.make_company(programme_id=stage.programme.id, agency_id=agency_id)
        made.append(factories.make_application(company=company, state=state, **fields))
    if state is State.SCREENING:
        rounds.enter(keys(made))
    db.session.commit()
    return made


def keys(applications: list[Application]) -> list[int]:
    return [application.id for application in applications]


def results(run: BulkRun) -> dict[int, tuple[Outcome, str | None]]:
    rows = db.session.scalars(
        select(BulkRow).where(BulkRow.run_id == run.id).execution_options(populate_existing=True)
    )
    return {row.application_id: (row.outcome, row.reason) for row in rows}


def reason(run: BulkRun, application: Application) -> str:
    return results(run)[application.id][1] or ""


def go(actor: Actor, run: BulkRun) -> BulkRun:
    """Started and worked off, as the jobs do it."""
    bulk.start(actor=actor, run_id=run.id)
    assert run.id in bulk.claim_unattended()
    bulk.work(run_id=run.id)
    return db.session.get_one(BulkRun, run.id, populate_existing=True)
