"""The migrations go up, down and up again, and say the same as the models."""

import uuid
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import NullPool, create_engine, make_url, text

ROOT = Path(__file__).parents[3]

# Everything that a migration can leave behind or forget.
FINGERPRINT = """
SELECT 'column ' || table_name || '.' || column_name || ' ' || data_type || ' ' || is_nullable
       || ' ' || coalesce(column_default, '') FROM information_schema.columns WHERE table_schema = 'public'
UNION ALL SELECT 'constraint ' || conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid)
  FROM pg_constraint WHERE connamespace = 'public'::regnamespace
UNION ALL SELECT 'index ' || indexdef FROM pg_indexes WHERE schemaname = 'public'
UNION ALL SELECT 'trigger ' || pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
UNION ALL SELECT 'function ' || pg_get_functiondef(p.oid) FROM pg_proc p
  WHERE p.pronamespace = 'public'::regnamespace
    AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
UNION ALL SELECT 'right ' || table_name || ' ' || privilege_type FROM information_schema.role_table_grants
  WHERE grantee = 'kvoucher_app'
UNION ALL SELECT 'default ' || defaclobjtype::text || ' ' || defaclacl::text FROM pg_default_acl
ORDER BY 1
"""


@pytest.fixture(scope="module")
def admin(servers):
    """One migration at a time on this server: they share its roles."""
    url = make_url(servers[0]).set(drivername="postgresql", database="postgres")
    with psycopg.connect(url.render_as_string(hide_password=False), autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(20200801)")
        yield connection


@pytest.fixture
def settings(admin, servers):
    name = f"kvmigrate_{uuid.uuid4().hex[:8]}"
    admin.execute(f'CREATE DATABASE "{name}"')
    settings = Config(str(ROOT / "alembic.ini"))
    settings.attributes["url"] = make_url(servers[0]).set(database=name).render_as_string(False)
    yield settings
    admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@contextmanager
def connected(settings):
    with create_engine(settings.attributes["url"], poolclass=NullPool).connect() as connection:
        yield connection


def fingerprint(settings):
    with connected(settings) as connection:
        return list(connection.execute(text(FINGERPRINT)).scalars())


def test_up_down_to_nothing_and_up_to_the_same(settings):
    empty = fingerprint(settings)
    command.upgrade(settings, "head")
    first = fingerprint(settings)
    assert len(first) > 500
    command.downgrade(settings, "base")
    left = [line for line in fingerprint(settings) if "alembic_version" not in line]
    assert left == empty
    command.upgrade(settings, "head")
    assert fingerprint(settings) == first


def test_every_step_down_can_be_taken_up_again(settings):
    command.upgrade(settings, "head")
    script = ScriptDirectory.from_config(settings)
    for revision in script.walk_revisions():
        before = fingerprint(settings)
        command.downgrade(settings, revision.down_revision or "base")
        command.upgrade(settings, revision.revision)
        assert fingerprint(settings) == before
        command.downgrade(settings, revision.down_revision or "base")


def test_the_models_say_the_same(settings, capsys):
    """`alembic check`: a column that is in the model only would fail in production first."""
    command.upgrade(settings, "head")
    command.check(settings)


def test_there_is_one_head_and_every_revision_is_numbered():
    script = ScriptDirectory.from_config(Config(str(ROOT / "alembic.ini")))
    assert len(script.get_heads()) == 1
    revisions = [revision.revision for revision in script.walk_revisions()]
    assert sorted(revisions, reverse=True) == revisions
    assert [int(revision) for revision in reversed(revisions)] == list(range(1, len(revisions) + 1))


def test_a_migration_waits_only_shortly_for_a_lock(settings):
    """Payments behind a waiting migration would stall with it: it gives up and is run again."""
    command.upgrade(settings, "head")
    with connected(settings) as connection:
        connection.execute(text("LOCK TABLE posting IN ACCESS SHARE MODE"))
        with pytest.raises(Exception, match="lock timeout"):
            command.downgrade(settings, "base")


HELD_BEFORE = """
SET session_replication_role = replica;
INSERT INTO payment (id, programme_id, deal_id, voucher_id, company_id, supplier_id, instrument_kind, state,
                     idempotency_key, order_id, grant_part, share_part, tax_part, pressed_at, asked)
SELECT n, 1, n, 1, 1, 1, 'personal_check', 'paid', n, 'KV' || n, 1, 0, 0, now(), 0
  FROM generate_series(1, 6) n;
INSERT INTO settlement_batch (id, programme_id, number, cutoff, state, drafted_at)
VALUES (1, 1, 'S1', '2020-10-01', 'closed', now()), (2, 1, 'S2', '2020-11-01', 'closed', now());
INSERT INTO settlement_line (id, batch_id, supplier_id, state, gross, fee, clawback, carried, net, held_at,
                             carried_into_id, bank_code, account_number, account_holder)
VALUES (1, 1, 1, 'held', 1200, 12, 88, 0, 1100, now(), NULL, '088', '', ''),
       (2, 1, 2, 'carried', 500, 0, 0, 0, 500, now(), 3, '088', '', ''),
       (3, 2, 2, 'paid', 100, 0, 0, 500, 600, NULL, NULL, '088', '', ''),
       (4, 2, 1, 'failed', 90, 0, 0, 0, 90, NULL, NULL, '088', '', '');
INSERT INTO settlement_item (payment_id, line_id, amount)
VALUES (1, 1, 300), (2, 1, 700), (3, 1, 200), (4, 2, 500), (5, 4, 60), (6, 4, 30);
INSERT INTO settlement_hold (payment_id, supplier_id, source, reason, state, placed_at, released_at)
VALUES (1, 1, 'manual', 'x', 'released', now(), now()), (2, 1, 'manual', 'x', 'placed', now(), NULL),
       (4, 2, 'manual', 'x', 'released', now(), now()), (5, 1, 'manual', 'x', 'placed', now(), NULL);
"""


def test_what_was_held_with_its_whole_line_stays_behind_by_itself(settings):
    """R-SET-4: what nobody let go is paid to nobody; the others of its line are free, and none is lost."""
    command.upgrade(settings, "0020")
    with connected(settings) as connection:
        connection.execute(text(HELD_BEFORE))
        connection.commit()
    command.upgrade(settings, "head")
    with connected(settings) as connection:
        rows = connection.execute(
            text("""
            SELECT line_id, payment_id, amount, from_transfer, into_line_id
              FROM settlement_withheld ORDER BY 1, 2
        """)
        ).all()
        lines = connection.execute(
            text("SELECT id, state, withheld, stayed FROM settlement_line ORDER BY id")
        )
        assert [tuple(line) for line in lines] == [
            (1, "held", 1100, 0), (2, "held", 500, 0), (3, "paid", 0, 0), (4, "failed", 0, 60),
        ]  # fmt: skip
    # Held is 2, with 700 less its fee of 7; then 1, with 297; of 200 the line had 110 left after a clawback.
    assert [tuple(row) for row in rows] == [
        (1, 1, 297, True, None), (1, 2, 693, True, None), (1, 3, 110, True, None),
        (2, 4, 500, True, 3), (4, 5, 60, False, None),
    ]  # fmt: skip


def test_a_settlement_on_its_way_to_the_bank_is_sent_before_the_upgrade(settings):
    command.upgrade(settings, "0020")
    with connected(settings) as connection:
        connection.execute(
            text("""
            SET session_replication_role = replica;
            INSERT INTO settlement_batch (programme_id, number, cutoff, state, drafted_at)
            VALUES (1, 'S1', '2020-10-01', 'approved', now())
        """)
        )
        connection.commit()
    with pytest.raises(Exception, match="export or conclude it first"):
        command.upgrade(settings, "head")


CLOSED_BEFORE = """
SET session_replication_role = replica;
INSERT INTO accounting_month (id, programme_id, month, state, closed_at, last_journal_id)
VALUES (1, 1, '2020-09-01', 'closed', now(), 1), (2, 1, '2020-10-01', 'closed', now(), 1);
INSERT INTO month_balance (month_id, account, amount)
VALUES (1, 'payable', 60), (1, 'fee', 0), (2, 'payable', 65), (2, 'fee', 0);
INSERT INTO journal (id, event_key, programme_id, kind, at) OVERRIDING SYSTEM VALUE
VALUES (1, 'a', 1, 'payment', '2020-08-05 12:00+09'), (2, 'b', 1, 'payment', '2020-09-30 23:59:59+09'),
       (3, 'c', 1, 'payment', '2020-10-01 00:00+09'), (4, 'd', 2, 'payment', '2020-09-01 12:00+09');
INSERT INTO posting (journal_id, account, owner_id, amount)
VALUES (1, 'payable', 1, 100), (2, 'payable', 2, -40), (3, 'payable', 1, 5), (4, 'payable', 1, 9);
"""


def test_what_had_arrived_is_added_up_for_months_closed_before(settings):
    """R-SET-3a: up to the Korean end of each, of its own programme."""
    command.upgrade(settings, "0022")
    with connected(settings) as connection:
        connection.execute(text(CLOSED_BEFORE))
        connection.commit()
    command.upgrade(settings, "head")
    with connected(settings) as connection:
        rows = connection.execute(text("SELECT month_id, account, arrived FROM month_balance ORDER BY 1, 2"))
        assert [tuple(row) for row in rows] == [
            (1, "fee", 0), (1, "payable", 100), (2, "fee", 0), (2, "payable", 105),
        ]  # fmt: skip
