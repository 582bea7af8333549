"""The worker: application and fonts are loaded once, before it forks for each job."""

from __future__ import annotations

from typing import Any

from flask import Flask
from rq import Queue, Worker
from rq.executions import Execution
from rq.job import Job
from rq.serializers import JSONSerializer

from app.db import db
from app.documents import fonts
from app.jobs import queues, tasks

MAINTENANCE_SECONDS = 20
WORKER_TTL = 40
# A worker that cannot reach the queue looks again after 1, 2, 4 s, and then this often.
LONGEST_WAIT_SECONDS = 5


class PreloadedWorker(Worker):
    """Runs each job in a fork that has the application context and connections of its own."""

    flask: Flask

    def perform_job(self, job: Job, queue: Queue, execution: Execution) -> bool:
        with self.flask.app_context():
            # The parent's connections belong to the parent: leave them open there, forget them here.
            db.engine.dispose(close=False)
            return bool(super().perform_job(job, queue, execution))


def run(app: Flask, *, burst: bool = False) -> None:
    """Work until told to stop. The tasks are imported already: a fork finds them in memory."""
    fonts.register()
    connection = queues.connection(app)
    options: dict[str, Any] = {
        "serializer": JSONSerializer,
        "worker_ttl": WORKER_TTL,
        "maintenance_interval": MAINTENANCE_SECONDS,
        "job_monitoring_interval": 5,
    }
    names = [Queue(name, connection=connection, serializer=JSONSerializer) for name in queues.NAMES]
    worker = PreloadedWorker(names, connection=connection, **options)
    worker.flask = app
    worker.log_result_lifespan = False
    worker.max_connection_wait_time = LONGEST_WAIT_SECONDS
    if not tasks.TASKS:
        raise RuntimeError("no tasks declared")
    worker.work(burst=burst, with_scheduler=True, logging_level="WARNING")
