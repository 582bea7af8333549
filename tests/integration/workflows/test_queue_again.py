"""'재심사만': second rounds are found by their own index, whatever plan the statement is given (R-SCR-3)."""

from __future__ import annotations

import re
from typing import Any

import pytest
from psycopg.sql import Literal
from sqlalchemy import event, text

from app import clock
from app.db import db
from app.models.applications import ApplicationState as State
from app.models.applications import ScreeningRound
from app.policy import Actor, Role
from app.workflows import queue_reads
from tests import factories as make
from tests.plans import analyze

pytestmark = pytest.mark.usefixtures("tx")


def _statement(actor: Actor) -> tuple[str, dict[str, Any]]:
    """What the total of the filter asks."""
    seen: list[tuple[str, dict[str, Any]]] = []

    def listen(*args: Any) -> None:
        seen.append((args[2], args[3]))

    event.listen(db.engine, "before_cursor_execute", listen)
    try:
        assert queue_reads.total(actor=actor, again=True) == 10
    finally:
        event.remove(db.engine, "before_cursor_execute", listen)
    [found] = [each for each in seen if "screening_round" in each[0]]
    return found


def _plan(statement: str, values: dict[str, Any]) -> str:
    """As a connection that has prepared it may come to run it: made for any value of its parameters."""
    names = list(dict.fromkeys(re.findall(r"%\((\w+)\)s", statement)))
    body = re.sub(r"%\((\w+)\)s", lambda found: f"${names.index(found[1]) + 1}", statement)
    connection = db.session.connection().connection.driver_connection
    assert connection is not None
    given = ", ".join(Literal(values[name]).as_string(connection) for name in names)
    connection.execute(f"PREPARE asked AS {body}")
    try:
        rows = connection.execute(f"EXPLAIN EXECUTE asked{f'({given})' if names else ''}").fetchall()
    finally:
        connection.execute("DEALLOCATE asked")
    return "\n".join(row[0] for row in rows)


@pytest.mark.parametrize("role", [Role.REVIEWER, Role.BUDGET_OFFICER])
def test_second_rounds_are_read_by_their_own_index(role: Role) -> None:
    programme, agency = make.make_programme(), make.make_agency()
    for n in range(60):
        company = make.make_company(programme_id=programme.id, agency_id=agency.id)
        case = make.make_application(company=company, state=State.SCREENING)
        about = {"application_id": case.id, "agency_id": agency.id, "programme_id": programme.id}
        for number in range(1, 3 if n < 10 else 2):
            decided = clock.now() if number == 1 else None
            db.session.add(ScreeningRound(**about, number=number, entered_at=clock.now(), decided_at=decided))
    db.session.flush()
    analyze("screening_round", "application")
    asked = _statement(make.make_actor(role, agency_id=agency.id))
    # So few rows lie in one block: what is left is to read them all, or by the index.
    off = ("seqscan", "nestloop", "mergejoin")
    for setting in (*(f"enable_{name} = off" for name in off), "plan_cache_mode = force_generic_plan"):
        db.session.execute(text(f"SET LOCAL {setting}"))
    plan = _plan(*asked)
    assert "ix_screening_round_again" in plan and "Seq Scan on screening_round" not in plan, plan
