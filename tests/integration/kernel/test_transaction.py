"""transaction(): the only commit."""

import logging

import pytest
from sqlalchemy import create_engine, event, text
from sqlalchemy.exc import InvalidRequestError, ProgrammingError

from app.db import after_commit, db, transaction
from app.errors import Refusal
from app.models.catalogue import Category
from tests import factories


@pytest.fixture
def seen_outside(database_url):
    """How many categories another connection sees: what is really committed."""
    engine = create_engine(database_url)

    def count():
        with engine.connect() as connection:
            return connection.execute(text("SELECT count(*) FROM category")).scalar_one()

    yield count
    engine.dispose()


def test_nested_calls_join_the_outermost_which_alone_commits(committed, seen_outside):
    with transaction():
        with transaction():
            factories.make_category()
        assert seen_outside() == 0
        factories.make_category()
    assert seen_outside() == 2


def test_an_exception_rolls_the_whole_back(committed, seen_outside):
    with pytest.raises(Refusal), transaction():
        factories.make_category()
        with transaction():
            factories.make_category()
            raise Refusal("x", "안 됩니다.")
    assert seen_outside() == 0
    assert not db.session.execute(text("SELECT 1 FROM category")).first()


def test_a_nested_failure_that_was_swallowed_commits_nothing(committed, seen_outside):
    """The half that the nested call did before it raised must never be kept."""
    with pytest.raises(RuntimeError, match="swallowed"), transaction():
        factories.make_category()
        try:
            with transaction():
                factories.make_category()
                raise Refusal("x", "안 됩니다.")
        except Refusal:
            pass
    assert seen_outside() == 0
    with transaction():
        factories.make_category()
    assert seen_outside() == 1


def test_a_failed_statement_that_was_swallowed_is_no_silent_rollback(committed, seen_outside):
    """PostgreSQL answers COMMIT with a rollback after a failed statement, and the driver says nothing."""
    ran = []
    with pytest.raises(RuntimeError, match="swallowed"), transaction() as session:
        factories.make_category()
        after_commit(lambda: ran.append("hook"))
        try:
            session.execute(text("SELECT no_such_function()"))
        except ProgrammingError:
            pass
    assert (seen_outside(), ran) == (0, [])


def test_begin_after_a_read_raises_and_transaction_does_not(committed, seen_outside):
    """Trap 2"""
    db.session.execute(text("SELECT 1"))
    with pytest.raises(InvalidRequestError, match="already begun"), db.session.begin():
        pass
    with transaction():
        factories.make_category()
    assert seen_outside() == 1


def test_hooks_run_once_after_the_outermost_commit(committed, seen_outside):
    """Trap 3: SQLAlchemy's own after_commit also fires when a savepoint is released; ours does not."""
    ran, theirs = [], []
    session = db.session()
    event.listen(session, "after_commit", lambda _: theirs.append(seen_outside()))
    with transaction():
        with transaction():
            after_commit(lambda: ran.append(seen_outside()))
            with session.begin_nested():
                factories.make_category()
        assert (ran, theirs) == ([], [0]), "the savepoint is released, nothing is committed"
    assert ran == [1], "the hook sees what was committed"
    with transaction():
        factories.make_category()
    assert ran == [1]


def test_hooks_do_not_run_on_rollback_and_are_forgotten(committed):
    ran = []
    with pytest.raises(Refusal), transaction():
        after_commit(lambda: ran.append("rolled back"))
        raise Refusal("x", "안 됩니다.")
    with transaction():
        after_commit(lambda: ran.append("committed"))
    assert ran == ["committed"]


def test_a_failing_hook_neither_undoes_the_commit_nor_stops_the_next(committed, seen_outside, caplog):
    ran = []

    def out_of_reach():
        raise ConnectionError

    with caplog.at_level(logging.ERROR), transaction():
        factories.make_category()
        after_commit(out_of_reach)
        after_commit(lambda: ran.append(seen_outside()))
    assert ran == [1]
    assert [r.message for r in caplog.records] == ["after-commit hook failed"]


def test_a_hook_needs_an_open_transaction(tx):
    with pytest.raises(RuntimeError, match="outside"):
        after_commit(lambda: None)


@pytest.fixture
def nothing_left(seen_outside):
    """Asked for before `tx`, so that it looks once `tx` has been torn down."""
    yield
    assert seen_outside() == 0


def test_the_rollback_fixture_does_not_leak(nothing_left, tx, seen_outside):
    """Trap 4: binding the session elsewhere is ignored by Flask-SQLAlchemy, and the rows would stay."""
    with transaction():
        factories.make_category()
    with tx.app_context(), transaction():
        # As a request of the test client does: another context, another session, the same connection.
        factories.make_category()
        assert db.session.query(Category).count() == 2
    assert seen_outside() == 0


def test_the_application_works_without_the_owners_rights(tx):
    """R-MONEY-3: every connection of the pool steps down."""
    assert db.session.execute(text("SELECT current_user")).scalar_one() == "kvoucher_app"
