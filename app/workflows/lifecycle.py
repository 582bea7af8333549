"""Lifecycles are data: edges in a table, fired under a lock with audit and message in one transaction.

Buttons, badges, the tests of refused moves and the diagrams in docs/ all come from these tables.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from sqlalchemy import ColumnElement, false, select, update
from sqlalchemy.orm import Session

from app import policy
from app.db import Base, lock, transaction
from app.errors import Conflict, Denied, InvalidInput
from app.korean import object_mark
from app.models.types import EncryptedText, Labelled
from app.policy import Actor, Permission
from app.workflows import record


@dataclass(frozen=True, kw_only=True)
class Tell:
    """Whom a move is told, and the Korean sentence: `{reason}` and `{name}` are filled in."""

    to: str
    """`company` or `supplier`."""
    text: str
    link: str | None = None
    """`{id}` in it is the record's."""


@dataclass(frozen=True, kw_only=True)
class Edge:
    action: str
    label: str
    source: Labelled
    target: Labelled
    permission: Permission
    needs_reason: bool = False
    other_than: tuple[str, ...] = ()
    """Attributes that name the accounts who may not do this (R-ROLE-4)."""
    confirm: str | None = None
    """The question asked before what cannot be undone."""
    tell: tuple[Tell, ...] = ()


@dataclass(frozen=True)
class Lifecycle:
    entity: str
    """As the audit trail names it."""
    model: type[Base]
    initial: tuple[Labelled, ...]
    edges: tuple[Edge, ...]
    names: Callable[[Collection[int]], Mapping[int, str]] | None = None
    """What records are called in messages, where the caller does not say it."""

    @property
    def states(self) -> type[Labelled]:
        return type(self.initial[0])

    def of(self, action: str) -> list[Edge]:
        found = [edge for edge in self.edges if edge.action == action]
        if not found:
            raise LookupError(f"{self.entity} knows no action {action}")
        return found

    def pick(self, action: str, state: Labelled) -> Edge:
        """The edge from here. Raises Conflict, which says the present state and what the action needs."""
        candidates = self.of(action)
        for edge in candidates:
            if edge.source is state:
                return edge
        wanted = "·".join(dict.fromkeys(edge.source.label for edge in candidates))
        act = candidates[0].label
        raise Conflict(
            f"{self.entity}.{action}.state",
            f"현재 상태가 '{state.label}'이라서 '{act}'{object_mark(act)} 할 수 없습니다. "
            f"'{wanted}' 상태에서만 할 수 있으니 화면을 새로 고쳐 현재 상태를 확인해 주세요.",
        )

    def open_to(self, actor: Actor, record_: Any) -> list[Edge]:
        """The edges that this person may fire on this record now: what the buttons are made from."""
        if not policy.owns(actor, record_):
            return []
        return [
            edge
            for edge in self.edges
            if edge.source is record_.state
            and actor.may(edge.permission)
            and (actor.id is None or actor.id not in [getattr(record_, name) for name in edge.other_than])
        ]


def begin(
    lifecycle: Lifecycle, new: Any, *, actor: Actor, reason: str | None = None, action: str = "begin"
) -> None:
    """Add a record in one of its initial states, with its first audit row."""
    if new.state not in lifecycle.initial:
        raise ValueError(f"{lifecycle.entity} does not begin as {new.state}")
    with transaction() as session:
        session.add(new)
        session.flush()
        record.write(
            lifecycle.entity, new.id, action, actor=actor, change={"state": (None, new.state)}, reason=reason
        )


def fire(
    lifecycle: Lifecycle,
    key: int,
    action: str,
    *,
    actor: Actor,
    reason: str | None = None,
    changes: Mapping[str, Any] | None = None,
    name: str = "",
) -> Any:
    """Move one record along an edge and return it, locked.

    Checks, in this order: that it exists and is the actor's, permission, edge, person, reason. Raises
    NotFound, Denied, Conflict, InvalidInput. `changes` are further attributes, audited with the state.
    """
    with transaction() as session:
        row: Any = lock(lifecycle.model, key)
        policy.require_own(actor, row)
        if not any(actor.may(edge.permission) for edge in lifecycle.of(action)):
            raise Denied()
        edge = lifecycle.pick(action, row.state)
        policy.require(actor, edge.permission)
        policy.require_other_person(actor, *[getattr(row, attribute) for attribute in edge.other_than])
        reason = _reason(edge, reason)
        before = {field: getattr(row, field) for field in ("state", *(changes or {}))}
        row.state = edge.target
        for field, value in (changes or {}).items():
            setattr(row, field, value)
        session.flush()
        change = _change(lifecycle, before, {field: getattr(row, field) for field in before})
        seq = record.write(lifecycle.entity, key, action, actor=actor, change=change, reason=reason)
        record.tell(_messages(lifecycle, edge, {key: seq}, {key: row}, reason=reason, name=name))
        return row


def fire_many(
    lifecycle: Lifecycle,
    keys: Sequence[int],
    action: str,
    *,
    actor: Actor,
    source: Labelled,
    reason: str | None = None,
    changes: Mapping[str, Any] | None = None,
    also: Sequence[Any] = (),
    skip_locked: bool = False,
) -> list[int]:
    """Move many records along one edge with a handful of statements; returns the keys that moved.

    Left out is what is not in `source`, not the actor's (R-ROLE-2), not within `also` (further SQL
    conditions: a deadline), what the actor did the earlier step of (R-ROLE-4) and, with `skip_locked`, what
    somebody else has locked.
    """
    edge = lifecycle.pick(action, source)
    policy.require(actor, edge.permission)
    reason = _reason(edge, reason)
    table: Any = lifecycle.model.__table__
    conditions = [table.c.id.in_(keys), table.c.state == source, *_own(actor, table), *also]
    conditions += [table.c[name].is_distinct_from(actor.id) for name in edge.other_than if actor.id]
    with transaction() as session:
        # Core statements do not flush, and expire_all() below would drop what is pending.
        session.flush()
        fields = [table.c[field] for field in ("state", *(changes or {}))]
        chosen = select(table.c.id, *fields).where(*conditions).order_by(table.c.id)
        locked = session.execute(chosen.with_for_update(skip_locked=skip_locked, key_share=True))
        before = {row["id"]: row for row in locked.mappings()}
        if not before:
            return []
        after = _move(session, table, list(before), {"state": edge.target, **(changes or {})})
        session.expire_all()
        written = {
            key: _change(lifecycle, {f.key: old[f] for f in fields}, vars(after[key]))
            for key, old in before.items()
        }
        seqs = record.write_many(lifecycle.entity, written, action, actor=actor, reason=reason)
        record.tell(_messages(lifecycle, edge, seqs, after, reason=reason, name=""))
        return list(before)


def _move(session: Session, table: Any, keys: list[int], values: Mapping[str, Any]) -> dict[int, Any]:
    """Write the values and return each row's key, new values, and company and supplier where it has them."""
    wanted = dict.fromkeys(
        ["id", *values, *(side for side in ("company_id", "supplier_id") if side in table.c)]
    )
    statement = update(table).where(table.c.id.in_(keys)).values(**values)
    moved = session.execute(statement.returning(*[table.c[name] for name in wanted]))
    return {row["id"]: SimpleNamespace(**row) for row in moved.mappings()}


def _own(actor: Actor, table: Any) -> list[ColumnElement[bool]]:
    """`policy.owns` as a condition; KeyError where the table does not say whose its rows are."""
    bound = policy.side(actor)
    if bound is None:
        return [] if policy.owns(actor, None) else [false()]
    column, own = bound
    return [table.c[column] == own if own is not None else false()]


def _change(
    lifecycle: Lifecycle, before: Mapping[str, Any], after: Mapping[str, Any]
) -> dict[str, tuple[Any, Any]]:
    """What differs, for the audit trail: of what is encrypted at rest only the end is written (R-AUD-1)."""
    columns = lifecycle.model.__table__.c
    return {
        field: (_masked(columns, field, old), _masked(columns, field, after[field]))
        for field, old in before.items()
        if old != after[field]
    }


def _masked(columns: Any, field: str, value: Any) -> Any:
    if value is None or field not in columns or not isinstance(columns[field].type, EncryptedText):
        return value
    return "*" * max(len(value) - 4, 4) + value[-4:] if len(value) > 4 else "****"


def _reason(edge: Edge, reason: str | None) -> str | None:
    reason = (reason or "").strip() or None
    if edge.needs_reason and reason is None:
        text = f"'{edge.label}' 사유를 입력해 주세요."
        raise InvalidInput("reason_missing", text, fields={"reason": "사유를 입력해 주세요."})
    return reason


def _messages(
    lifecycle: Lifecycle,
    edge: Edge,
    seqs: Mapping[int, int],
    rows: Mapping[int, Any],
    *,
    reason: str | None,
    name: str,
) -> list[record.Message]:
    names = lifecycle.names(seqs) if lifecycle.names and edge.tell else {}
    return [
        record.Message(
            key=f"{lifecycle.entity}:{key}:{seq}:{tell.to}",
            text=tell.text.format(reason=reason or "", name=name or names.get(key, "")),
            link=tell.link and tell.link.format(id=key),
            **{f"{tell.to}_id": getattr(rows[key], f"{tell.to}_id")},
        )
        for key, seq in seqs.items()
        for tell in edge.tell
    ]


def told_alike(edge: Edge, *, reason: str = "") -> str:
    """Who is told of a move of thousands, in the same words: the `messages` of `record.write_set`.

    `{name}` and `{id}` are left for the database to fill in, which knows each record's.
    """
    rows = [
        {"n": 1, "side": tell.to, "text": tell.text.format(reason=reason, name="{name}"), "link": tell.link}
        for tell in edge.tell
    ]
    return json.dumps(rows, ensure_ascii=False)
