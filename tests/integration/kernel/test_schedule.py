"""What is woken when, and how jobs run on the real queue (R-TIME-7)."""

import inspect
import json
import time
import uuid
import zlib
from datetime import timedelta

import pytest
from redis.exceptions import ConnectionError as Unreachable
from rq import Callback, Queue, SimpleWorker
from rq.exceptions import DuplicateJobError
from rq.job import Job, Retry
from rq.registry import FailedJobRegistry
from rq.serializers import JSONSerializer

from app import clock
from app.jobs import queues, schedule, tasks
from app.jobs.schedule import EVERY_SECONDS, Scheduler

DAILY = {"forget_exports", "forget_requests", "forget_signups"}
HOURLY = {"fetch_statements", "look_for_suspicion", "watch_usage"}
SLOW = DAILY | HOURLY
FIRST = clock.start_of(clock.date(2026, 11, 21)) + timedelta(hours=9)


@pytest.fixture
def names(app, monkeypatch):
    """Queues of this test's own on the real server."""
    mark = uuid.uuid4().hex[:8]
    own = {name: f"{name}-{mark}" for name in queues.NAMES}
    original = queues.queue
    monkeypatch.setattr(queues, "queue", lambda app, name: original(app, own[name]))
    yield own
    for name in own.values():
        original(app, name).delete(delete_jobs=True)
        FailedJobRegistry(queue=original(app, name)).cleanup(timestamp=2**40)
    for key in queues.connection(app).scan_iter("rq:job:*"):
        if queues.connection(app).hget(key, "origin") in {name.encode() for name in own.values()}:
            queues.connection(app).delete(key)


@pytest.fixture
def instant(monkeypatch):
    """Sets the real clock."""

    def set_to(moment):
        monkeypatch.setattr(clock, "real_now", lambda: moment)

    set_to(FIRST)
    return set_to


def waiting(app, name=queues.TICKS):
    return queues.queue(app, name).job_ids


def test_every_job_has_queue_time_out_and_retry_and_is_found_by_its_name():
    """Completeness."""
    assert tasks.TASKS
    for name, task in tasks.TASKS.items():
        assert task.queue in queues.NAMES
        assert 0 < task.timeout <= 3600
        assert list(task.retries) == sorted(task.retries)
        assert getattr(tasks, name) is task.run


def test_the_schedule_names_declared_tasks_that_need_no_argument():
    for name, seconds in EVERY_SECONDS.items():
        assert not inspect.signature(tasks.TASKS[name].run).parameters
        assert 1 <= seconds <= 60 or name in SLOW, "deadlines and payments wait a minute at most"


def test_a_slot_is_remembered_until_the_next_begins(app, names):
    for name, seconds in EVERY_SECONDS.items():
        job_id = f"{name}-{names[queues.TICKS]}"
        assert schedule.enqueue(app, name, job_id=job_id)
        job = queues.queue(app, tasks.TASKS[name].queue).fetch_job(job_id)
        assert job.result_ttl > seconds


def test_each_task_is_woken_once_in_its_slot(app, names, instant):
    scheduler = Scheduler(app)
    assert scheduler.turn() == list(EVERY_SECONDS)
    assert scheduler.turn() == []
    assert len(waiting(app)) + len(waiting(app, queues.WORK)) == len(EVERY_SECONDS)


def test_a_task_that_still_waits_is_not_woken_again(app, names, instant):
    """A queue without a worker must not grow."""
    scheduler = Scheduler(app)
    scheduler.turn()
    instant(FIRST + timedelta(minutes=5))
    assert scheduler.turn() == []
    queues.queue(app, queues.TICKS).empty()
    assert scheduler.turn() == [name for name in EVERY_SECONDS if name not in SLOW]


def test_two_schedulers_wake_a_slot_once(app, names, instant):
    """Any number may run: the job's id is the slot's."""
    assert Scheduler(app).turn() == list(EVERY_SECONDS)
    assert Scheduler(app).turn() == []


def test_a_slot_that_ran_is_not_woken_again_by_a_second_scheduler(app, names, instant, monkeypatch):
    monkeypatch.setattr(tasks, "seal_audit", lambda: None)
    assert schedule.enqueue(app, "seal_audit", job_id=f"seal-{names[queues.TICKS]}")
    queue = queues.queue(app, queues.TICKS)
    SimpleWorker([queue], connection=queue.connection, serializer=JSONSerializer).work(burst=True)
    assert waiting(app) == []
    assert schedule.enqueue(app, "seal_audit", job_id=f"seal-{names[queues.TICKS]}") is None


@pytest.mark.parametrize("zone", ["Asia/Seoul", "UTC", "America/New_York", "Pacific/Kiritimati"])
def test_the_slots_do_not_depend_on_the_servers_zone(app, names, instant, monkeypatch, zone):
    """Trap 5: a crontab would be read in the server's local zone."""
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        scheduler = Scheduler(app)
        scheduler.turn()
        assert scheduler.slots == {n: int(FIRST.timestamp()) // s for n, s in EVERY_SECONDS.items()}
        assert waiting(app)[0] == f"seal_audit-{int(FIRST.timestamp())}"
    finally:
        monkeypatch.delenv("TZ")
        time.tzset()


def test_the_scheduler_lives_through_a_restart_of_the_queue(app, monkeypatch):
    """Valkey's errors are no OSError: uncaught they would end the scheduler for good."""
    scheduler = Scheduler(app)
    calls = []

    def turn():
        calls.append(1)
        if len(calls) == 1:
            raise Unreachable("restarting")
        scheduler.stop.set()

    monkeypatch.setattr(scheduler, "turn", turn)
    monkeypatch.setattr(schedule.signal, "signal", lambda *_: None)
    monkeypatch.setattr(schedule.time, "sleep", lambda _: None)
    scheduler.run()
    assert len(calls) == 2


def test_a_process_keeps_one_client_of_the_queue(app):
    """RQ keeps every client that ever enqueued: a new one each second would use up the connections."""
    assert queues.connection(app) is queues.connection(app)


def test_jobs_are_json_with_ids_and_strings_only(app, names):
    schedule.enqueue(app, "seal_audit", job_id=f"json-{names[queues.TICKS]}")
    queue = queues.queue(app, queues.TICKS)
    raw = queue.connection.hget(Job.key_for(queue.job_ids[0]), "data")
    data = json.loads(zlib.decompress(raw))
    assert data[0] == "app.jobs.tasks.seal_audit"
    with pytest.raises(TypeError, match="JSON"):
        queue.enqueue("app.jobs.tasks.seal_audit", object())


def test_unique_needs_an_id_and_refuses_a_second(app, names):
    """Trap 5"""
    queue = queues.queue(app, queues.TICKS)
    with pytest.raises(ValueError, match="job_id"):
        queue.enqueue("app.jobs.tasks.seal_audit", unique=True)
    same = f"same-{names[queues.TICKS]}"
    queue.enqueue("app.jobs.tasks.seal_audit", unique=True, job_id=same)
    with pytest.raises(DuplicateJobError):
        queue.enqueue("app.jobs.tasks.seal_audit", unique=True, job_id=same)
    assert queue.job_ids == [same]


FAILURES: list[int] = []


def note_failure(job, connection, kind, value, trace):
    FAILURES.append(job.retries_left)


def test_a_job_counts_as_dead_only_when_its_retries_are_used_up(app, names, monkeypatch):
    """Trap 5: on_failure runs on every attempt; the registry that our dead-letter page reads does not."""
    FAILURES.clear()
    queue = queues.queue(app, queues.WORK)
    worker = SimpleWorker([queue], connection=queue.connection, serializer=JSONSerializer)
    worker.log_result_lifespan = False
    monkeypatch.setattr(worker, "handle_exception", lambda *_: None)
    job = queue.enqueue("app.clock.no_such_function", retry=Retry(max=2), on_failure=Callback(note_failure))
    dead = []
    for _ in range(3):
        worker.work(burst=True, max_jobs=1)
        dead.append(FailedJobRegistry(queue=queue).get_job_ids())
    assert dead == [[], [], [job.id]]
    assert FAILURES == [2, 1, 0]


def test_tasks_run_in_the_programmes_time(app, tx, monkeypatch):
    """R-TIME-7: in a demonstration a job sees the demonstration's clock, elsewhere the real one."""
    seen = []
    monkeypatch.setattr(tasks.demonstration, "offset", lambda: timedelta(days=-2000))
    monkeypatch.setattr(tasks.record, "seal", lambda: seen.append(clock.now().year))
    tasks.seal_audit()
    monkeypatch.setitem(app.config, "DEMO", True)
    tasks.seal_audit()
    assert seen[0] == clock.real_now().year and seen[1] == (clock.real_now() - timedelta(days=2000)).year


def test_queue_names_are_used_with_the_json_serializer(app):
    for name in queues.NAMES:
        queue = queues.queue(app, name)
        assert isinstance(queue, Queue) and queue.serializer is JSONSerializer
