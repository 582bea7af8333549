"""What RQ runs: thin, callable twice, each with its queue, time-out and retry."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from flask import current_app

from app.jobs import outbox, queues
from app.workflows import (
    bulk,
    clock_runs,
    deadlines,
    demonstration,
    instrument_issue,
    payment_resolution,
    record,
    signup_cleanup,
    tax_office_checks,
)

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Task:
    """How a function is run as a job: RQ calls it by its dotted name."""

    run: Callable[..., Any]
    queue: str
    timeout: int
    """Seconds."""
    retries: tuple[int, ...]
    """Seconds to wait before each retry; the schedule itself retries what it wakes again anyway."""


TASKS: dict[str, Task] = {}


def task(*, queue: str, timeout: int, retries: tuple[int, ...] = ()) -> Callable[..., Any]:
    """Declare a job. It runs in the programme's time (R-TIME-7)."""

    def declare(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def run(*args: Any) -> Any:
            if current_app.config["DEMO"]:
                demonstration.set_process_clock()
            return function(*args)

        TASKS[function.__name__] = Task(run, queue, timeout, retries)
        return run

    return declare


@task(queue=queues.TICKS, timeout=120)
def drain_outbox() -> dict[str, int]:
    return asdict(outbox.drain())


@task(queue=queues.TICKS, timeout=300)
def sweep_deadlines() -> None:
    deadlines.sweep()


@task(queue=queues.TICKS, timeout=60)
def seal_audit() -> None:
    record.seal()


@task(queue=queues.TICKS, timeout=120)
def resolve_payments() -> None:
    payment_resolution.resolve()


@task(queue=queues.TICKS, timeout=120)
def refresh_instruments() -> None:
    instrument_issue.refresh_issues()


@task(queue=queues.TICKS, timeout=300)
def recheck_tax_office() -> None:
    tax_office_checks.recheck_waiting()


@task(queue=queues.WORK, timeout=1800, retries=(60, 600))
def forget_signups() -> dict[str, int]:
    return asdict(signup_cleanup.forget_old())


@task(queue=queues.TICKS, timeout=60)
def wake_bulk_runs() -> None:
    """Give each run that nobody works on to a worker, unless one is on its way there: bulk actions (R-SCR-3c)
    and deadlines that a stop of the clocks or a closing day moves (R-TIME-5a)."""
    for run_id in bulk.claim_unattended():
        _give_out("work_bulk_run", f"bulk_run-{run_id}", run_id)
    for run_id in clock_runs.claim_unattended():
        _give_out("work_clock_run", f"clock_run-{run_id}", run_id)


def _give_out(name: str, job_id: str, run_id: int) -> None:
    queue = queues.queue(current_app._get_current_object(), queues.WORK)  # type: ignore[attr-defined]
    if queue.get_job_position(job_id) is None:
        options = {"job_timeout": TASKS[name].timeout, "result_ttl": 0, "failure_ttl": 86_400}
        queue.enqueue(f"{__name__}.{name}", args=(run_id,), job_id=job_id, **options)


@task(queue=queues.WORK, timeout=1800)
def work_bulk_run(run_id: int) -> None:
    bulk.work(run_id=run_id)


@task(queue=queues.WORK, timeout=1800)
def work_clock_run(run_id: int) -> None:
    clock_runs.work(run_id=run_id)
