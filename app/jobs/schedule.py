"""The schedule, as a table: what is woken how often. It needs no storage and reconciles itself at start."""

from __future__ import annotations

import logging
import signal
import threading
import time
from typing import Any

from flask import Flask
from redis.exceptions import RedisError
from rq.exceptions import DuplicateJobError
from rq.job import Retry

from app import clock
from app.jobs import queues, tasks

log = logging.getLogger(__name__)

EVERY_SECONDS: dict[str, int] = {
    "seal_audit": 1,
    "drain_outbox": 2,
    "wake_bulk_runs": 2,
    "wake_slips": 2,
    "resolve_payments": 5,
    "sweep_deadlines": 15,
    "refresh_instruments": 30,
    "recheck_tax_office": 60,
    "ask_invoices": 60,
    "fetch_statements": 600,
    "watch_usage": 3_600,
    "look_for_suspicion": 3_600,
    "forget_requests": 86_400,
    "forget_exports": 86_400,
    "forget_signups": 86_400,
}

# Seconds for which a slot's job is remembered beyond the slot itself.
REMEMBERED = 90

_TURN = 0.25


def enqueue(app: Flask, name: str, *args: Any, job_id: str | None = None) -> str | None:
    """Wake a task; None where a job of this id waits or ran already."""
    declared = tasks.TASKS[name]
    # A job with an id of its own is remembered after it ran, so that a second scheduler cannot wake it again.
    options: dict[str, Any] = {"failure_ttl": 86_400}
    options["result_ttl"] = EVERY_SECONDS.get(name, 0) + REMEMBERED if job_id else 0
    options["job_timeout"] = declared.timeout
    if declared.retries:
        options["retry"] = Retry(max=len(declared.retries), interval=list(declared.retries))
    try:
        job = queues.queue(app, declared.queue).enqueue(
            f"{tasks.__name__}.{name}", args=args, job_id=job_id, unique=job_id is not None, **options
        )
    except DuplicateJobError:
        return None
    return str(job.id)


class Scheduler:
    """Enqueues each task once per slot. Any number may run: a slot's job id is the same for all of them."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.stop = threading.Event()
        self.slots: dict[str, int] = {}
        self.waiting: dict[str, str] = {}

    def turn(self) -> list[str]:
        """Enqueue what is due now; a task whose last job still waits is left out."""
        now = int(clock.real_now().timestamp())
        woken = []
        for name, seconds in EVERY_SECONDS.items():
            slot = now // seconds
            if self.slots.get(name) == slot or self._still_waits(name):
                continue
            self.slots[name] = slot
            job = enqueue(self.app, name, job_id=f"{name}-{slot}")
            if job:
                self.waiting[name] = job
                woken.append(name)
        return woken

    def _still_waits(self, name: str) -> bool:
        job = self.waiting.get(name)
        if job is None:
            return False
        return queues.queue(self.app, tasks.TASKS[name].queue).get_job_position(job) is not None

    def run(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self.stop.set())
        log.info("scheduler started")
        while not self.stop.is_set():
            try:
                self.turn()
            except (OSError, RedisError):
                # Valkey restarts: the next turn finds it again, and nothing is lost but the tick.
                log.warning("queue out of reach", exc_info=True)
                time.sleep(1)
            self.stop.wait(_TURN)
