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
    FROM jsonb_to_recordset(CAST(:legs AS jsonb))
      AS l (n integer, account text, owner_id bigint, amount bigint))
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
            FROM jsonb_to_recordset(CAST(:entries AS jsonb))
                 AS e (entity text, entity_id bigint, action text, reason text, change jsonb)
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
    JOIN jsonb_to_recordset(CAST(:told AS jsonb))
         AS m (entity text, company_id bigint, supplier_id bigint, text text, link text)
      ON m.entity = c.entity
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
    """What `writing` asks for, as JSON: an array of each column would cost the driver more than the database.

    Raises ValueError for legs that do not balance, or an entity named twice."""
    if not legs or sum(leg.amount for leg in legs) != 0:
        raise ValueError(f"{event_key} does not balance")
    if len({entry.entity for entry in entries}) != len(entries):
        raise ValueError("two records of one entity: their messages could not be told apart")
    places = enumerate(legs, start=1)
    told = [{"entity": entry.entity, **vars(each)} for entry in entries for each in entry.told]
    return {
        "event_key": event_key,
        "kind": kind.value,
        "programme_id": programme_id,
        "legs": json.dumps([_leg(place, leg) for place, leg in places]),
        "entries": json.dumps([_row(entry) for entry in entries], ensure_ascii=False),
        "told": json.dumps(told, ensure_ascii=False),
        "actor_id": actor.id,
        "actor_name": actor.name,
        "ip": actor.ip,
        "at": clock.now(),
        "recorded_at": clock.real_now(),
    }


def _leg(place: int, leg: Leg) -> dict[str, Any]:
    return {"n": place, "account": leg.account.value, "owner_id": leg.owner_id, "amount": leg.amount}


def _row(entry: Entry) -> dict[str, Any]:
    change = {name: [record.plain(old), record.plain(new)] for name, (old, new) in entry.change.items()}
    about = {"entity": entry.entity, "entity_id": entry.entity_id, "action": entry.action}
    return about | {"reason": entry.reason, "change": change}
