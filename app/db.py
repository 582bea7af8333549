"""The session, the only commit, and the lock that reads afresh."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any, TypeVar

from flask_sqlalchemy import SQLAlchemy
from psycopg.pq import ExecStatus, TransactionStatus
from sqlalchemy import CursorResult, Engine, MetaData, TextClause, event, select
from sqlalchemy.orm import DeclarativeBase, Session

from app.errors import NotFound

log = logging.getLogger(__name__)

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING)


M = TypeVar("M", bound=Base)

db = SQLAlchemy(model_class=Base, session_options={"join_transaction_mode": "create_savepoint"})


@contextmanager
def transaction() -> Iterator[Session]:
    """The only commit. Nested calls join the outermost; an exception rolls the whole back.

    So an exception that left a nested call may not be swallowed outside of it: the outermost call then raises
    RuntimeError and commits nothing, instead of keeping half of what the nested call did.

    Hooks given to `after_commit` run once the outermost commit has returned (SQLAlchemy's own event also
    fires when a savepoint is released), and are dropped on a rollback.
    """
    session = db.session()
    info = session.info
    depth = info.get("depth", 0)
    info["depth"] = depth + 1
    hooks: list[Callable[[], None]] = info.setdefault("hooks", [])
    try:
        yield session
        if depth == 0:
            _refuse_half(session)
            session.commit()
    except BaseException:
        info["doomed"] = depth > 0
        if depth == 0:
            hooks.clear()
            session.rollback()
        raise
    finally:
        info["depth"] = depth
    if depth == 0:
        run, hooks[:] = hooks[:], []
        for hook in run:
            _run_hook(hook)


def _refuse_half(session: Session) -> None:
    """Raise RuntimeError where a failure inside was swallowed: PostgreSQL would answer COMMIT with a silent
    rollback after a failed statement, and would keep the half of a nested call that raised."""
    driver: Any = session.connection().connection.dbapi_connection
    if session.info.get("doomed") or driver.info.transaction_status == TransactionStatus.INERROR:
        raise RuntimeError("a failure inside this transaction was swallowed: nothing is committed")


def _run_hook(hook: Callable[[], None]) -> None:
    # What it follows is committed: its failure must not look like a failure of that, nor stop the next hook.
    try:
        hook()
    except Exception:
        log.exception("after-commit hook failed")


def after_commit(hook: Callable[[], None]) -> None:
    """Run `hook` when the open transaction has been committed; the hook writes nothing."""
    info = db.session().info
    if not info.get("depth"):
        raise RuntimeError("after_commit() outside transaction()")
    info["hooks"].append(hook)


# A number typed into an address may be larger than any key: no such record, and no error of the database.
BIGINT = range(-(2**63), 2**63)


def lock(model: type[M], key: Any) -> M:
    """Lock one row until the transaction ends and read it afresh; raises NotFound.

    `populate_existing` matters: a plain FOR UPDATE waits for the lock and then answers with the attributes
    that the session had read before, so that two approvers would both succeed.
    """
    if isinstance(key, int) and key not in BIGINT:
        raise NotFound()
    row = db.session.execute(
        select(model)
        .where(model.__mapper__.primary_key[0] == key)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    ).scalar_one_or_none()
    if row is None:
        raise NotFound()
    return row


def run_plain(statement: TextClause, parameters: Mapping[str, Any]) -> CursorResult[Any]:
    """A statement of plain text, a module's constant, in the session's transaction: its text is worked out
    once for the process, and kept.

    For the hot paths: the ORM and the compiler have nothing to do for it, and cost more than the driver.
    """
    return db.session.connection().exec_driver_sql(_driver_text(statement), parameters)


@cache
def _driver_text(statement: TextClause) -> str:
    return str(statement.compile(dialect=db.engine.dialect))


def keep_prepared(engine: Engine) -> None:
    """Let prepared statements outlive a request that only read.

    Such a request ends with a ROLLBACK, at which psycopg forgets and deallocates all that it has prepared, in
    case a table was made anew: so nothing would ever stay prepared, and each statement would be planned at
    each request. Tables are made by migrations alone, before the processes start.
    """
    ordinary = engine.dialect.do_rollback

    def roll_back(connection: Any) -> None:
        driver = getattr(connection, "driver_connection", connection)
        if driver.closed or driver.info.transaction_status not in (
            TransactionStatus.INTRANS,
            TransactionStatus.INERROR,
        ):
            ordinary(connection)
            return
        result = driver.pgconn.exec_(b"ROLLBACK")
        if result.status != ExecStatus.COMMAND_OK:
            ordinary(connection)

    engine.dialect.do_rollback = roll_back  # type: ignore[assignment,method-assign]


APPLICATION_ROLE = "kvoucher_app"


def work_as_application_role(engine: Engine) -> None:
    """Give up, on each new connection, the owner's rights over ledger and audit (R-MONEY-3).

    Does nothing where the role does not exist: there the log-in itself must be a restricted one.
    """

    @event.listens_for(engine, "connect")
    def _step_down(connection: Any, _: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (APPLICATION_ROLE,))
            if cursor.fetchone():
                cursor.execute(f"SET ROLE {APPLICATION_ROLE}")
        connection.commit()
