"""Bulk runs whose workers die, come twice or cross each other (R-SCR-3c)."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from rq import SimpleWorker
from rq.serializers import JSONSerializer
from sqlalchemy import func, select, update

from app import clock
from app.db import db
from app.jobs import queues, tasks
from app.models.applications import Application, ApplicationState
from app.models.bulk import BulkKind, BulkOutcome, BulkRow, BulkRun, BulkState
from app.models.ledger import LedgerAccount
from app.models.offers import OfferState
from app.models.record import Notice, OutboxMessage
from app.models.vouchers import Voucher, VoucherState
from app.policy import Role
from app.workflows import budget, bulk, deadlines, ledger, offers, offers_sweep, record
from tests import factories
from tests.integration.workflows import joining

ROOT = Path(__file__).parents[2]
CHUNK = 3
ROWS = 8

# Forks a worker for each line, as the real one does for each job, and says how it ended. The worker kills
# itself at the given place: inside a chunk, with everything written but the commit, or right after a chunk.
WORKERS = """
import os, signal, sys
import config
from app import create_core
from app.workflows import bulk

run_id, bulk.CHUNK = int(sys.argv[1]), int(sys.argv[2])
act, one = bulk._act, bulk._chunk
app = create_core(config.load(dict(os.environ)))

def killed_inside(*arguments):
    act(*arguments)
    os.kill(os.getpid(), signal.SIGKILL)

def killed_after(*arguments):
    one(*arguments)
    os.kill(os.getpid(), signal.SIGKILL)

for line in sys.stdin:
    pid = os.fork()
    if pid == 0:
        bulk._act = killed_inside if line.strip() == "inside" else act
        bulk._chunk = killed_after if line.strip() == "after" else one
        with app.app_context():
            bulk.work(run_id=run_id)
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
"""


def waiting(stage: joining.Stage, count: int) -> list[int]:
    keys = []
    for _ in range(count):
        company = factories.make_company(programme_id=stage.programme.id, agency_id=stage.agency.id)
        keys.append(factories.make_application(company=company, state=ApplicationState.SCREENED).id)
    db.session.commit()
    return keys


def started(stage: joining.Stage, keys: list[int], *, actor: Any = None) -> int:
    actor = actor or stage.officer
    run = bulk.preview(actor=actor, kind=BulkKind.CONFIRM, application_ids=keys)
    return bulk.start(actor=actor, run_id=run.id).id


@contextlib.contextmanager
def workers(settings: dict[str, Any], run_id: int) -> Iterator[Callable[[str], int]]:
    """Sends a worker of its own process to the run; how it ended."""
    env = os.environ | {
        "KV_ENV": "test",
        "DEMO": "0",
        "KV_HOME": str(settings["KV_HOME"]),
        "DATABASE_URL": settings["SQLALCHEMY_DATABASE_URI"],
        "REDIS_URL": settings["REDIS_URL"],
    }
    command = [sys.executable, "-c", WORKERS, str(run_id), str(CHUNK)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, cwd=ROOT, env=env, **pipes) as process:  # type: ignore[call-overload]
        assert process.stdin and process.stdout

        def send(where: str) -> int:
            process.stdin.write(f"{where}\n")
            process.stdin.flush()
            return int(process.stdout.readline())

        yield send
        process.stdin.close()


def count(*conditions: Any) -> int:
    return db.session.scalar(select(func.count()).where(*conditions)) or 0


def holds_together(run_id: int) -> int:
    """What is written of a run agrees with itself; how many it has done."""
    db.session.rollback()
    run = db.session.get_one(BulkRun, run_id, populate_existing=True)
    done = count(BulkRow.run_id == run_id, BulkRow.outcome == BulkOutcome.DONE)
    approved = count(Application.state == ApplicationState.APPROVED)
    vouchers = db.session.scalar(select(func.count()).select_from(Voucher))
    told = count(Notice.text.contains("승인되었습니다"))
    sent = count(OutboxMessage.kind == "sms")
    assert run.done == done == approved == vouchers == told == sent
    assert ledger.verify() == [] and record.verify() == []
    return done


def test_killed_anywhere_and_run_again_it_finishes_and_grants_nothing_twice(
    committed: Flask, settings: dict[str, Any]
) -> None:
    stage = joining.set_stage(vouchers=ROWS, year=2020)
    run_id = started(stage, waiting(stage, ROWS))
    assert bulk.claim_unattended() == [run_id]
    expected = [("inside", 0), ("after", 3), ("inside", 3), ("after", 6), ("inside", 6)]
    with workers(settings, run_id) as send:
        for where, done in expected:
            assert send(where) == -signal.SIGKILL
            assert holds_together(run_id) == done
            # Nobody has to notice: once its lease is over, the next tick gives the run out again.
            assert bulk.claim_unattended() == []
            db.session.execute(update(BulkRun).values(leased_until=clock.real_now() - timedelta(seconds=1)))
            db.session.commit()
            assert bulk.claim_unattended() == [run_id]
        for _ in range(2):
            assert send("") == 0
            assert holds_together(run_id) == ROWS, "also when it is delivered once more"
    assert db.session.get_one(BulkRun, run_id).state is BulkState.DONE
    assert ledger.balance(LedgerAccount.AGENCY_BUDGET, stage.budget.id) == 0


def test_the_tick_gives_a_started_run_to_a_worker_once(committed: Flask) -> None:
    """Style.md, habit 10: the queue only wakes; a second tick finds the job on its way."""
    stage = joining.set_stage(vouchers=2, year=2020)
    run_id = started(stage, waiting(stage, 2))
    queue = queues.queue(committed, queues.WORK)
    queue.delete(delete_jobs=True)
    for _ in range(2):
        tasks.wake_bulk_runs()
        assert queue.job_ids == [f"bulk_run-{run_id}"]
        db.session.execute(update(BulkRun).values(leased_until=clock.real_now() - timedelta(seconds=1)))
        db.session.commit()
    assert db.session.get_one(BulkRun, run_id, populate_existing=True).tries == 0, "it has only waited"
    SimpleWorker([queue], connection=queue.connection, serializer=JSONSerializer).work(burst=True)
    assert holds_together(run_id) == 2 and queue.job_ids == []
    assert db.session.get_one(BulkRun, run_id).state is BulkState.DONE
    tasks.wake_bulk_runs()
    assert queue.job_ids == []


def test_three_workers_on_one_run_do_each_row_once(
    committed: Flask, together: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "CHUNK", 4)
    stage = joining.set_stage(vouchers=30, year=2020)
    run_id = started(stage, waiting(stage, 30))
    assert together(*[lambda: bulk.work(run_id=run_id)] * 3) == [None] * 3
    assert holds_together(run_id) == 30
    assert db.session.get_one(BulkRun, run_id).state is BulkState.DONE


def test_two_officers_runs_over_the_same_cases_share_one_budget(
    committed: Flask, together: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R-MONEY-4, R-SCR-4: 12 vouchers' worth, 20 cases, chunks that cross."""
    monkeypatch.setattr(bulk, "CHUNK", 3)
    stage = joining.set_stage(vouchers=12, year=2020)
    other = factories.make_actor(Role.BUDGET_OFFICER)
    keys = waiting(stage, 20)
    first, second = started(stage, keys), started(stage, keys[::-1], actor=other)
    done = together(lambda: bulk.work(run_id=first), lambda: bulk.work(run_id=second))
    assert done == [None, None]
    db.session.rollback()
    runs = [db.session.get_one(BulkRun, key, populate_existing=True) for key in (first, second)]
    assert [run.state for run in runs] == [BulkState.DONE] * 2
    assert sum(run.done for run in runs) == 12 and all(run.done + run.refused == 20 for run in runs)
    assert ledger.balance(LedgerAccount.AGENCY_BUDGET, stage.budget.id) == 0
    listed = Application.waitlisted_at.is_not(None)
    assert count(listed) == count(Application.state == ApplicationState.SCREENED) == 8
    assert count(Notice.text.contains("예산을 기다리고 있습니다")) == 8
    assert ledger.verify() == [] and record.verify() == []


def test_confirming_while_money_comes_back_and_is_offered(committed: Flask, together: Any) -> None:
    """R-MONEY-4, R-SCR-4: expiry, offers and two confirmations at once never promise a won twice."""
    with clock.at(clock.now()):
        stage = joining.set_stage(vouchers=10, year=2020)
        other = factories.make_actor(Role.BUDGET_OFFICER)
        held = waiting(stage, 10)
        assert len(budget.confirm(actor=stage.officer, application_ids=held).done) == 10
        keys = waiting(stage, 16)
        assert len(budget.confirm(actor=stage.officer, application_ids=keys[:8]).no_budget) == 8
        due = db.session.scalars(select(Voucher.first_payment_by)).first()
    assert due is not None

    def confirm(actor: Any, wanted: list[int]) -> Any:
        def run() -> list[int]:
            with clock.at(due):
                return budget.confirm(actor=actor, application_ids=wanted).done

        return run

    results = together(
        lambda: deadlines.sweep(at=due),
        lambda: offers_sweep.sweep(at=due),
        confirm(stage.officer, keys[:12]),
        confirm(other, keys[6:][::-1]),
    )
    assert not [result for result in results if isinstance(result, Exception)], results
    db.session.rollback()
    done = [*results[2], *results[3]]
    assert len(done) == len(set(done))
    kept = offers.reserved([stage.budget.id])[stage.budget.id]
    left = ledger.balance(LedgerAccount.AGENCY_BUDGET, stage.budget.id)
    returned = count(Voucher.state == VoucherState.REVOKED)
    assert left == 3_600_000 * (returned - len(done)) and 0 <= kept <= left
    used = select(func.count()).select_from(offers.BudgetOffer)
    open_of_done = used.where(
        offers.BudgetOffer.application_id.in_(done), offers.BudgetOffer.state.in_(offers.OPEN)
    )
    assert db.session.scalar(open_of_done) == 0
    assert count(offers.BudgetOffer.state == OfferState.USED) <= len(done)
    assert ledger.verify() == [] and record.verify() == []
