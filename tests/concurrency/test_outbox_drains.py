"""Two drains at once take each message once (R-MSG-1: never lost, never sent twice for one event)."""

import threading
import time
from collections import Counter

import pytest
from sqlalchemy import text

from app.db import db, transaction
from app.jobs import outbox
from app.workflows import record


@pytest.fixture
def handled(monkeypatch):
    seen, guard = [], threading.Lock()

    def handle(payload, key):
        time.sleep(0.002)
        with guard:
            seen.append((key, threading.get_ident()))

    monkeypatch.setitem(outbox.HANDLERS, "test", handle)
    monkeypatch.setattr(outbox, "BATCH", 5)
    return seen


def test_four_drains_share_the_work_and_do_each_message_once(committed, together, handled):
    with transaction():
        for n in range(80):
            record.put(f"key:{n}", "test", {})
    results = together(*[outbox.drain] * 4)
    assert sum(result.done for result in results) == 80
    assert Counter(key for key, _ in handled) == Counter({f"key:{n}": 1 for n in range(80)})
    assert len({thread for _, thread in handled}) > 1
    rows = db.session.execute(text("SELECT tries, done_at FROM outbox_message")).all()
    assert all(row.tries == 1 and row.done_at for row in rows)


def test_the_same_event_put_by_many_at_once_is_there_once(committed, together, handled):
    def put():
        with transaction():
            record.put("same", "test", {})
        return "put"

    assert together(*[put] * 8) == ["put"] * 8
    assert outbox.drain().done == 1
