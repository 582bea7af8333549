"""What the operators' page shows and does: messages that gave up, jobs that failed, both put back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flask import current_app
from redis.exceptions import RedisError
from rq.exceptions import InvalidJobOperation, NoSuchJobError
from rq.job import Job
from rq.serializers import JSONSerializer
from sqlalchemy import select

from app import clock, policy
from app.db import db, lock, transaction
from app.errors import Conflict, NotFound
from app.jobs import queues
from app.models.record import OutboxMessage
from app.models.types import Labelled
from app.policy import Actor, Permission
from app.workflows import record


class OutboxTab(Labelled):
    GAVE_UP = "gave_up", "포기됨", "danger"
    OPEN = "open", "대기·재시도", "warning"
    DONE = "done", "완료", "success"


@dataclass(frozen=True, kw_only=True)
class FailedJob:
    id: str
    queue: str
    name: str
    ended_at: datetime | None
    error: str
    """The last line of the trace, without what the job was called with."""


def messages(
    *, actor: Actor, tab: OutboxTab = OutboxTab.GAVE_UP, before: int | None = None, size: int = 20
) -> list[OutboxMessage]:
    """The outbox, newest first. Raises Denied."""
    policy.require(actor, Permission.OPERATIONS_VIEW)
    done, gave_up = OutboxMessage.done_at, OutboxMessage.gave_up_at
    conditions = {
        OutboxTab.GAVE_UP: (gave_up.is_not(None),),
        OutboxTab.OPEN: (done.is_(None), gave_up.is_(None)),
        OutboxTab.DONE: (done.is_not(None),),
    }[tab]
    statement = select(OutboxMessage).where(*conditions).order_by(OutboxMessage.id.desc()).limit(size)
    if before is not None:
        statement = statement.where(OutboxMessage.id < before)
    return list(db.session.scalars(statement))


def retry_message(*, actor: Actor, message_id: int) -> OutboxMessage:
    """Let a message that gave up be tried again from the first try on. Raises Denied, NotFound, Conflict."""
    policy.require(actor, Permission.OPERATIONS_MANAGE)
    with transaction():
        message = lock(OutboxMessage, message_id)
        if message.gave_up_at is None:
            raise Conflict("outbox.open", "포기된 항목만 다시 시도할 수 있습니다. 화면을 새로 고쳐 주세요.")
        change = {"gave_up_at": (message.gave_up_at, None), "tries": (message.tries, 0)}
        message.gave_up_at, message.tries, message.next_try_at = None, 0, clock.real_now()
        record.write("outbox_message", message.id, "retry", actor=actor, change=change)
        return message


def failed_jobs(*, actor: Actor, size: int = 100) -> list[FailedJob]:
    """Jobs whose last retry failed, newest first. Raises Denied, Conflict while the queue is out of reach."""
    policy.require(actor, Permission.OPERATIONS_VIEW)
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    found: list[FailedJob] = []
    try:
        for name in queues.NAMES:
            registry = queues.queue(app, name).failed_job_registry
            ids = registry.get_job_ids(0, size - 1, desc=True)
            jobs = Job.fetch_many(ids, connection=registry.connection, serializer=JSONSerializer)
            found += [_failed(name, job) for job in jobs if job is not None]
    except RedisError as error:
        raise _out_of_reach() from error
    return sorted(found, key=lambda job: job.ended_at or clock.real_now(), reverse=True)[:size]


def _failed(queue: str, job: Job) -> FailedJob:
    result = job.latest_result()
    lines = (result.exc_string if result and result.exc_string else "").strip().splitlines()
    # The text of an exception may carry what the job worked on; its type tells an operator enough.
    error = lines[-1].partition(":")[0] if lines else "원인이 남아 있지 않습니다"
    ended = job.ended_at
    return FailedJob(
        id=job.id,
        queue=queue,
        name=(job.func_name or "").rpartition(".")[2],
        ended_at=ended.astimezone(clock.KST) if ended and ended.tzinfo else None,
        error=error,
    )


def requeue(*, actor: Actor, job_id: str) -> None:
    """Run a failed job again: every job may run twice. Raises Denied, NotFound, Conflict."""
    policy.require(actor, Permission.OPERATIONS_MANAGE)
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    try:
        for name in queues.NAMES:
            registry = queues.queue(app, name).failed_job_registry
            if job_id in registry.get_job_ids():
                registry.requeue(job_id)
                return
    except (NoSuchJobError, InvalidJobOperation) as error:
        raise NotFound("job.gone", "이미 처리되었거나 지워진 작업입니다. 목록을 새로 고쳐 주세요.") from error
    except RedisError as error:
        raise _out_of_reach() from error
    raise NotFound("job.gone", "이미 처리되었거나 지워진 작업입니다. 목록을 새로 고쳐 주세요.")


def _out_of_reach() -> Conflict:
    return Conflict("queue.unavailable", "작업 큐에 연결할 수 없습니다. 잠시 뒤 다시 시도해 주세요.")
