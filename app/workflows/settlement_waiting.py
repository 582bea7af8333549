"""Payments that no settlement holds yet, and why not: the console's list, payment by payment (R-SET-1)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import text

from app import clock, policy
from app.db import db
from app.models.vouchers import InstrumentKind
from app.policy import Actor, Permission
from app.workflows.settlement_ripe import FACTS, WAITS, Wait
from app.workflows.settlement_waits import Check, checks, sentence

READY = "ready"
"""The name of what waits for nothing, beside the values of `Wait`."""


@dataclass(frozen=True)
class WaitingRow:
    """One payment; won."""

    payment_id: int
    company: str
    supplier_id: int
    supplier: str
    offering: str
    instrument: str
    paid_at: datetime
    amount: int
    checks: list[Check]

    @property
    def missing(self) -> list[Check]:
        return [check for check in self.checks if not check.done]

    @property
    def waits_for(self) -> str:
        return sentence(self.checks)


@dataclass(frozen=True)
class Count:
    payments: int
    amount: int
    """Won."""


_JOINS = """
  FROM payment p
  JOIN programme g ON g.id = p.programme_id
  JOIN supplier v ON v.id = p.supplier_id
  JOIN company c ON c.id = p.company_id
  LEFT JOIN settlement_item i ON i.payment_id = p.id
  LEFT JOIN settlement_withheld w
    ON w.payment_id = p.id AND w.into_line_id IS NULL AND w.amount > 0"""
_AMOUNT = "coalesce(w.amount, p.grant_part + p.share_part + p.tax_part)"
_WHERE = """
 WHERE p.programme_id = :programme_id AND p.paid_at < :until AND p.state IN ('paid', 'cancelling')
   AND (i.payment_id IS NULL OR w.id IS NOT NULL)
   AND (:q = '' OR position(lower(:q) IN lower(v.name)) > 0 OR position(lower(:q) IN lower(c.name)) > 0)"""
_WHICH = {
    "": "true",
    READY: " AND ".join(f"NOT ({condition})" for condition in WAITS.values()),
    **{wait.value: condition for wait, condition in WAITS.items()},
}
_ROWS = {
    which: text(f"""
SELECT p.id, c.name AS company, v.id AS supplier_id, v.name AS supplier, o.name AS offering,
       {_AMOUNT} AS amount, {FACTS}{_JOINS}
  JOIN deal d ON d.id = p.deal_id
  JOIN offering o ON o.id = d.offering_id{_WHERE}
   AND p.id > :after AND ({condition})
 ORDER BY p.id LIMIT :size
""")
    for which, condition in _WHICH.items()
}
_WAITING = ", ".join(f"({condition}) AS {wait.value}" for wait, condition in WAITS.items())
_COUNTED = {"": "true", READY: f"NOT ({' OR '.join(wait.value for wait in Wait)})"} | {
    wait.value: wait.value for wait in Wait
}
_SUMS = ", ".join(
    f"""count(*) FILTER (WHERE {condition}) AS payments_{n},
       CAST(coalesce(sum(amount) FILTER (WHERE {condition}), 0) AS bigint) AS amount_{n}"""
    for n, condition in enumerate(_COUNTED.values())
)
_COUNTS = text(f"""
SELECT {_SUMS}
  FROM (SELECT {_AMOUNT} AS amount, {_WAITING}{_JOINS}{_WHERE}) w
""")  # noqa: S608


def waiting(
    *, actor: Actor, programme_id: int, which: str = "", q: str = "", after: int = 0, size: int = 50
) -> list[WaitingRow]:
    """Paid and in no line, or held when its line went on, the oldest press first; `which` is `ready` or a
    `Wait` by its value.

    `q` is part of a supplier's or a company's name, `after` a payment's id.
    """
    policy.require(actor, Permission.SETTLEMENT_VIEW)
    asked = _parameters(programme_id, q) | {"after": after, "size": size}
    return [_row(row) for row in db.session.execute(_ROWS[which], asked)]


def counts(*, actor: Actor, programme_id: int, q: str = "") -> dict[str, Count]:
    """How many there are of each kind; one that waits for two things is counted under both."""
    policy.require(actor, Permission.SETTLEMENT_VIEW)
    row = db.session.execute(_COUNTS, _parameters(programme_id, q)).one()._mapping
    return {which: Count(row[f"payments_{n}"], row[f"amount_{n}"]) for n, which in enumerate(_COUNTED)}


def _parameters(programme_id: int, q: str) -> dict[str, Any]:
    return {"programme_id": programme_id, "q": q, "until": clock.end_of(clock.today())}


def _row(row: Any) -> WaitingRow:
    return WaitingRow(
        payment_id=row.id,
        company=row.company,
        supplier_id=row.supplier_id,
        supplier=row.supplier,
        offering=row.offering,
        instrument=InstrumentKind(row.instrument_kind).label,
        paid_at=row.paid_at.astimezone(clock.KST),
        amount=row.amount,
        checks=checks(row, staff=True),
    )
