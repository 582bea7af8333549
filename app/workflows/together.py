"""All that one business event writes, as one statement: the change, its journal, audit rows and messages.

For the hot paths, where each round trip to the database counts. What is written is what `ledger.post`,
`record.write`, `record.tell` and `record.put` write, of several records at once.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import TextClause, text

from app import clock
from app.models.ledger import JournalKind
from app.policy import Actor
from app.workflows import ledger, record
from app.workflows.ledger import Leg
from app.workflows.lifecycle import Edge

_LEGS = """
legs AS (
  SELECT CAST(:event_key AS text) AS event_key, l.*
    FROM unnest(CAST(:accounts AS text[]), CAST(:owners AS bigint[]), CAST(:amounts AS bigint[]))
         WITH ORDINALITY AS l (account, owner_id, amount, n))
"""
_CHAINED = """
chained AS (
  INSERT INTO audit_row (entity, entity_id, seq, action, actor_id, actor_name, ip, at, recorded_at, reason,
                         change, prev_hash, hash)
  SELECT r.entity, r.entity_id, r.seq, r.action, r.actor_id, r.actor_name, r.ip, r.at, r.recorded_at,
         r.reason, r.change, r.prev, audit_digest(r.prev, r.entity, r.entity_id, r.seq, r.action, r.actor_id,
                                        r.actor_name, r.ip, r.at, r.recorded_at, r.reason, r.change)
    FROM (SELECT e.*, coalesce(last.seq, 0) + 1 AS seq, last.hash AS prev,
                 CAST(:actor_id AS bigint) AS actor_id, CAST(:actor_name AS text) AS actor_name,
                 CAST(:ip AS text) AS ip, CAST(:at AS timestamptz) AS at,
                 CAST(:recorded_at AS timestamptz) AS recorded_at
            FROM unnest(CAST(:entities AS text[]), CAST(:ids AS bigint[]), CAST(:actions AS text[]),
                        CAST(:reasons AS text[]), CAST(:changes AS jsonb[]))
                 AS e (entity, entity_id, action, reason, change)
            LEFT JOIN LATERAL (SELECT a.seq, a.hash FROM audit_row a
                                WHERE a.entity = e.entity AND a.entity_id = e.entity_id
                                ORDER BY a.seq DESC LIMIT 1) last ON true) r
  RETURNING entity, entity_id, seq)
"""
# Each key names a row just appended, of which there is one.
_TOLD = """
told AS (
  INSERT INTO notice (key, company_id, supplier_id, text, link, at)
  SELECT concat_ws(':', c.entity, c.entity_id, c.seq, CASE WHEN m.company_id IS NULL THEN 'supplier'
                                                           ELSE 'company' END),
         m.company_id, m.supplier_id, m.text, m.link, :at
    FROM chained c
    JOIN unnest(CAST(:told AS text[]), CAST(:companies AS bigint[]), CAST(:suppliers AS bigint[]),
                CAST(:texts AS text[]), CAST(:links AS text[]))
         AS m (entity, company_id, supplier_id, text, link) ON m.entity = c.entity
  RETURNING key, company_id, supplier_id, text),
put AS (
  INSERT INTO outbox_message (key, kind, payload, created_at, next_try_at)
  SELECT key, 'sms', jsonb_build_object('company_id', company_id, 'supplier_id', supplier_id, 'text', text),
         :at, :recorded_at FROM told)
"""


@dataclass(frozen=True, kw_only=True)
class Told:
    """A sentence for a company or a supplier, of an entry's move."""

    text: str
    company_id: int | None = None
    supplier_id: int | None = None
    link: str | None = None


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One row of one record's audit chain; of each entity at most one record in a statement."""

    entity: str
    entity_id: int
    action: str
    change: Mapping[str, tuple[Any, Any]]
    reason: str | None = None
    told: tuple[Told, ...] = ()


def told_of(
    edge: Edge, key: int, *, name: str, company_id: int, supplier_id: int, reason: str = ""
) -> tuple[Told, ...]:
    """Who is told of a record's move along an edge, as `lifecycle.fire` tells them."""
    return tuple(
        Told(
            text=tell.text.format(name=name, reason=reason),
            company_id=company_id if tell.to == "company" else None,
            supplier_id=supplier_id if tell.to == "supplier" else None,
            link=tell.link and tell.link.format(id=key),
        )
        for tell in edge.tell
    )


def writing(changes: str, *, answer: str = "SELECT 1", telling: bool = True) -> TextClause:
    """The statement: `changes` are CTEs of its own, `answer` what it ends with. Its parameters are those of
    `changes` and of `parameters`. The caller holds the locks of all records, and the order of their locks."""
    parts = [changes, _LEGS, ledger.ENTER, _CHAINED, *([_TOLD] if telling else [])]
    return text("WITH " + ",".join(parts) + answer)


def parameters(
    entries: Sequence[Entry],
    *,
    actor: Actor,
    event_key: str,
    kind: JournalKind,
    legs: Sequence[Leg],
    programme_id: int,
) -> dict[str, Any]:
    """What `writing` asks for. Raises ValueError for legs that do not balance, or an entity named twice."""
    if not legs or sum(leg.amount for leg in legs) != 0:
        raise ValueError(f"{event_key} does not balance")
    if len({entry.entity for entry in entries}) != len(entries):
        raise ValueError("two records of one entity: their messages could not be told apart")
    told = [(entry.entity, each) for entry in entries for each in entry.told]
    return {
        "event_key": event_key,
        "kind": kind.value,
        "programme_id": programme_id,
        "accounts": [leg.account.value for leg in legs],
        "owners": [leg.owner_id for leg in legs],
        "amounts": [leg.amount for leg in legs],
        "entities": [entry.entity for entry in entries],
        "ids": [entry.entity_id for entry in entries],
        "actions": [entry.action for entry in entries],
        "reasons": [entry.reason for entry in entries],
        "changes": [_document(entry.change) for entry in entries],
        "told": [entity for entity, _ in told],
        "companies": [each.company_id for _, each in told],
        "suppliers": [each.supplier_id for _, each in told],
        "texts": [each.text for _, each in told],
        "links": [each.link for _, each in told],
        "actor_id": actor.id,
        "actor_name": actor.name,
        "ip": actor.ip,
        "at": clock.now(),
        "recorded_at": clock.real_now(),
    }


def _document(change: Mapping[str, tuple[Any, Any]]) -> str:
    return json.dumps(
        {name: [record.plain(old), record.plain(new)] for name, (old, new) in change.items()},
        ensure_ascii=False,
    )
