"""PostgreSQL itself refuses (R-MONEY-3, R-MONEY-4, R-AUD-1), the application's role and the owner alike.

Raw SQL past every line of ours; each refusal by its SQLSTATE or constraint, and nothing has changed.
"""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from app.db import db, transaction
from app.models.ledger import JournalKind, LedgerAccount
from app.policy import CLOCK
from app.workflows import ledger, record
from tests import factories

APPEND_ONLY = ("journal", "posting", "audit_row", "audit_anchor")
WATCHED = (*APPEND_ONLY, "ledger_balance")
NO_RIGHT, APPEND_ONLY_TRIGGER, CHECK, UNIQUE = "42501", "23001", "23514", "23505"
ROLES = ("kvoucher_app", "postgres")
OF_AN_APPROVAL = {"agency_budget": 1, "voucher_grant": 7}


@pytest.fixture
def written(tx):
    """A journal, its balances, an audit row and an anchor, the id of the journal."""
    with transaction() as session:
        programme = factories.make_programme()
        budget = ledger.move((LedgerAccount.FUNDING, 1), (LedgerAccount.AGENCY_BUDGET, 1), 1_000)
        grant = ledger.move((LedgerAccount.AGENCY_BUDGET, 1), (LedgerAccount.VOUCHER_GRANT, 7), 400)
        for key, legs in (("k:1", budget), ("k:2", grant)):
            ledger.post(key, JournalKind.APPROVAL, legs, programme_id=programme.id, actor=CLOCK)
        record.write("toy", 1, "begin", actor=CLOCK, change={"state": (None, "x")})
        session.execute(
            text(
                "INSERT INTO audit_anchor (from_xid, to_xid, rows, root, hash, sealed_at)"
                " VALUES (0, 1, 1, 'r', 'h', now())"
            )
        )
    return db.session.execute(text("SELECT max(id) FROM journal")).scalar_one()


@pytest.fixture(params=ROLES, ids=["application", "owner"])
def role(request, written):
    """The whole test runs as this role; the rollback at its end turns it back."""
    owner = request.param == "postgres"
    db.session.execute(text("RESET ROLE" if owner else "SET ROLE kvoucher_app"))
    db.session.commit()
    return request.param


def contents():
    return {t: db.session.execute(text(f"SELECT * FROM {t} ORDER BY 1, 2")).all() for t in WATCHED}


@pytest.fixture
def refused():
    """Run a statement that must be refused; returns (SQLSTATE, constraint) once nothing has changed."""

    def run(statement, **parameters):
        before = contents()
        with pytest.raises(DBAPIError) as error, transaction() as session:
            session.execute(text(statement), parameters)
        assert contents() == before
        return error.value.orig.sqlstate, error.value.orig.diag.constraint_name

    return run


@pytest.mark.parametrize("table", APPEND_ONLY)
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE {} SET id = DEFAULT",
        "DELETE FROM {}",
        "TRUNCATE {} CASCADE",
        "DELETE FROM {} WHERE false",
    ],
    ids=["update", "delete", "truncate", "delete of no row"],
)
def test_what_is_written_stays_as_it_was_written(role, refused, table, statement):
    state, _ = refused(statement.format(table))
    assert state == (NO_RIGHT if role == "kvoucher_app" else APPEND_ONLY_TRIGGER)


def test_an_upsert_changes_no_journal_either(role, refused):
    statement = """INSERT INTO journal (event_key, programme_id, kind, at)
                   SELECT event_key, programme_id, kind, at FROM journal
                   ON CONFLICT (event_key) DO UPDATE SET kind = 'waiver'"""
    assert refused(statement)[0] == (NO_RIGHT if role == "kvoucher_app" else APPEND_ONLY_TRIGGER)


JOURNAL = """WITH j AS (INSERT INTO journal (event_key, programme_id, kind, at)
                        SELECT 'raw', min(id), 'waiver', now() FROM programme RETURNING id)
             INSERT INTO posting (journal_id, account, owner_id, amount)
             SELECT j.id, l.account, l.owner_id, l.amount FROM j,
                    (VALUES {}) AS l (account, owner_id, amount)"""


@pytest.mark.parametrize(
    "legs",
    [
        "('fee', 1, 5)",
        "('fee', 1, 5), ('payable', 1, -4)",
        "('voucher_grant', 7, -5), ('agency_budget', 1, 6)",
    ],
)
def test_an_unbalanced_journal(role, refused, legs):
    """R-MONEY-3"""
    assert refused(JOURNAL.format(legs)) == (CHECK, "journal_balanced")


def test_a_posting_of_nothing(role, refused):
    assert refused(JOURNAL.format("('fee', 1, 0), ('payable', 1, 0)")) == (
        CHECK,
        "ck_posting_amount_not_zero",
    )


def test_an_account_that_the_chart_does_not_know(role, refused):
    state, constraint = refused(JOURNAL.format("('petty_cash', 1, 5), ('fee', 1, -5)"))
    assert (state, constraint) == (CHECK, "ck_posting_ledgeraccount")


def test_further_postings_to_a_written_journal(role, refused, written):
    """R-MONEY-3: balanced among themselves, and still no part of what was entered."""
    statement = """INSERT INTO posting (journal_id, account, owner_id, amount)
                   VALUES (:journal, 'payable', 1, 5), (:journal, 'fee', 1, -5)"""
    assert refused(statement, journal=written) == (CHECK, "journal_complete")


@pytest.mark.parametrize(
    ("account", "owner", "amount"),
    [("voucher_grant", 7, 401), ("agency_budget", 1, 601), ("voucher_share", 8, 1)],
)
def test_an_overdrawn_account(role, refused, account, owner, amount):
    """R-MONEY-4: no voucher below zero, no budget overcommitted."""
    legs = f"('{account}', {owner}, {-amount}), ('fee', 1, {amount})"
    assert refused(JOURNAL.format(legs)) == (CHECK, "ck_ledger_balance_not_overdrawn")


def test_the_same_event_twice(role, refused):
    statement = """INSERT INTO journal (event_key, programme_id, kind, at)
                   SELECT event_key, programme_id, kind, at FROM journal"""
    assert refused(statement) == (UNIQUE, "uq_journal_event_key")


def test_the_same_place_in_a_chain_twice(role, refused):
    """R-AUD-1: two writers without the record's lock cannot fork its chain."""
    columns = "entity, entity_id, seq, action, actor_name, at, recorded_at, change, hash"
    state, constraint = refused(f"INSERT INTO audit_row ({columns}) SELECT {columns} FROM audit_row")
    assert (state, constraint) == (UNIQUE, "uq_audit_row_entity_entity_id_seq")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger_balance SET amount = amount + 1",
        "INSERT INTO ledger_balance VALUES ('voucher_grant', 99, 1000)",
        "DELETE FROM ledger_balance",
        "TRUNCATE ledger_balance",
    ],
)
def test_the_application_cannot_write_a_balance_by_itself(written, refused, statement):
    assert refused(statement)[0] == NO_RIGHT


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE posting DISABLE TRIGGER ALL",
        "DROP TRIGGER posting_guard ON posting",
        "CREATE OR REPLACE FUNCTION public.refuse_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN END'",
        "SET session_replication_role = replica",
        "DROP TABLE posting",
        "CREATE TABLE public.ledger (id int)",
    ],
)
def test_the_application_cannot_switch_the_guards_off(written, refused, statement):
    assert refused(statement)[0] == NO_RIGHT


def test_the_owner_cannot_make_a_kept_balance_negative(written, refused):
    db.session.execute(text("RESET ROLE"))
    db.session.commit()
    assert refused("UPDATE ledger_balance SET amount = -1") == (CHECK, "ck_ledger_balance_not_overdrawn")


def test_what_is_balanced_and_covered_is_taken(role):
    """The guards refuse the wrong, not the raw: the same door lets the right through."""
    with transaction() as session:
        session.execute(text(JOURNAL.format("('voucher_grant', 7, -400), ('agency_budget', 1, 400)")))
    found = {r.account: r.amount for r in contents()["ledger_balance"]}
    assert found == {"agency_budget": 1_000, "voucher_grant": 0}
    assert ledger.verify() == []
