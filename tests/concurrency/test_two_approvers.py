"""Two people press at the same instant, on two connections: one of them wins."""

import threading
import time

import pytest
from sqlalchemy import select, text

from app.db import db, transaction
from app.errors import Conflict
from app.models.applications import Application
from app.models.applications import ApplicationState as S
from app.policy import Actor, Permission, Role
from app.workflows import lifecycle, record
from app.workflows.lifecycle import Edge, Lifecycle, Tell
from tests import factories

TOY = Lifecycle(
    "toy",
    Application,
    (S.SCREENED,),
    (
        Edge(
            action="approve",
            label="예산확정",
            source=S.SCREENED,
            target=S.APPROVED,
            permission=Permission.BUDGET_CONFIRM,
            tell=(Tell(to="company", text="승인되었습니다."),),
        ),
    ),
)


def officer(number):
    return Actor(id=number, role=Role.BUDGET_OFFICER, name=f"예산담당{number}")


@pytest.fixture
def application(committed):
    with transaction():
        return factories.make_application(company=factories.make_company(), state=S.SCREENED).id


def count(table):
    return db.session.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()


def test_one_of_two_approvers_wins_though_both_had_read_the_case(application, together):
    both_have_read = threading.Barrier(2, timeout=30)

    def approve(number):
        read = db.session.get(Application, application)
        assert read.state is S.SCREENED
        both_have_read.wait()
        return lifecycle.fire(TOY, application, "approve", actor=officer(number)).state

    results = together(lambda: approve(1), lambda: approve(2))
    assert results.count(S.APPROVED) == 1
    (refused,) = [r for r in results if r is not S.APPROVED]
    assert isinstance(refused, Conflict) and refused.code == "toy.approve.state"
    assert [count(t) for t in ("audit_row", "notice", "outbox_message")] == [1, 1, 1]
    assert record.verify() == []


def test_with_a_plain_lock_both_would_have_won(application, together):
    """Why lock() reads afresh: FOR UPDATE alone waits, and then answers with what was read before."""
    both_have_read = threading.Barrier(2, timeout=30)

    def approve_plainly():
        read = db.session.get(Application, application)
        both_have_read.wait()
        statement = select(Application).where(Application.id == application).with_for_update()
        row = db.session.execute(statement).scalar_one()
        if read.state is not S.SCREENED:
            return False
        row.state = S.APPROVED
        db.session.commit()
        return True

    assert together(approve_plainly, approve_plainly) == [True, True]


@pytest.fixture
def many(committed):
    with transaction():
        programme, agency = factories.make_programme(), factories.make_agency()
        return [
            factories.make_application(
                company=factories.make_company(programme_id=programme.id, agency_id=agency.id),
                state=S.SCREENED,
            ).id
            for _ in range(20)
        ]


def sweep(keys, number, **options):
    return lifecycle.fire_many(TOY, keys, "approve", actor=officer(number), source=S.SCREENED, **options)


@pytest.mark.parametrize("skip_locked", [False, True])
def test_two_bulk_decisions_move_each_case_once(many, together, skip_locked):
    """In whatever order they name the cases: no deadlock, nothing twice (R-SCR-3c)."""
    results = together(
        lambda: sweep(many, 1, skip_locked=skip_locked),
        lambda: sweep(many[::-1], 2, skip_locked=skip_locked),
    )
    moved = results[0] + results[1]
    assert len(moved) == len(set(moved))
    left = sweep(many, 3)
    assert sorted(moved + left) == many
    assert skip_locked or not left
    assert [count(t) for t in ("audit_row", "notice", "outbox_message")] == [20, 20, 20]


def test_a_sweeper_does_not_wait_for_what_somebody_holds(many, together):
    """R-TIME-6: with skip_locked the held case is left to the next sweep."""
    held, swept = threading.Event(), threading.Event()

    def hold():
        with transaction():
            db.session.get(Application, many[0], with_for_update=True)
            held.set()
            assert swept.wait(20), "the sweeper waited for the lock"

    def pass_by():
        assert held.wait(20)
        began = time.monotonic()
        moved = sweep(many, 1, skip_locked=True)
        swept.set()
        return moved, time.monotonic() - began

    problem, (moved, seconds) = together(hold, pass_by)
    assert problem is None
    assert moved == many[1:] and seconds < 10
    assert sweep(many, 2, skip_locked=True) == many[:1]
