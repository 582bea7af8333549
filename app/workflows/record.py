"""Who did what, and who must be told: the audit chain, its anchors, and the outbox (R-AUD-1, R-MSG-1).

Each record's rows form a hash chain: whoever writes holds the record's lock anyway. `seal()` closes all new
rows under a Merkle anchor that is chained to the last. A row younger than the last anchor is protected by
its record's chain alone.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from typing import Any

from sqlalchemy import TextClause, text

from app import clock
from app.db import db, transaction
from app.policy import Actor

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_APPEND_TO_CHAINS = """
INSERT INTO audit_row (entity, entity_id, seq, action, actor_id, actor_name, ip, at, recorded_at, reason,
                       change, prev_hash, hash)
SELECT v.entity, r.entity_id, r.seq, v.action, v.actor_id, v.actor_name, v.ip, v.at, v.recorded_at, v.reason,
       r.change, r.prev, audit_digest(r.prev, v.entity, r.entity_id, r.seq, v.action, v.actor_id,
                                      v.actor_name, v.ip, v.at, v.recorded_at, v.reason, r.change)
  FROM (SELECT CAST(:entity AS text) AS entity, CAST(:action AS text) AS action,
               CAST(:actor_id AS bigint) AS actor_id, CAST(:actor_name AS text) AS actor_name,
               CAST(:ip AS text) AS ip, CAST(:at AS timestamptz) AS at,
               CAST(:recorded_at AS timestamptz) AS recorded_at, CAST(:reason AS text) AS reason) v
 CROSS JOIN LATERAL (
       SELECT n.entity_id, n.change, coalesce(last.seq, 0) + 1 AS seq, last.hash AS prev
         FROM {new}
         LEFT JOIN LATERAL (SELECT a.seq, a.hash FROM audit_row a
                             WHERE a.entity = v.entity AND a.entity_id = n.entity_id
                             ORDER BY a.seq DESC LIMIT 1) last ON true) r
RETURNING entity_id, seq
"""
_APPEND = text(
    _APPEND_TO_CHAINS.format(
        new="unnest(CAST(:ids AS bigint[]), CAST(:changes AS jsonb[])) AS n (entity_id, change)"
    )
)

_TELL = text("""
WITH told AS (
  INSERT INTO notice (key, company_id, supplier_id, text, link, at)
  SELECT n.key, n.company_id, n.supplier_id, n.text, n.link, :at
    FROM jsonb_to_recordset(CAST(:rows AS jsonb))
      AS n (key text, company_id bigint, supplier_id bigint, text text, link text)
  ON CONFLICT (key) DO NOTHING RETURNING key, company_id, supplier_id, text)
INSERT INTO outbox_message (key, kind, payload, created_at, next_try_at)
SELECT key, 'sms', jsonb_build_object('company_id', company_id, 'supplier_id', supplier_id, 'text', text),
       :at, :real_at FROM told
ON CONFLICT (key) DO NOTHING
""")

_TELL_SET = """
, told AS (
  INSERT INTO notice (key, company_id, text, link, at)
  SELECT concat_ws(':', CAST(:entity AS text), w.entity_id, w.seq, 'company'), n.company_id,
         CAST(:message AS text), CAST(:link AS text), :at
    FROM written w JOIN given n ON n.entity_id = w.entity_id ORDER BY w.entity_id
  ON CONFLICT (key) DO NOTHING RETURNING key, company_id),
put AS (
  INSERT INTO outbox_message (key, kind, payload, created_at, next_try_at)
  SELECT key, 'sms', jsonb_build_object('company_id', company_id, 'supplier_id', NULL,
                                        'text', CAST(:message AS text)), :at, :recorded_at FROM told
  ON CONFLICT (key) DO NOTHING)
"""

# Each key names a row just appended, of which there is one: to ask for conflicts would cost a tenth.
_TELL_EACH = """
, told AS (
  INSERT INTO notice (key, company_id, supplier_id, text, link, at)
  SELECT concat_ws(':', CAST(:entity AS text), w.entity_id, w.seq, m.side),
         CASE m.side WHEN 'company' THEN n.company_id END, CASE m.side WHEN 'supplier' THEN n.supplier_id END,
         {text}, replace(m.link, '{{id}}', CAST(w.entity_id AS text)), :at
    FROM written w JOIN given n ON n.entity_id = w.entity_id
    JOIN jsonb_to_recordset(CAST(:messages AS jsonb)) AS m (n integer, side text, text text, link text)
      ON m.n = n.told
   ORDER BY w.entity_id, m.side RETURNING key, company_id, supplier_id, text),
put AS (
  INSERT INTO outbox_message (key, kind, payload, created_at, next_try_at)
  SELECT key, 'sms', jsonb_build_object('company_id', company_id, 'supplier_id', supplier_id, 'text', text),
         :at, :recorded_at FROM told)
"""

_PUT = text("""
INSERT INTO outbox_message (key, kind, payload, created_at, next_try_at)
VALUES (:key, :kind, CAST(:payload AS jsonb), :at, :real_at) ON CONFLICT (key) DO NOTHING
""")


@dataclass(frozen=True, kw_only=True)
class Message:
    """A sentence for a company or a supplier; `key` is the event that it tells of, and is told once."""

    key: str
    text: str
    company_id: int | None = None
    supplier_id: int | None = None
    link: str | None = None


def plain(value: Any) -> Any:
    """As the audit trail writes it."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime | date):
        return value.isoformat()
    return value


def write(
    entity: str,
    entity_id: int,
    action: str,
    *,
    actor: Actor,
    change: Mapping[str, tuple[Any, Any]] | None = None,
    reason: str | None = None,
) -> int:
    """Append one row to a record's chain and return its number there. The caller holds the record's lock."""
    return write_many(entity, {entity_id: change or {}}, action, actor=actor, reason=reason)[entity_id]


def write_many(
    entity: str,
    changes: Mapping[int, Mapping[str, tuple[Any, Any]]],
    action: str,
    *,
    actor: Actor,
    reason: str | None = None,
) -> dict[int, int]:
    """Append one row for each record, in one statement; returns each row's number in its chain."""
    if not changes:
        return {}
    documents = [
        json.dumps({name: [plain(v) for v in pair] for name, pair in change.items()}, ensure_ascii=False)
        for change in changes.values()
    ]
    rows = db.session.execute(
        _APPEND,
        {
            "entity": entity,
            "action": action,
            "actor_id": actor.id,
            "actor_name": actor.name,
            "ip": actor.ip,
            "at": clock.now(),
            "recorded_at": clock.real_now(),
            "reason": reason,
            "ids": list(changes),
            "changes": documents,
        },
    )
    return {row.entity_id: row.seq for row in rows}


def appending(
    rows: str, *, telling: bool = False, telling_each: bool = False, named: bool = False
) -> TextClause:
    """The statement that `write_set` runs for the records that the query `rows` yields.

    `rows`, which may be an UPDATE with its RETURNING, gives `entity_id` and `change`, and `company_id` where
    the company is told; `telling_each`, where not all are told the same: `company_id`, `supplier_id`, and in
    `told` which of the parameter `messages` (a JSON list of n, side, text, link). `{id}` in a link is the
    record's; with `named`, `{name}` in a text is what `rows` gives as `name`.
    """
    append = _APPEND_TO_CHAINS.format(new="given n")
    words = "replace(m.text, '{name}', n.name)" if named else "m.text"
    told = _TELL_SET if telling else _TELL_EACH.format(text=words) if telling_each else ""
    return text(
        f"WITH given AS MATERIALIZED ({rows}), written AS ({append}){told} SELECT count(*) FROM written"  # noqa: S608
    )


def write_set(
    statement: TextClause,
    entity: str,
    action: str,
    *,
    actor: Actor,
    reason: str | None = None,
    message: str | None = None,
    link: str | None = None,
    **parameters: Any,
) -> int:
    """`write_many` and `tell` for thousands at once: what is written never leaves the database.

    `statement` comes from `appending`, its `parameters` with it. The caller holds the records' locks, and
    calls before it changes them: `rows` reads what they were. Returns how many records it was.
    """
    about: dict[str, Any] = {"entity": entity, "action": action, "actor_id": actor.id}
    about |= {"actor_name": actor.name, "ip": actor.ip, "reason": reason}
    about |= {"at": clock.now(), "recorded_at": clock.real_now()}
    told = {"message": message, "link": link} if message is not None else {}
    number: int = db.session.execute(statement, about | told | parameters).scalar_one()
    return number


def tell(messages: Sequence[Message]) -> None:
    """Put messages into the platform's 알림 and the outbox, each once for its event (R-MSG-1)."""
    if not messages:
        return
    rows = [vars(message) for message in messages]
    db.session.execute(
        _TELL,
        {
            "rows": json.dumps(rows, ensure_ascii=False),
            "at": clock.now(),
            "real_at": clock.real_now(),
        },
    )


def put(key: str, kind: str, payload: Mapping[str, Any]) -> None:
    """Ask for a job that must not be lost: it is committed with the change, and done once for its key."""
    parameters = {"key": key, "kind": kind, "payload": json.dumps(payload), "at": clock.now()}
    db.session.execute(_PUT, parameters | {"real_at": clock.real_now()})


def merkle_root(leaves: Sequence[bytes]) -> bytes:
    """Root of a binary tree of SHA-256; leaves and nodes are told apart by a prefix (RFC 6962, 2.1)."""
    level = [hashlib.sha256(b"\x00" + leaf).digest() for leaf in leaves]
    while len(level) > 1:
        pairs = [level[i : i + 2] for i in range(0, len(level), 2)]
        level = [hashlib.sha256(b"\x01" + p[0] + p[1]).digest() if len(p) == 2 else p[0] for p in pairs]
    return level[0]


def _anchor_hash(
    previous: bytes | None, root: bytes, bounds: tuple[int, int], rows: int, sealed_at: datetime
) -> bytes:
    # Whole microseconds: neither a time zone nor a float has a say in the hash.
    instant = (sealed_at - _EPOCH) // timedelta(microseconds=1)
    return hashlib.sha256((previous or b"") + root + repr((*bounds, rows, instant)).encode()).digest()


def seal() -> int:
    """Anchor all rows of finished transactions that no anchor covers; returns how many.

    The watermark is a transaction id, since row ids commit out of order.
    """
    sealed_at = clock.real_now()
    with transaction() as session:
        session.execute(text("SELECT pg_advisory_xact_lock(hashtext('audit anchor'))"))
        last = session.execute(text("SELECT to_xid, hash FROM audit_anchor ORDER BY id DESC LIMIT 1")).first()
        start, previous = (last.to_xid, bytes(last.hash)) if last else (0, None)
        end = session.execute(
            text("SELECT CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS text) AS bigint)")
        ).scalar_one()
        if start > end:
            raise RuntimeError("the transaction ids lie below the last anchor: restored from a dump?")
        leaves = _leaves(start, end)
        if not leaves:
            return 0
        root = merkle_root(leaves)
        session.execute(
            text("""INSERT INTO audit_anchor (from_xid, to_xid, rows, root, prev_hash, hash, sealed_at)
                    VALUES (:start, :end, :rows, :root, :previous, :hash, :at)"""),
            {
                "start": start,
                "end": end,
                "rows": len(leaves),
                "root": root,
                "previous": previous,
                "hash": _anchor_hash(previous, root, (start, end), len(leaves), sealed_at),
                "at": sealed_at,
            },
        )
        return len(leaves)


def _leaves(start: int, end: int) -> list[bytes]:
    rows = db.session.execute(
        text("SELECT hash FROM audit_row WHERE xid >= :start AND xid < :end ORDER BY xid, id"),
        {"start": start, "end": end},
    )
    return [bytes(row.hash) for row in rows]


_BROKEN = text("""
SELECT a.id, a.entity, a.entity_id, a.seq FROM audit_row a
  LEFT JOIN audit_row p ON p.entity = a.entity AND p.entity_id = a.entity_id AND p.seq = a.seq - 1
 WHERE a.prev_hash IS DISTINCT FROM p.hash
    OR a.hash <> audit_digest(a.prev_hash, a.entity, a.entity_id, a.seq, a.action, a.actor_id,
                              a.actor_name, a.ip, a.at, a.recorded_at, a.reason, a.change)
 ORDER BY a.id LIMIT 100
""")


def verify() -> list[str]:
    """What is wrong with the trail: broken chains, the first hundred, and anchors that no longer match."""
    problems = [
        f"audit row {row.id} ({row.entity} {row.entity_id}, {row.seq}) breaks its chain"
        for row in db.session.execute(_BROKEN)
    ]
    previous: bytes | None = None
    for anchor in db.session.execute(text("SELECT * FROM audit_anchor ORDER BY id")).all():
        leaves = _leaves(anchor.from_xid, anchor.to_xid)
        bounds = (anchor.from_xid, anchor.to_xid)
        root = merkle_root(leaves) if leaves else b""
        expected = (previous, root, len(leaves))
        written = (anchor.prev_hash and bytes(anchor.prev_hash), bytes(anchor.root), anchor.rows)
        sealed = _anchor_hash(*expected[:2], bounds, len(leaves), anchor.sealed_at)
        if written != expected or bytes(anchor.hash) != sealed:
            problems.append(f"anchor {anchor.id} does not match its rows")
        previous = bytes(anchor.hash)
    return problems
