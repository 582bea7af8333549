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
    paper_exports_work,
    payment_resolution,
    record,
    signup_cleanup,
    slips_drawing,
    statements,
    suspicion,
    tax_invoice_asks,
    tax_office_checks,
    usage_api,
    usage_watch,
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
    done = outbox.drain()
    if done.done:
        # Slips may have been numbered: whoever paid looks for them now.
        wake_slips()
    return asdict(done)


@task(queue=queues.TICKS, timeout=60)
def wake_slips() -> None:
    """Give slips that wait to be drawn to as many workers as they are worth."""
    hands = slips_drawing.hands()
    if hands:
        queue = queues.queue(current_app._get_current_object(), queues.WORK)  # type: ignore[attr-defined]
        # A dead worker's job counts as busy for a while: another hand takes what it had.
        busy = queue.started_job_registry.get_job_ids()
        idle = [hand for hand in slips_drawing.HANDS if hand not in busy]
        for hand in idle[:hands]:
            _give_out("draw_slips", hand)


@task(queue=queues.WORK, timeout=600)
def draw_slips() -> int:
    return slips_drawing.work()


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


@task(queue=queues.TICKS, timeout=300)
def watch_usage() -> dict[str, int]:
    return asdict(usage_watch.sweep())


@task(queue=queues.WORK, timeout=600, retries=(60, 600))
def forget_requests() -> int:
    return usage_api.forget_old()


@task(queue=queues.TICKS, timeout=120)
def ask_invoices() -> None:
    """What a payment by ZeroPay, or its cancellation, wants of its supplier (R-SET-1)."""
    tax_invoice_asks.ask()


@task(queue=queues.WORK, timeout=1800, retries=(60, 600))
def forget_signups() -> dict[str, int]:
    return asdict(signup_cleanup.forget_old())


@task(queue=queues.TICKS, timeout=60)
def wake_bulk_runs() -> None:
    """Give each run without a worker to one, unless one is on its way there: bulk actions (R-SCR-3c),
    deadlines that a stop of the clocks or a closing day moves (R-TIME-5a), exported documents (R-DOC-2)."""
    for run_id in bulk.claim_unattended():
        _give_out("work_bulk_run", f"bulk_run-{run_id}", run_id)
    for run_id in clock_runs.claim_unattended():
        _give_out("work_clock_run", f"clock_run-{run_id}", run_id)
    for export_id in paper_exports_work.claim_unattended():
        _give_out("work_paper_export", f"paper_export-{export_id}", export_id)


def _give_out(name: str, job_id: str, *args: int) -> None:
    queue = queues.queue(current_app._get_current_object(), queues.WORK)  # type: ignore[attr-defined]
    if queue.get_job_position(job_id) is None:
        options = {"job_timeout": TASKS[name].timeout, "result_ttl": 0, "failure_ttl": 86_400}
        queue.enqueue(f"{__name__}.{name}", args=args, job_id=job_id, **options)


@task(queue=queues.WORK, timeout=900)
def fetch_statements() -> int:
    """The daily files of card and ZeroPay; whatever comes is matched by the outbox (R-SET-3)."""
    return statements.fetch_due()


@task(queue=queues.WORK, timeout=1800)
def work_bulk_run(run_id: int) -> None:
    bulk.work(run_id=run_id)


@task(queue=queues.WORK, timeout=1800)
def work_clock_run(run_id: int) -> None:
    clock_runs.work(run_id=run_id)


@task(queue=queues.TICKS, timeout=300)
def look_for_suspicion() -> dict[str, int]:
    """Payments that look wrong are held, and wait for a person (R-SET-4)."""
    return asdict(suspicion.look())


@task(queue=queues.WORK, timeout=3600)
def work_paper_export(export_id: int) -> None:
    paper_exports_work.work(export_id=export_id)


@task(queue=queues.WORK, timeout=600, retries=(60, 600))
def forget_exports() -> int:
    return paper_exports_work.forget_expired()
