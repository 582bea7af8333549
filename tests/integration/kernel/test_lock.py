"""lock(): one row, locked and read afresh."""

import pytest
from psycopg import errors
from sqlalchemy import create_engine, select, text
from sqlalchemy.exc import OperationalError

from app.db import db, lock, transaction
from app.errors import NotFound
from app.models.catalogue import Category
from tests import factories


@pytest.fixture
def other(database_url):
    """Another connection, as a colleague's request would have it."""
    engine = create_engine(database_url)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


@pytest.fixture
def category(committed):
    with transaction():
        return factories.make_category(name="옛 이름").id


def rename(other, key):
    other.execute(text("UPDATE category SET name = '새 이름' WHERE id = :id"), {"id": key})
    other.commit()


def test_a_plain_lock_answers_with_what_was_read_before(category, other):
    """Trap 1, on these very versions: neither FOR UPDATE nor get(with_for_update) looks again."""
    read = db.session.get(Category, category)
    assert read.name == "옛 이름"
    rename(other, category)
    plain = db.session.execute(select(Category).where(Category.id == category).with_for_update()).scalar_one()
    assert plain.name == "옛 이름"


def test_lock_reads_afresh(category, other):
    assert db.session.get(Category, category).name == "옛 이름"
    rename(other, category)
    with transaction():
        assert lock(Category, category).name == "새 이름"


def test_the_lock_holds_until_the_transaction_ends(category, other):
    statement = text("SELECT 1 FROM category WHERE id = :id FOR UPDATE NOWAIT")
    with transaction():
        lock(Category, category)
        with pytest.raises(OperationalError) as refused:
            other.execute(statement, {"id": category})
        assert isinstance(refused.value.orig, errors.LockNotAvailable)
        other.rollback()
    assert other.execute(statement, {"id": category}).scalar_one() == 1


@pytest.mark.parametrize("key", [0, -1, 2**31, 2**63, 10**30])
def test_no_such_key_is_not_found_however_large(tx, key):
    with pytest.raises(NotFound):
        lock(Category, key)


def test_what_is_pending_is_not_lost_by_reading_afresh(tx):
    category = factories.make_category()
    category.name = "바뀐 이름"
    assert lock(Category, category.id).name == "바뀐 이름"
