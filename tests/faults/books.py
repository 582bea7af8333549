"""What every fault must leave behind, and time that goes by. Called by name in a process of its own."""

from __future__ import annotations

import hashlib
import re
import sqlite3
import time
from pathlib import Path
from typing import Any

from flask import current_app
from sqlalchemy import text

from app.db import db, transaction
from app.documents import store
from app.jobs import outbox
from app.workflows import payment_resolution, slips_drawing
from tests import invariant

# Those of unknown outcome, and those given up that are watched for a late charge.
_LATER = text("UPDATE payment SET ask_again_at = now() WHERE ask_again_at IS NOT NULL")
# What a drain has in hands keeps its lease: only what waits for its next try has an error.
_AGAIN = text("""
UPDATE outbox_message SET next_try_at = now()
 WHERE done_at IS NULL AND gave_up_at IS NULL AND (tries = 0 OR error IS NOT NULL)
""")
_ORPHANED = text("UPDATE outbox_message SET next_try_at = now() WHERE done_at IS NULL AND gave_up_at IS NULL")
_DROPPED = text("UPDATE slip SET leased_until = NULL WHERE sha256 IS NULL")
_UNDONE = text("SELECT key FROM outbox_message WHERE done_at IS NULL AND gave_up_at IS NULL ORDER BY id")
_UNDECIDED = text("SELECT id FROM payment WHERE state IN ('pending', 'cancelling') ORDER BY id")
_WATCHED = text("SELECT id FROM payment WHERE ask_again_at IS NOT NULL AND state = 'failed' ORDER BY id")
_UNMADE = text("SELECT id FROM slip WHERE sha256 IS NULL")


def pass_time() -> None:
    """Whoever waits for their turn is due now."""
    with transaction() as session:
        session.execute(_LATER)
        session.execute(_AGAIN)


def turns(*, rounds: int, orphaned: bool = False) -> dict[str, list[Any]]:
    """Time goes by for us and for the gateways, and the system does what it does by itself.

    `orphaned` says that whoever had taken messages in hand is dead: their leases are over too.
    """
    for _ in range(rounds):
        _age_the_orders(Path(current_app.config["KV_HOME"]) / "sandbox.sqlite3")
        with transaction() as session:
            session.execute(_LATER)
            session.execute(_ORPHANED if orphaned else _AGAIN)
            if orphaned:
                session.execute(_DROPPED)
        payment_resolution.resolve()
        outbox.drain()
        slips_drawing.work()
        found = left()
        if not any(found.values()):
            break
        # Somebody else may have the rest in hand.
        time.sleep(0.1)
    return found


def left() -> dict[str, list[Any]]:
    """What is not yet done or known."""
    with transaction() as session:
        queries = {"undone": _UNDONE, "undecided": _UNDECIDED, "watched": _WATCHED, "unmade": _UNMADE}
        return {name: list(session.execute(query).scalars()) for name, query in queries.items()}


def _age_the_orders(book: Path) -> None:
    """An order that nobody confirms is closed by its gateway after some minutes: they are over."""
    with sqlite3.connect(book, timeout=10) as rows:
        rows.execute(
            "UPDATE payment SET expires_at = '2020-01-01T00:00:00+09:00' WHERE status IN ('READY', 'WAITING')"
        )
    rows.close()


def problems(*, sandbox: str) -> list[str]:
    """What does not hold once all is done (H, rows 1, 2, 5, 20)."""
    found = _since_the_beginning(sandbox).problems()
    with transaction() as session:
        for sentence, query in _CHECKS.items():
            found += [sentence.format(*row) for row in session.execute(text(query))]
        slips = session.execute(text("SELECT id, sha256, size FROM slip WHERE sha256 IS NOT NULL")).all()
    return found + [problem for slip in slips if (problem := _of_file(*slip))]


def _since_the_beginning(sandbox: str) -> invariant.Books:
    books = invariant.Books(sandbox)
    books._before = 0
    return books


def _of_file(slip_id: int, sha256: str, size: int) -> str | None:
    """A slip's file is whole or absent, and what its number says."""
    content = store.read(sha256)
    whole = hashlib.sha256(content).hexdigest() == sha256 and len(content) == size
    return None if whole else f"the file of slip {slip_id} is broken"


_CHECKS = {
    "payment {} is {} and has the slips {}": """
        SELECT p.id, p.state, coalesce(string_agg(s.kind, ' ' ORDER BY s.kind), '') FROM payment p
          LEFT JOIN slip s ON s.payment_id = p.id
         GROUP BY p.id
        HAVING coalesce(string_agg(s.kind, ' ' ORDER BY s.kind), '') <>
               CASE p.state WHEN 'paid' THEN 'receipt statement'
                            WHEN 'cancelled' THEN 'cancellation receipt statement' ELSE '' END""",
    "programme {} has {} slips of the kind {}, numbered up to {}": """
        SELECT programme_id, count(*), kind, max(number) FROM slip
         GROUP BY programme_id, kind HAVING count(*) <> max(number)""",
    "slip {} was not drawn": "SELECT id FROM slip WHERE sha256 IS NULL",
    # Those that still wait are `left`; since then the scheduler may have written others.
    "message {} was given up: {}": """
        SELECT key, error FROM outbox_message WHERE gave_up_at IS NOT NULL AND done_at IS NULL""",
    "the event {} of deal {} was told {} times": """
        SELECT action, entity_id, count(*) FROM audit_row WHERE entity = 'deal' AND action = 'pay'
         GROUP BY action, entity_id HAVING count(*) > 1""",
}


def payments_of(*, deals: list[int]) -> list[int]:
    query = text("SELECT max(id) FROM payment WHERE deal_id = ANY(:deals) GROUP BY deal_id ORDER BY deal_id")
    return list(db.session.execute(query, {"deals": deals}).scalars())


def states(*, deals: list[int]) -> dict[str, list[str]]:
    """What became of each deal's presses, in their order."""
    query = text("SELECT deal_id, state FROM payment WHERE deal_id = ANY(:deals) ORDER BY id")
    found: dict[str, list[str]] = {str(deal): [] for deal in deals}
    for row in db.session.execute(query, {"deals": deals}):
        found[str(row.deal_id)].append(row.state)
    return found


def rows_with(*, patterns: dict[str, str]) -> list[str]:
    """The tables in whose rows one of these stands."""
    compiled = {name: re.compile(pattern.encode()) for name, pattern in patterns.items()}
    found = []
    for table in db.metadata.sorted_tables:
        rows = db.session.execute(text(f'SELECT CAST(t AS text) FROM "{table.name}" t')).scalars()
        content = "\n".join(rows).encode()
        found += [
            f"{name} is in the table {table.name}" for name, each in compiled.items() if each.search(content)
        ]
    return found
