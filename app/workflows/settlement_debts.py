"""환수: what suppliers were paid for payments that were cancelled since, and still owe (R-PAY-6)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text

from app import clock, policy
from app.db import db
from app.models.catalogue import Supplier
from app.policy import Actor, Permission
from app.workflows.settlement_sql import SETTLED


@dataclass(frozen=True)
class DebtRow:
    """One supplier; won."""

    supplier_id: int
    name: str
    payments: int
    amount: int
    """To be taken back."""
    in_draft: int
    """Of it, what a draft that waits for its approval takes back."""
    balance: int
    """What the programme owes the supplier; below zero, more is to be taken back than is to be paid. Each
    programme pays and takes back by itself, so another's money makes nothing good here."""
    since: datetime
    days: int
    """Since the oldest cancellation."""
    last_batch: str
    """The last settlement that had paid some of it out."""


@dataclass(frozen=True)
class DebtItem:
    """One cancelled payment, the line that had paid it out, and the one that takes it back, if any does."""

    payment_id: int
    company: str
    offering: str
    cancelled_at: datetime
    amount: int
    of_batch_id: int
    of_batch: str
    of_line_id: int
    by_batch_id: int | None
    by_batch: str | None
    by_line_id: int | None


@dataclass(frozen=True)
class Sums:
    suppliers: int
    amount: int
    short: int
    """How many suppliers' balances are below zero."""
    missing: int
    """By how much, all together, won."""


_BACK = f"""
WITH back AS (
  SELECT p.id, p.supplier_id, p.company_id, p.deal_id, p.cancelled_at, i.amount,
         b.id AS of_batch_id, b.number AS of_batch, l.id AS of_line_id,
         kb.id AS by_batch_id, kb.number AS by_batch, kl.id AS by_line_id
    FROM payment p
    JOIN settlement_item i ON i.payment_id = p.id
    JOIN settlement_line l ON l.id = i.line_id
    JOIN settlement_batch b ON b.id = l.batch_id AND b.state IN {SETTLED}
    LEFT JOIN clawback_item k ON k.payment_id = p.id
    LEFT JOIN settlement_line kl ON kl.id = k.line_id
    LEFT JOIN settlement_batch kb ON kb.id = kl.batch_id
   WHERE p.programme_id = :programme_id AND p.state = 'cancelled'
     AND (kb.id IS NULL OR kb.state NOT IN {SETTLED})),
debts AS (
  SELECT supplier_id, count(*) AS payments, CAST(sum(amount) AS bigint) AS amount,
         CAST(coalesce(sum(amount) FILTER (WHERE by_line_id IS NOT NULL), 0) AS bigint) AS in_draft,
         min(cancelled_at) AS since, max(of_batch) AS last_batch
    FROM back GROUP BY supplier_id),
shown AS (
  SELECT t.*, v.name,
         (SELECT CAST(sum(o.amount) AS bigint) FROM posting o
            JOIN journal j ON j.id = o.journal_id AND j.programme_id = :programme_id
           WHERE o.account = 'payable' AND o.owner_id = t.supplier_id) AS balance
    FROM debts t JOIN supplier v ON v.id = t.supplier_id)
"""  # noqa: S608 - no input in it

_ROWS = text(f"""{_BACK}
SELECT * FROM shown WHERE supplier_id > :after AND (NOT CAST(:short AS boolean) OR balance < 0)
 ORDER BY supplier_id LIMIT :size
""")  # noqa: S608
_SUMS = text(f"""{_BACK}
SELECT count(*) AS suppliers, CAST(coalesce(sum(amount), 0) AS bigint) AS amount,
       count(*) FILTER (WHERE balance < 0) AS short,
       CAST(coalesce(-sum(balance) FILTER (WHERE balance < 0), 0) AS bigint) AS missing
  FROM shown
""")  # noqa: S608
_ITEMS = text(f"""{_BACK}
SELECT k.id AS payment_id, c.name AS company, o.name AS offering, k.cancelled_at, k.amount, k.of_batch_id,
       k.of_batch, k.of_line_id, k.by_batch_id, k.by_batch, k.by_line_id
  FROM back k JOIN company c ON c.id = k.company_id
  JOIN deal d ON d.id = k.deal_id JOIN offering o ON o.id = d.offering_id
 WHERE k.supplier_id = :supplier_id AND k.id > :after ORDER BY k.id LIMIT :size
""")  # noqa: S608


def debts(
    *, actor: Actor, programme_id: int, short: bool = False, after: int = 0, size: int = 50
) -> list[DebtRow]:
    """Suppliers from whom something is to be taken back; `short`: only where the balance is below zero.

    `after` is a supplier's id.
    """
    policy.require(actor, Permission.SETTLEMENT_VIEW)
    asked = {"programme_id": programme_id, "short": short, "after": after, "size": size}
    return [_row(row) for row in db.session.execute(_ROWS, asked)]


def _row(row: Any) -> DebtRow:
    since = row.since.astimezone(clock.KST)
    return DebtRow(
        supplier_id=row.supplier_id,
        name=row.name,
        payments=row.payments,
        amount=row.amount,
        in_draft=row.in_draft,
        balance=row.balance or 0,
        since=since,
        days=(clock.today() - since.date()).days,
        last_batch=row.last_batch,
    )


def sums(*, actor: Actor, programme_id: int) -> Sums:
    policy.require(actor, Permission.SETTLEMENT_VIEW)
    return Sums(**db.session.execute(_SUMS, {"programme_id": programme_id}).one()._mapping)


def items(
    *, actor: Actor, programme_id: int, supplier_id: int, after: int = 0, size: int = 50
) -> list[DebtItem]:
    """The payments of which one supplier's debt is made; `after` is a payment's id."""
    policy.require(actor, Permission.SETTLEMENT_VIEW)
    asked = {"programme_id": programme_id, "supplier_id": supplier_id, "after": after, "size": size}
    return [DebtItem(**row._mapping) for row in db.session.execute(_ITEMS, asked)]


def supplier_name(*, actor: Actor, supplier_id: int) -> str | None:
    policy.require(actor, Permission.SETTLEMENT_VIEW)
    supplier = db.session.get(Supplier, supplier_id)
    return supplier.name if supplier else None
