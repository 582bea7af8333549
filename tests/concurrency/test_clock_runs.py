"""Deadlines on their way: workers that die, come twice or cross sweeps and answers (R-TIME-5a, R-TIME-6)."""

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
from app.models.deals import Deal, DealState
from app.models.programme import ClockRun, ClockRunRow
from app.models.record import AuditRow, Notice
from app.models.vouchers import Voucher
from app.policy import Actor, Role
from app.workflows import clock_runs, clock_stops, deadlines, deals, record
from tests import factories
from tests.market import ANSWER_DUE, MONDAY, Market, make_market, make_voucher

ROOT = Path(__file__).parents[2]
CHUNK = 3
DEALS, VOUCHERS = 7, 4
HOUR = timedelta(hours=1)
Together = Callable[..., list[Any]]

# Forks a worker for each line, as the real one does for each job, and says how it ended. The worker kills
# itself at the given place: inside a chunk, with everything written but the commit, or right after a chunk.
WORKERS = """
import os, signal, sys
import config
from app import create_core
from app.workflows import clock_runs

run_id, clock_runs.CHUNK = int(sys.argv[1]), int(sys.argv[2])
settle, one = clock_runs._settle, clock_runs._chunk
app = create_core(config.load(dict(os.environ)))

def killed_inside(*arguments):
    settle(*arguments)
    os.kill(os.getpid(), signal.SIGKILL)

def killed_after(*arguments):
    one(*arguments)
    os.kill(os.getpid(), signal.SIGKILL)

for line in sys.stdin:
    pid = os.fork()
    if pid == 0:
        clock_runs._settle = killed_inside if line.strip() == "inside" else settle
        clock_runs._chunk = killed_after if line.strip() == "after" else one
        with app.app_context():
            clock_runs.work(run_id=run_id)
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
"""


def open_market(number: int, companies: int) -> tuple[Market, Actor]:
    """A market with so many deals under consultation, and so many vouchers."""
    with clock.at(MONDAY):
        market, manager = make_market(), factories.make_actor(Role.PROGRAMME_MANAGER)
        made = [
            Deal(
                programme_id=market.programme.id,
                company_id=market.company.id,
                supplier_id=market.supplier.id,
                offering_id=market.offering.id,
                version_id=market.offering.current_version_id,
                state=DealState.CONSULTING,
                memo="상담 요청",
                requested_at=MONDAY,
                due_at=ANSWER_DUE,
            )
            for _ in range(number)
        ]
        db.session.add_all(made)
        for _ in range(companies - 1):
            make_voucher(factories.make_company(programme_id=market.programme.id))
        db.session.commit()
    return market, manager


def declared(market: Market, manager: Actor) -> int:
    with clock.at(MONDAY):
        return clock_stops.declare(
            actor=manager,
            programme_id=market.programme.id,
            starts_at=ANSWER_DUE - 4 * HOUR,
            ends_at=ANSWER_DUE - HOUR,
            reason="장애",
        ).id


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
    """What is written of a run agrees with itself; how many clocks have moved."""
    db.session.rollback()
    run = db.session.get_one(ClockRun, run_id, populate_existing=True)
    deals_moved = count(Deal.programme_id == run.programme_id, Deal.due_at == ANSWER_DUE + 3 * HOUR)
    moved_vouchers = count(
        Voucher.programme_id == run.programme_id,
        AuditRow.entity == "voucher",
        AuditRow.entity_id == Voucher.id,
        AuditRow.action == "stop_clock",
    )
    trail = count(AuditRow.entity == "deal", AuditRow.action == "stop_clock")
    messages = count(Notice.key.like("deal:%:supplier"), Notice.text.contains("늦춰졌습니다"))
    assert deals_moved == trail == messages
    waiting = count(ClockRunRow.run_id == run_id, ClockRunRow.told.is_(None))
    assert waiting == run.rows - deals_moved - moved_vouchers
    if run.finished_at is not None:
        assert (waiting, run.moved_deals, run.moved_vouchers) == (0, deals_moved, moved_vouchers)
    assert record.verify() == []
    return deals_moved + moved_vouchers


def let_the_lease_end() -> None:
    db.session.execute(update(ClockRun).values(leased_until=clock.real_now() - timedelta(seconds=1)))
    db.session.commit()


def test_killed_anywhere_and_run_again_it_finishes_and_moves_nothing_twice(
    committed: Flask, settings: dict[str, Any]
) -> None:
    market, manager = open_market(DEALS, VOUCHERS)
    run_id = declared(market, manager)
    assert clock_runs.claim_unattended() == [run_id]
    expected = [("inside", 0), ("after", 3), ("inside", 3), ("after", 6), ("after", 7), ("inside", 7)]
    with workers(settings, run_id) as send:
        for where, done in expected:
            assert send(where) == -signal.SIGKILL
            assert holds_together(run_id) == done
            assert deadlines.sweep(at=ANSWER_DUE).consultations == 0, "what waits is held"
            # Nobody has to notice: once its lease is over, the next tick gives the run out again.
            assert clock_runs.claim_unattended() == []
            let_the_lease_end()
            assert clock_runs.claim_unattended() == [run_id]
        for _ in range(2):
            assert send("") == 0
            assert holds_together(run_id) == DEALS + VOUCHERS, "also when it is delivered once more"
    assert db.session.get_one(ClockRun, run_id).finished_at is not None
    assert count(ClockRunRow.run_id == run_id) == 0
    assert deadlines.sweep(at=ANSWER_DUE + 3 * HOUR).consultations == DEALS


def test_the_tick_gives_a_declared_run_to_a_worker_once(committed: Flask) -> None:
    """The queue only wakes: a second tick finds the job on its way."""
    market, manager = open_market(2, 1)
    run_id = declared(market, manager)
    queue = queues.queue(committed, queues.WORK)
    queue.delete(delete_jobs=True)
    for _ in range(2):
        tasks.wake_bulk_runs()
        assert queue.job_ids == [f"clock_run-{run_id}"]
        let_the_lease_end()
    SimpleWorker([queue], connection=queue.connection, serializer=JSONSerializer).work(burst=True)
    assert holds_together(run_id) == 3 and queue.job_ids == []
    assert db.session.get_one(ClockRun, run_id).finished_at is not None
    tasks.wake_bulk_runs()
    assert queue.job_ids == []


def test_three_workers_and_two_sweeps_move_each_once_and_end_none(
    committed: Flask, together: Together, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R-TIME-6: at the old deadline, in whatever chunk a deal is."""
    monkeypatch.setattr(clock_runs, "CHUNK", 4)
    market, manager = open_market(30, 10)
    run_id = declared(market, manager)
    sweeps = [lambda: deadlines.sweep(at=ANSWER_DUE)] * 2
    *swept, _, _, _ = together(*sweeps, *[lambda: clock_runs.work(run_id=run_id)] * 3)
    assert [one.consultations for one in swept] == [0, 0]
    assert holds_together(run_id) == 40
    assert db.session.get_one(ClockRun, run_id).finished_at is not None


def test_answers_at_that_moment_are_in_time_and_nothing_moves_twice(
    committed: Flask, together: Together, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R-TIME-5a: after the old deadline an answer moves its deal first, or finds it moved by the job."""
    monkeypatch.setattr(clock_runs, "CHUNK", 2)
    market, manager = open_market(12, 1)
    run_id = declared(market, manager)
    keys = list(db.session.scalars(select(Deal.id).where(Deal.programme_id == market.programme.id)))

    def answer(mine: list[int]) -> Callable[[], None]:
        def run() -> None:
            for key in mine:
                with clock.at(ANSWER_DUE + HOUR):
                    deals.accept(actor=market.seller, deal_id=key)

        return run

    backwards = sorted(keys, reverse=True)
    results = together(
        answer(backwards[::2]), answer(backwards[1::2]), *[lambda: clock_runs.work(run_id=run_id)] * 2
    )
    assert results == [None] * 4
    db.session.rollback()
    run = db.session.get_one(ClockRun, run_id, populate_existing=True)
    assert (run.moved_deals, run.moved_vouchers) == (12, 1) and run.finished_at is not None
    own = (AuditRow.entity == "deal", AuditRow.action == "stop_clock")
    assert count(*own) == 12 == len(set(db.session.scalars(select(AuditRow.entity_id).where(*own))))
    assert count(Deal.state == DealState.ACCEPTED) == 12 and record.verify() == []
