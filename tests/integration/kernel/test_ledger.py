"""The only writer of money (R-MONEY-3, R-MONEY-4)."""

import pytest
from sqlalchemy import text

from app import clock
from app.db import db, transaction
from app.models.ledger import GUARDED, JournalKind, LedgerAccount
from app.policy import CLOCK, Actor, Role
from app.workflows import ledger
from app.workflows.ledger import Leg, Overdrawn, move
from tests import factories

A = LedgerAccount


@pytest.fixture
def programme(tx):
    with transaction():
        return factories.make_programme().id


@pytest.fixture
def post(programme):
    def enter(key, *legs, kind=JournalKind.ALLOCATION, actor=CLOCK):
        with transaction():
            return ledger.post(key, kind, [*legs], programme_id=programme, actor=actor)

    return enter


def rows(table):
    return db.session.execute(text(f"SELECT * FROM {table} ORDER BY 1, 2")).all()


def test_a_movement_is_one_journal_with_two_legs(post, programme):
    with transaction():
        account = factories.make_account(Role.BUDGET_OFFICER)
    actor = Actor(id=account.id, role=Role.BUDGET_OFFICER, name=account.name)
    with clock.at(clock.start_of(clock.date(2020, 11, 16))):
        assert post("k:1", *move((A.FUNDING, 1), (A.PROGRAMME_BUDGET, 1), 500), actor=actor)
    (journal,) = rows("journal")
    assert (journal.event_key, journal.kind, journal.programme_id) == ("k:1", "allocation", programme)
    assert (journal.actor_id, clock.korean_day(journal.at)) == (account.id, clock.date(2020, 11, 16))
    assert [(p.journal_id, p.account, p.owner_id, p.amount) for p in rows("posting")] == [
        (journal.id, "funding", 1, -500),
        (journal.id, "programme_budget", 1, 500),
    ]
    assert ledger.verify() == []


def test_nothing_moves_for_nothing(post):
    assert move((A.FUNDING, 1), (A.FEE, 1), 0) == []
    assert not post("k:empty")
    assert rows("journal") == rows("posting") == []


def test_the_same_event_again_changes_nothing(post):
    """R-PAY-4: a repeat is a no-op, even one that says another amount."""
    assert post("k:1", *move((A.FUNDING, 1), (A.VOUCHER_GRANT, 9), 100)) is True
    before = rows("journal"), rows("posting"), rows("ledger_balance")
    assert post("k:1", *move((A.FUNDING, 1), (A.VOUCHER_GRANT, 9), 100)) is False
    assert post("k:1", *move((A.FUNDING, 1), (A.VOUCHER_GRANT, 9), 999)) is False
    assert (rows("journal"), rows("posting"), rows("ledger_balance")) == before


def test_many_events_in_one_statement_enter_only_the_new_ones(post, programme):
    post("k:1", *move((A.FUNDING, 1), (A.VOUCHER_GRANT, 1), 10))
    entries = {f"k:{n}": move((A.FUNDING, 1), (A.VOUCHER_GRANT, n), 10 * n) for n in (1, 2, 3)} | {"k:4": []}
    with transaction():
        new = ledger.post_many(entries, JournalKind.APPROVAL, programme_id=programme, actor=CLOCK)
    assert new == {"k:2", "k:3"}
    assert ledger.balances(A.VOUCHER_GRANT, [1, 2, 3, 4]) == {1: 10, 2: 20, 3: 30, 4: 0}
    assert ledger.verify() == []


def test_legs_that_do_not_balance_are_a_bug(post):
    with pytest.raises(ValueError, match="k:1 does not balance"):
        post("k:1", Leg(A.FUNDING, 1, -10), Leg(A.FEE, 1, 9))
    assert rows("journal") == []


def test_the_kept_balances_are_exactly_those_of_the_guarded_accounts(post):
    """The trigger and `GUARDED` name the same accounts; every other one is summed."""
    for n, account in enumerate(A):
        legs = move((A.FUNDING, 1), (account, 77), 5) if account is not A.FUNDING else []
        post(f"k:{n}", *legs)
    assert {row.account for row in rows("ledger_balance")} == {account.value for account in GUARDED}
    for account in set(A) - {A.FUNDING}:
        assert ledger.balance(account, 77) == 5
    assert ledger.balance(A.FUNDING, 1) == -5 * (len(A) - 1)
    assert ledger.verify() == []


@pytest.mark.parametrize("account", GUARDED, ids=lambda a: a.value)
def test_a_guarded_account_gives_all_it_has_and_not_a_won_more(post, account):
    """R-MONEY-4"""
    post("in", *move((A.FUNDING, 1), (account, 3), 100))
    with pytest.raises(Overdrawn) as refused:
        post("too much", *move((account, 3), (A.FEE, 1), 101))
    assert (refused.value.code, refused.value.status) == ("overdrawn", 409)
    assert ledger.balance(account, 3) == 100 and len(rows("journal")) == 1
    post("all", *move((account, 3), (A.FEE, 1), 100))
    assert ledger.balance(account, 3) == 0
    with pytest.raises(Overdrawn):
        post("from nothing", *move((account, 4), (A.FEE, 1), 1))
    assert ledger.verify() == []


def test_a_transaction_with_an_overdrawn_account_keeps_nothing(post, programme):
    with pytest.raises(Overdrawn), transaction():
        factories.make_category()
        ledger.post(
            "x",
            JournalKind.WAIVER,
            move((A.VOUCHER_GRANT, 1), (A.FEE, 1), 1),
            programme_id=programme,
            actor=CLOCK,
        )
    assert rows("category") == []


def test_amounts_beyond_thirty_two_bits(post):
    post("much", *move((A.FUNDING, 1), (A.PROGRAMME_BUDGET, 1), 640_000_000_000))
    assert ledger.balance(A.PROGRAMME_BUDGET, 1) == 640_000_000_000


def test_locked_balances_name_every_account_that_was_asked_for(post):
    post("in", *move((A.FUNDING, 1), (A.VOUCHER_GRANT, 3), 100))
    with transaction():
        found = ledger.lock_balances((A.VOUCHER_GRANT, A.VOUCHER_SHARE), 3)
    assert found == {A.VOUCHER_GRANT: 100, A.VOUCHER_SHARE: 0}


@pytest.fixture
def tamper(tx):
    """What only the owner of the server can do, with the guards switched off."""

    def run(statement):
        with transaction() as session:
            session.execute(text("RESET ROLE"))
            session.execute(text("SET LOCAL session_replication_role = replica"))
            assert session.execute(text(statement)).rowcount
            session.execute(text("SET LOCAL session_replication_role = origin"))
            session.execute(text("SET ROLE kvoucher_app"))

    return run


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("UPDATE ledger_balance SET amount = amount + 1", ["the kept balance of voucher_grant 9"]),
        ("DELETE FROM ledger_balance", ["the kept balance of voucher_grant 9"]),
        ("INSERT INTO ledger_balance VALUES ('transfer', 5, 1)", ["the kept balance of transfer 5"]),
        (
            "UPDATE posting SET amount = 101 WHERE amount = 100",
            ["journal {id} does not balance", "the kept balance of voucher_grant 9"],
        ),
        (
            "DELETE FROM posting",
            ["journal {id} has no postings", "the kept balance of voucher_grant 9"],
        ),
    ],
)
def test_verify_names_what_was_tampered_with(post, tamper, statement, found):
    post("k:1", *move((A.FUNDING, 1), (A.VOUCHER_GRANT, 9), 100))
    journal = rows("journal")[0].id
    tamper(statement)
    problems = ledger.verify()
    assert len(problems) == len(found)
    for problem, start in zip(problems, found, strict=True):
        assert problem.startswith(start.format(id=journal))
