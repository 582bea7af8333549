"""A small lifecycle on a real table, so that the engine is tested apart from any chapter's rules."""

from contextlib import contextmanager

import pytest
from sqlalchemy import Engine, event

from app.db import transaction
from app.models.applications import Application
from app.models.applications import ApplicationState as S
from app.policy import Actor, Role
from app.policy import Permission as P
from app.workflows.lifecycle import Edge, Lifecycle, Tell
from tests import factories

TOY = Lifecycle(
    "toy",
    Application,
    (S.SCREENING,),
    (
        Edge(
            action="hold",
            label="보류",
            source=S.SCREENING,
            target=S.ON_HOLD,
            permission=P.SCREENING_DECIDE,
            needs_reason=True,
            tell=(Tell(to="company", text="보류되었습니다. 사유: {reason} {name}", link="/status"),),
        ),
        Edge(
            action="resubmit",
            label="보완 제출",
            source=S.ON_HOLD,
            target=S.SCREENING,
            permission=P.APPLICATION_SUBMIT,
        ),
        Edge(
            action="confirm",
            label="심사확정",
            source=S.SCREENING,
            target=S.SCREENED,
            permission=P.SCREENING_DECIDE,
        ),
        Edge(
            action="approve",
            label="예산확정",
            source=S.SCREENED,
            target=S.APPROVED,
            permission=P.BUDGET_CONFIRM,
            other_than=("screened_by_id",),
            tell=(Tell(to="company", text="승인되었습니다."),),
        ),
    ),
)


@pytest.fixture
def toy():
    return TOY


@pytest.fixture
def application(tx):
    # Committed (to the savepoint), so that a refusal's rollback cannot take the set-up with it.
    with transaction():
        return factories.make_application(company=factories.make_company(), state=S.SCREENING)


@pytest.fixture
def reviewer(application):
    return Actor(id=101, role=Role.REVIEWER, name="심사원", agency_id=application.agency_id, ip="10.0.0.7")


@pytest.fixture
def officer():
    return Actor(id=102, role=Role.BUDGET_OFFICER, name="예산담당")


@pytest.fixture
def applicant(application):
    return Actor(id=103, role=Role.DEMAND, name="신청인", company_id=application.company_id)


@pytest.fixture
def statements(tx):
    """`with statements() as seen:` collects the statements that reach the database."""

    @contextmanager
    def listen():
        seen = []

        def note(connection, cursor, statement, parameters, context, executemany):
            seen.append(statement)

        event.listen(Engine, "before_cursor_execute", note)
        try:
            yield seen
        finally:
            event.remove(Engine, "before_cursor_execute", note)

    return listen
