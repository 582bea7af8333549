"""The outbox: never lost, never twice for one event, given up loudly (R-MSG-1)."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from app import clock
from app.db import db, transaction
from app.jobs import outbox
from app.jobs.outbox import Drained
from app.workflows import record


@pytest.fixture
def handled(monkeypatch):
    """A handler of the test's own; what it was given, in order. A payload that says `fail` fails."""
    seen = []

    def handle(payload, key):
        seen.append((key, payload["n"]))
        if payload.get("fail"):
            raise ConnectionError("card 4111111111111111")

    monkeypatch.setitem(outbox.HANDLERS, "test", handle)
    return seen


def put(n, **payload):
    with transaction():
        record.put(f"key:{n}", "test", {"n": n, **payload})


def rows():
    return db.session.execute(text("SELECT * FROM outbox_message ORDER BY id")).all()


def due_now():
    with transaction() as session:
        session.execute(text("UPDATE outbox_message SET next_try_at = now() - interval '1 second'"))


def test_what_was_put_is_done_once_in_order_with_its_key(tx, handled):
    for n in range(3):
        put(n)
    assert outbox.drain() == Drained(done=3)
    assert outbox.drain() == Drained()
    assert handled == [("key:0", 0), ("key:1", 1), ("key:2", 2)]
    assert all(row.done_at and row.gave_up_at is None and row.tries == 1 for row in rows())


def test_more_than_a_batch_is_drained_in_one_go(tx, handled, monkeypatch):
    monkeypatch.setattr(outbox, "BATCH", 2)
    for n in range(5):
        put(n)
    assert outbox.drain() == Drained(done=5)


def test_what_was_rolled_back_is_never_done(tx, handled):
    with pytest.raises(ZeroDivisionError), transaction():
        record.put("key:1", "test", {"n": 1})
        raise ZeroDivisionError
    assert outbox.drain() == Drained() and handled == []


def test_a_failure_stops_nothing_behind_it_and_waits_longer_each_time(tx, handled):
    put(0, fail=True)
    put(1)
    waits = []
    for _ in range(3):
        began = clock.real_now()
        outbox.drain()
        failed, after = rows()
        waits.append(round((failed.next_try_at - began).total_seconds()))
        assert after.done_at and failed.done_at is None and failed.gave_up_at is None
        with transaction() as session:
            session.execute(
                text("UPDATE outbox_message SET next_try_at = :now WHERE done_at IS NULL"), {"now": began}
            )
    assert waits == [2, 4, 8]
    assert handled.count(("key:1", 1)) == 1


def test_the_error_is_kept_by_its_name_without_what_it_says(tx, handled):
    """R-PAY-2: an exception's text may carry a card number."""
    put(0, fail=True)
    outbox.drain()
    assert [row.error for row in rows()] == ["ConnectionError"]


def test_it_is_given_up_after_the_last_try_and_not_before(tx, handled):
    put(0, fail=True)
    for _ in range(outbox.MAX_TRIES - 1):
        assert outbox.drain() == Drained(failed=1)
        due_now()
    assert outbox.drain() == Drained(gave_up=1)
    due_now()
    assert outbox.drain() == Drained()
    (row,) = rows()
    assert row.gave_up_at and row.tries == outbox.MAX_TRIES == len(handled)


def test_a_message_that_kills_its_worker_is_given_up_too(tx, handled):
    """It never comes to an answer: each time it is taken in hand is a try, and the lease brings it back."""
    put(0)
    for _ in range(outbox.MAX_TRIES):
        [claimed] = outbox._claim()
        assert outbox._hold(claimed) is not None
        due_now()
    assert outbox.drain() == Drained(gave_up=1)
    assert (rows()[0].error, handled) == ("WorkerDied", [])


def test_what_a_dead_worker_had_claimed_is_taken_up_after_its_lease(tx, handled):
    put(0)
    assert len(outbox._claim()) == 1
    assert outbox.drain() == Drained(), "within the lease it is somebody's"
    lease_ends = rows()[0].next_try_at
    assert timedelta(seconds=20) < lease_ends - clock.real_now() <= outbox.LEASE
    due_now()
    assert outbox.drain() == Drained(done=1)


def test_what_waited_until_its_lease_was_over_is_left_to_who_took_it(tx, handled, monkeypatch):
    """Fifty slow answers take longer than a lease: another drain may have the rest by then."""
    put(0)
    put(1)
    claims = iter([outbox._claim(), []])
    due_now()
    others = outbox._claim()
    monkeypatch.setattr(outbox, "_claim", lambda: next(claims))
    assert outbox.drain() == Drained() and handled == []
    assert [outbox._hold(row).tries for row in others] == [1, 1]


def test_an_unknown_kind_is_kept_with_its_error(tx):
    with transaction():
        record.put("key:1", "no_such_kind", {})
    assert outbox.drain() == Drained(failed=1)
    assert rows()[0].error == "KeyError"


def test_a_failed_handlers_half_done_writes_are_rolled_back(tx, monkeypatch):
    def half(payload, key):
        db.session.execute(text("INSERT INTO category (code, name, position) VALUES ('x', 'x', 1)"))
        raise ValueError

    monkeypatch.setitem(outbox.HANDLERS, "test", half)
    put(0)
    assert outbox.drain() == Drained(failed=1)
    assert not db.session.execute(text("SELECT 1 FROM category")).first()


def test_what_lay_beside_a_message_that_kills_its_worker_goes_first(tx, handled):
    """It was claimed and not touched: that is no try, and it must not die with the next worker as well."""
    for n in range(3):
        put(n)
    claimed = outbox._claim()
    assert outbox._hold(claimed[0]) is not None
    due_now()
    again = outbox._claim()
    assert [row.id for row in again] == [row.id for row in (*claimed[1:], claimed[0])]
    assert [row.tries for row in again] == [0, 0, 1]
