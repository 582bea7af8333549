"""What the console shows of the settlement: batches, lines, items, and what is ripe (R-SET-1, R-SET-2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.orm import joinedload

from app import clock, policy
from app.db import db
from app.errors import NotFound
from app.models.settlements import (
    BankResultFile,
    LineState,
    SettlementBatch,
    SettlementItem,
    SettlementLine,
    WithheldItem,
)
from app.policy import Actor, Permission
from app.workflows import settlement_sql
from app.workflows.lifecycle import Edge
from app.workflows.settlement import BATCH, REASONS, programme_of


@dataclass(frozen=True)
class BatchRow:
    """A batch with its sums, won."""

    batch: SettlementBatch
    lines: int
    payments: int
    gross: int
    fee: int
    clawback: int
    carried: int
    net: int
    withheld: int
    """Of the net amount, what was kept back before it went to the bank (R-SET-4)."""

    @property
    def sent(self) -> int:
        """What the bank is asked to pay."""
        return self.net - self.withheld


@dataclass(frozen=True)
class StateSum:
    """The lines of one state, and what the bank is asked to pay of them, won."""

    state: LineState
    lines: int
    amount: int


@dataclass(frozen=True)
class BatchPage:
    row: BatchRow
    states: list[StateSum]
    files: list[BankResultFile]
    edges: list[Edge]
    withheld: int
    """Payments that were kept back before their line was sent."""

    @property
    def batch(self) -> SettlementBatch:
        return self.row.batch


@dataclass(frozen=True)
class LinePage:
    line: SettlementLine
    carried: list[SettlementLine]
    """The earlier lines whose money it pays."""
    let_go: list[WithheldItem]
    """What had been held in earlier lines, and it pays."""
    into: SettlementLine | None
    """The later line that pays its money."""


@dataclass(frozen=True)
class ItemRow:
    payment_id: int
    kind: str
    """`payment`, or `clawback` for what is taken back."""
    company: str
    offering: str
    paid_at: datetime
    amount: int
    tied_batch_id: int | None
    """Of a clawback, the settlement that had paid it out; of a payment, the one that took it back since."""
    tied_batch: str | None
    tied_line_id: int | None
    held: bool
    withheld: int | None
    """What of it stayed behind when its line was paid or carried on, won."""
    into_batch_id: int | None
    """The settlement that pays what stayed behind."""
    into_batch: str | None
    into_line_id: int | None


@dataclass(frozen=True)
class RipeRow:
    """What a build would do for one supplier now, won; `reason` says why it would be left out."""

    supplier_id: int
    name: str
    payments: int
    gross: int
    fee: int
    clawback: int
    carried: int
    net: int
    reason: str | None


def _rows(batches: Sequence[SettlementBatch]) -> list[BatchRow]:
    ids = [batch.id for batch in batches]
    line = SettlementLine
    columns = (line.gross, line.fee, line.clawback, line.carried, line.net, line.withheld)
    totals: dict[int, Any] = {
        row.batch_id: row
        for row in db.session.execute(
            select(line.batch_id, func.count().label("lines"), *[func.sum(c).label(c.key) for c in columns])
            .where(line.batch_id.in_(ids))
            .group_by(line.batch_id)
        )
    }
    counted = db.session.execute(
        select(line.batch_id, func.count())
        .join(SettlementItem, SettlementItem.line_id == line.id)
        .where(line.batch_id.in_(ids))
        .group_by(line.batch_id)
    )
    payments = {row[0]: row[1] for row in counted}
    rows = []
    for batch in batches:
        sums = totals.get(batch.id)
        amounts = {c.key: int(getattr(sums, c.key)) if sums else 0 for c in columns}
        rows.append(
            BatchRow(
                batch=batch,
                lines=sums.lines if sums else 0,
                payments=payments.get(batch.id, 0),
                **amounts,
            )
        )
    return rows


def batches(*, actor: Actor, before: int | None = None, size: int = 20) -> list[BatchRow]:
    """All batches, newest first; `before` is a batch's id."""
    policy.require(actor, Permission.SETTLEMENT_VIEW)
    statement = select(SettlementBatch).order_by(SettlementBatch.id.desc()).limit(size)
    if before is not None:
        statement = statement.where(SettlementBatch.id < before)
    return _rows(list(db.session.execute(statement).scalars()))


def batch(*, actor: Actor, batch_id: int) -> BatchPage:
    """One batch with its sums, its result files and what the actor may do with it. Raises NotFound."""
    policy.require(actor, Permission.SETTLEMENT_VIEW)
    found = db.session.get(SettlementBatch, batch_id)
    if found is None:
        raise NotFound()
    line = SettlementLine
    states = db.session.execute(
        select(line.state, func.count(), func.sum(line.net - line.withheld))
        .where(line.batch_id == batch_id)
        .group_by(line.state)
    ).all()
    found_states = {row[0]: StateSum(row[0], row[1], int(row[2])) for row in states}
    kept = select(func.count()).where(WithheldItem.from_transfer, WithheldItem.line_id == line.id)
    withheld = db.session.scalar(kept.where(line.batch_id == batch_id)) or 0
    files = db.session.execute(
        select(BankResultFile).where(BankResultFile.batch_id == batch_id).order_by(BankResultFile.id)
    ).scalars()
    return BatchPage(
        row=_rows([found])[0],
        states=[found_states[state] for state in LineState if state in found_states],
        files=list(files),
        edges=_edges(actor, found, to_send=LineState.PLANNED in found_states),
        withheld=withheld,
    )


def _edges(actor: Actor, batch: SettlementBatch, *, to_send: bool) -> list[Edge]:
    """Of an approved batch one of two: it has transfers to be sent, or all of it is held."""
    other = "conclude" if to_send else "export"
    return [edge for edge in BATCH.open_to(actor, batch) if edge.action != other]


def lines(*, actor: Actor, batch_id: int, after: int = 0, size: int = 50) -> list[SettlementLine]:
    """A batch's lines with their suppliers; `after` is a line's id."""
    policy.require(actor, Permission.SETTLEMENT_VIEW)
    statement = (
        select(SettlementLine)
        .where(SettlementLine.batch_id == batch_id, SettlementLine.id > after)
        .order_by(SettlementLine.id)
        .limit(size)
        .options(joinedload(SettlementLine.supplier))
    )
    return list(db.session.execute(statement).scalars())


def line(*, actor: Actor, batch_id: int, line_id: int) -> LinePage:
    """One line of a batch, and those whose transfers failed and that it carries. Raises NotFound."""
    policy.require(actor, Permission.SETTLEMENT_VIEW)
    shown = joinedload(SettlementLine.supplier), joinedload(SettlementLine.batch)
    query = select(SettlementLine).where(SettlementLine.id == line_id, SettlementLine.batch_id == batch_id)
    found = db.session.execute(query.options(*shown)).scalar_one_or_none()
    if found is None:
        raise NotFound()
    tied = select(SettlementLine).options(shown[1]).order_by(SettlementLine.id)
    carried = db.session.scalars(tied.where(SettlementLine.carried_into_id == line_id))
    into = db.session.scalars(tied.where(SettlementLine.id == found.carried_into_id))
    let_go = db.session.scalars(
        select(WithheldItem)
        .where(WithheldItem.into_line_id == line_id)
        .order_by(WithheldItem.id)
        .options(joinedload(WithheldItem.line).joinedload(SettlementLine.batch))
    )
    return LinePage(found, list(carried), list(let_go), into.one_or_none())


_ITEMS = text("""
SELECT i.payment_id, i.kind, c.name AS company, o.name AS offering, p.paid_at, i.amount,
       tb.id AS tied_batch_id, tb.number AS tied_batch, tl.id AS tied_line_id,
       EXISTS (SELECT 1 FROM settlement_hold h WHERE h.payment_id = p.id AND h.released_at IS NULL) AS held,
       w.amount AS withheld, nb.id AS into_batch_id, nb.number AS into_batch, nl.id AS into_line_id
  FROM (SELECT s.payment_id, 'payment' AS kind, s.amount, k.line_id AS tied
          FROM settlement_item s LEFT JOIN clawback_item k ON k.payment_id = s.payment_id
         WHERE s.line_id = :line_id
        UNION ALL
        SELECT payment_id, 'clawback', -amount, of_line_id FROM clawback_item WHERE line_id = :line_id) i
  JOIN payment p ON p.id = i.payment_id
  JOIN company c ON c.id = p.company_id
  JOIN deal d ON d.id = p.deal_id
  JOIN offering o ON o.id = d.offering_id
  LEFT JOIN settlement_line tl ON tl.id = i.tied
  LEFT JOIN settlement_batch tb ON tb.id = tl.batch_id
  LEFT JOIN settlement_withheld w ON w.line_id = :line_id AND w.payment_id = p.id AND i.kind = 'payment'
  LEFT JOIN settlement_line nl ON nl.id = w.into_line_id
  LEFT JOIN settlement_batch nb ON nb.id = nl.batch_id
 WHERE i.payment_id > :after
 ORDER BY i.payment_id LIMIT :size
""")


def line_items(*, actor: Actor, line_id: int, after: int = 0, size: int = 100) -> list[ItemRow]:
    """The payments and clawbacks of a line, for the console and for the line's supplier. Raises NotFound."""
    line = db.session.get(SettlementLine, line_id)
    if line is None:
        raise NotFound()
    policy.require_own(actor, line)
    if not actor.may(Permission.SUPPLIER_VIEW):
        policy.require(actor, Permission.SETTLEMENT_VIEW)
    rows = db.session.execute(_ITEMS, {"line_id": line_id, "after": after, "size": size})
    return [ItemRow(**{**row._mapping, "paid_at": row.paid_at.astimezone(clock.KST)}) for row in rows]


def ripe(*, actor: Actor, cutoff: date, programme_id: int | None = None) -> list[RipeRow]:
    """What a build with this cut-off would do now, supplier by supplier."""
    policy.require(actor, Permission.SETTLEMENT_VIEW)
    parameters = settlement_sql.parameters(programme_of(programme_id), cutoff)
    return [
        RipeRow(
            r.supplier_id,
            r.name,
            r.payments,
            r.gross,
            r.fee,
            r.clawback,
            r.carried,
            r.net,
            REASONS[r.reason] if r.reason else None,
        )
        for r in db.session.execute(settlement_sql.PREVIEW, parameters)
    ]
