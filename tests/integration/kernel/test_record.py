"""The audit trail: a chain for each record, anchors over all of them, and what verify() finds (R-AUD-1)."""

import hashlib
from datetime import date

import pytest
from sqlalchemy import text

from app import clock
from app.db import db, transaction
from app.models.applications import ApplicationState
from app.policy import CLOCK, Actor, Role
from app.workflows import record
from app.workflows.record import Message

PERSON = Actor(id=5, role=Role.REVIEWER, name="심사원", agency_id=1, ip="2001:db8::1")


@pytest.fixture
def tamper():
    """What only the owner of the server can do, with the triggers off."""

    def run(statement, **parameters):
        with transaction() as session:
            session.execute(text("RESET ROLE"))
            session.execute(text("SET LOCAL session_replication_role = replica"))
            assert session.execute(text(statement), parameters).rowcount == 1
            session.execute(text("SET LOCAL session_replication_role = origin"))
            session.execute(text("SET ROLE kvoucher_app"))

    return run


def write(entity_id, action="act", **fields):
    with transaction():
        return record.write("toy", entity_id, action, actor=PERSON, **fields)


def rows(where="true"):
    return db.session.execute(text(f"SELECT * FROM audit_row WHERE {where} ORDER BY id")).all()


def test_each_record_has_a_chain_of_its_own(tx):
    assert [write(1), write(2), write(1), write(1), write(2)] == [1, 1, 2, 3, 2]
    for entity_id in (1, 2):
        chain = rows(f"entity_id = {entity_id}")
        assert [r.seq for r in chain] == list(range(1, len(chain) + 1))
        assert [r.prev_hash for r in chain] == [None, *[r.hash for r in chain[:-1]]]
    assert record.verify() == []


def test_a_row_holds_everything_about_the_act(tx):
    with clock.at(clock.start_of(date(2020, 11, 16))):
        write(
            1,
            "hold",
            change={
                "state": (ApplicationState.SCREENING, ApplicationState.ON_HOLD),
                "on": (None, date(2020, 1, 2)),
            },
            reason="한글 \" ' \\ 사유",
        )
    (row,) = rows()
    assert (row.entity, row.entity_id, row.action, row.reason) == ("toy", 1, "hold", "한글 \" ' \\ 사유")
    assert (row.actor_id, row.actor_name, row.ip) == (5, "심사원", "2001:db8::1")
    assert row.change == {"state": ["screening", "on_hold"], "on": [None, "2020-01-02"]}
    assert clock.korean_day(row.at) == date(2020, 11, 16)
    assert abs((clock.real_now() - row.recorded_at).total_seconds()) < 60
    assert record.verify() == []


def test_many_records_in_one_statement_each_go_on_with_their_own_chain(tx):
    write(1)
    with transaction():
        changes = {1: {"a": (1, 2)}, 2: {"a": (3, 4)}}
        seqs = record.write_many("toy", changes, "bulk", actor=CLOCK, reason=None)
        assert record.write_many("toy", {}, "bulk", actor=CLOCK) == {}
    assert seqs == {1: 2, 2: 1}
    assert [r.change for r in rows("action = 'bulk'")] == [{"a": [1, 2]}, {"a": [3, 4]}]
    assert record.verify() == []


def test_the_hash_does_not_depend_on_the_sessions_time_zone(tx):
    write(1)
    db.session.execute(text("SET LOCAL TIME ZONE 'America/New_York'"))
    assert record.verify() == []


@pytest.mark.parametrize(
    "change",
    [
        "action = 'other'",
        "actor_id = 6",
        "actor_id = NULL",
        "actor_name = '남'",
        "ip = NULL",
        "at = at + interval '1 microsecond'",
        "recorded_at = recorded_at - interval '1 day'",
        "reason = '다른 사유'",
        """change = '{"state": ["x", "z"]}'""",
        "hash = sha256('')",
        "prev_hash = NULL",
        "entity_id = 9",
        "seq = 7",
    ],
)
def test_a_row_that_was_changed_is_named(tx, tamper, change):
    write(1)
    write(1, change={"state": ("x", "y")}, reason="사유")
    middle = rows()[-1]
    write(1)
    tamper(f"UPDATE audit_row SET {change} WHERE id = :id", id=middle.id)
    problems = record.verify()
    where = rows(f"id = {middle.id}")[0]
    assert f"audit row {middle.id} (toy {where.entity_id}, {where.seq}) breaks its chain" in problems


def test_a_changed_row_with_a_hash_that_fits_again_breaks_the_next(tx, tamper):
    write(1)
    write(1)
    first, second = rows()
    tamper(
        """UPDATE audit_row SET action = 'other', hash =
           audit_digest(prev_hash, entity, entity_id, seq, 'other', actor_id, actor_name, ip, at, recorded_at,
           reason, change) WHERE id = :id""",
        id=first.id,
    )
    assert record.verify() == [f"audit row {second.id} (toy 1, 2) breaks its chain"]


@pytest.mark.parametrize("place", [0, 1])
def test_a_row_that_was_deleted_breaks_the_one_after_it(tx, tamper, place):
    for _ in range(3):
        write(1)
    victim, following = rows()[place : place + 2]
    tamper("DELETE FROM audit_row WHERE id = :id", id=victim.id)
    assert record.verify() == [f"audit row {following.id} (toy 1, {following.seq}) breaks its chain"]


def test_an_anchor_covers_the_new_rows_and_is_chained_to_the_last(committed):
    write(1)
    write(2)
    assert record.seal() == 2
    assert record.seal() == 0
    write(1)
    assert record.seal() == 1
    first, second = db.session.execute(text("SELECT * FROM audit_anchor ORDER BY id")).all()
    assert (first.rows, first.prev_hash, second.rows, second.prev_hash) == (2, None, 1, first.hash)
    assert first.to_xid == second.from_xid
    assert record.verify() == []


def test_an_open_transaction_is_sealed_only_when_it_has_ended(committed):
    """The watermark is a transaction id, since row ids commit out of order."""
    with transaction():
        record.write("toy", 1, "act", actor=CLOCK)
        with committed.app_context():
            write(2)
            assert record.seal() == 0, "a row behind one that is not yet there would be sealed out of order"
    assert record.seal() == 2
    assert record.verify() == []


@pytest.fixture
def sealed(committed):
    """Three anchors: over two rows, one, and one."""
    for entity_ids in ((1, 2), (1,), (2,)):
        for entity_id in entity_ids:
            write(entity_id)
        record.seal()
    return [r.id for r in db.session.execute(text("SELECT id FROM audit_anchor ORDER BY id"))]


@pytest.mark.parametrize(
    "change",
    [
        "rows = rows + 1",
        "root = sha256('')",
        "hash = sha256('')",
        "prev_hash = sha256('')",
        "sealed_at = sealed_at - interval '1 year'",
        "to_xid = from_xid",
    ],
)
def test_an_anchor_that_was_changed_is_named(sealed, tamper, change):
    tamper(f"UPDATE audit_anchor SET {change} WHERE id = :id", id=sealed[1])
    assert f"anchor {sealed[1]} does not match its rows" in record.verify()


@pytest.mark.parametrize("place", [0, 1])
def test_an_anchor_that_was_deleted_breaks_the_next(sealed, tamper, place):
    tamper("DELETE FROM audit_anchor WHERE id = :id", id=sealed[place])
    assert record.verify() == [f"anchor {sealed[place + 1]} does not match its rows"]


def test_the_last_row_of_a_chain_cannot_vanish_once_it_is_sealed(sealed, tamper):
    """No later row of its record points to it: the anchor does."""
    last = rows()[-1]
    tamper("DELETE FROM audit_row WHERE id = :id", id=last.id)
    assert record.verify() == [f"anchor {sealed[2]} does not match its rows"]


def test_a_whole_chain_that_was_written_anew_is_found_by_the_anchor(sealed, tamper):
    tamper(
        """UPDATE audit_row SET actor_name = '남', hash =
           audit_digest(prev_hash, entity, entity_id, seq, action, actor_id, '남', ip, at, recorded_at,
           reason, change) WHERE entity_id = 2 AND seq = 2"""
    )
    assert record.verify() == [f"anchor {sealed[2]} does not match its rows"]


def test_a_server_whose_transaction_ids_began_anew_is_told(sealed, tamper):
    """A dump restored into a fresh server: its new rows would lie below the last anchor, unsealed."""
    tamper("UPDATE audit_anchor SET to_xid = to_xid + 1000000000 WHERE id = :id", id=sealed[2])
    write(1)
    with pytest.raises(RuntimeError, match="transaction ids"):
        record.seal()


def test_the_root_follows_rfc_6962():
    """Leaves and nodes have their prefixes; a lone node goes up as it is."""

    def leaf(data):
        return hashlib.sha256(b"\x00" + data).digest()

    def node(left, right):
        return hashlib.sha256(b"\x01" + left + right).digest()

    a, b, c, d, e = (leaf(x) for x in (b"a", b"b", b"c", b"d", b"e"))
    assert record.merkle_root([b"a"]) == a
    assert record.merkle_root([b"a", b"b"]) == node(a, b)
    assert record.merkle_root([b"a", b"b", b"c"]) == node(node(a, b), c)
    assert record.merkle_root([b"a", b"b", b"c", b"d", b"e"]) == node(node(node(a, b), node(c, d)), e)


def test_a_message_is_told_once_for_its_event(tx):
    """R-MSG-1: one 알림 and one outbox row, however often the event is told."""
    once = Message(key="e:1", text="안내", link="/x")
    with transaction():
        record.tell([once, Message(key="e:2", text="둘")])
    with transaction():
        record.tell([once])
        record.tell([])
    assert db.session.execute(text("SELECT key FROM notice ORDER BY key")).scalars().all() == ["e:1", "e:2"]
    found = db.session.execute(text("SELECT key, kind, payload FROM outbox_message ORDER BY key")).all()
    assert [(r.key, r.kind, r.payload["text"]) for r in found] == [
        ("e:1", "sms", "안내"),
        ("e:2", "sms", "둘"),
    ]


def test_a_job_is_put_once_for_its_key_and_goes_with_a_rollback(tx):
    with transaction():
        record.put("job:1", "render_slip", {"slip_id": 1})
        record.put("job:1", "render_slip", {"slip_id": 2})
    with pytest.raises(ZeroDivisionError), transaction():
        record.put("job:2", "render_slip", {"slip_id": 3})
        raise ZeroDivisionError
    found = db.session.execute(text("SELECT key, payload, done_at, tries FROM outbox_message")).all()
    assert [tuple(r) for r in found] == [("job:1", {"slip_id": 1}, None, 0)]
