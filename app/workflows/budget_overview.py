"""What became of each agency's budget, and the movements behind every sum (R-SCR-4, R-MONEY-2b, R-MONEY-3).

Amounts are won of the government's part. Of every agency it holds that

    allocated = committed - returned + reserved + free
    committed - returned = spent + unspent

since all of it is summed from the same postings; `reserved` is what open offers keep of what lies there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, text

from app import policy
from app.db import db
from app.errors import NotFound
from app.models.applications import Application, ApplicationState
from app.models.ledger import JournalKind, LedgerAccount
from app.models.programme import Agency, AgencyBudget
from app.policy import Actor, Permission
from app.workflows import ledger, offers

BUDGET = LedgerAccount.AGENCY_BUDGET
RETURNS = (JournalKind.WAIVER, JournalKind.REVOCATION, JournalKind.EXPIRY, JournalKind.CANCELLATION)


@dataclass(frozen=True, kw_only=True)
class BudgetLine:
    agency: Agency
    budget_id: int
    allocated: int
    """Given to the agency, less what was taken back."""
    committed: int
    """Given to vouchers, ever."""
    spent: int
    """Paid from vouchers."""
    returned: int
    """Come back from vouchers: waived, revoked, expired, or paid and cancelled when they had ended."""
    reserved: int
    """Kept for open offers."""
    free: int
    """What can be confirmed or offered now."""
    waiting: int
    """How many applications are 심사확정."""
    waitlisted: int
    """Of these, how many the budget did not reach."""

    @property
    def unspent(self) -> int:
        """Still on vouchers, what is being paid at this moment included."""
        return self.committed - self.returned - self.spent

    @property
    def balance(self) -> int:
        """What lies on the agency's account in the ledger."""
        return self.reserved + self.free


_MOVED = text("""
SELECT p.owner_id, CASE WHEN j.kind IN ('allocation', 'approval') THEN j.kind ELSE 'returned' END AS kind,
       CAST(sum(p.amount) AS bigint) AS amount
  FROM posting p JOIN journal j ON j.id = p.journal_id
 WHERE p.account = 'agency_budget' AND p.owner_id = ANY(:budgets) GROUP BY 1, 2
""")
_SPENT = text("""
SELECT v.agency_budget_id, CAST(sum(p.grant_part) AS bigint) AS amount
  FROM payment p JOIN voucher v ON v.id = p.voucher_id
 WHERE p.state IN ('paid', 'cancelling') AND v.agency_budget_id = ANY(:budgets) GROUP BY 1
""")


def overview(*, actor: Actor, programme_id: int, agency_id: int | None = None) -> list[BudgetLine]:
    """Every agency's budget, or one's. Raises Denied."""
    policy.require(actor, Permission.BUDGET_VIEW)
    statement = (
        select(Agency, AgencyBudget.id)
        .join(AgencyBudget, AgencyBudget.agency_id == Agency.id)
        .where(AgencyBudget.programme_id == programme_id)
        .order_by(Agency.id)
    )
    if agency_id is not None:
        statement = statement.where(Agency.id == agency_id)
    rows = list(db.session.execute(statement))
    budget_ids = [budget_id for _, budget_id in rows]
    keys = {"budgets": budget_ids}
    moved = {(row.owner_id, row.kind): row.amount for row in db.session.execute(_MOVED, keys)}
    spent = {row.agency_budget_id: row.amount for row in db.session.execute(_SPENT, keys)}
    lies, reserved = ledger.balances(BUDGET, budget_ids), offers.reserved(budget_ids)
    waiting = _waiting(programme_id)
    return [
        BudgetLine(
            agency=agency,
            budget_id=key,
            allocated=moved.get((key, "allocation"), 0),
            committed=-moved.get((key, "approval"), 0),
            spent=spent.get(key, 0),
            returned=moved.get((key, "returned"), 0),
            reserved=reserved[key],
            free=lies[key] - reserved[key],
            waiting=waiting.get(agency.id, (0, 0))[0],
            waitlisted=waiting.get(agency.id, (0, 0))[1],
        )
        for agency, key in rows
    ]


def _waiting(programme_id: int) -> dict[int, tuple[int, int]]:
    """By agency: how many are 심사확정, and how many of them wait for money."""
    statement = (
        select(Application.agency_id, func.count(), func.count(Application.waitlisted_at))
        .where(Application.programme_id == programme_id, Application.state == ApplicationState.SCREENED)
        .group_by(Application.agency_id)
    )
    return {agency_id: (all_, listed) for agency_id, all_, listed in db.session.execute(statement)}


def of_agency(*, actor: Actor, programme_id: int, agency_id: int) -> BudgetLine:
    """Raises Denied, NotFound where the agency has no budget of this programme."""
    lines = overview(actor=actor, programme_id=programme_id, agency_id=agency_id)
    if not lines:
        raise NotFound()
    return lines[0]


@dataclass(frozen=True, kw_only=True)
class KindSum:
    kind: JournalKind
    count: int
    amount: int
    """Plus what came in, minus what left."""


def by_kind(*, actor: Actor, budget_id: int) -> list[KindSum]:
    """What every sum of a budget is made of. Raises Denied."""
    policy.require(actor, Permission.BUDGET_VIEW)
    rows = db.session.execute(_BY_KIND, {"budget_id": budget_id})
    return [KindSum(kind=JournalKind(row.kind), count=row.number, amount=row.amount) for row in rows]


_BY_KIND = text("""
SELECT j.kind, count(*) AS number, CAST(sum(p.amount) AS bigint) AS amount
  FROM posting p JOIN journal j ON j.id = p.journal_id
 WHERE p.account = 'agency_budget' AND p.owner_id = :budget_id
 GROUP BY j.kind ORDER BY min(p.id)
""")


@dataclass(frozen=True, kw_only=True)
class Movement:
    """One posting of an agency's budget; whose voucher it was about, where it was about one."""

    id: int
    journal_id: int
    at: datetime
    kind: JournalKind
    amount: int
    company: str | None
    application_id: int | None
    actor_name: str


# The other side of an approval or a return is the voucher, or, where a payment was cancelled, the payment.
_MOVEMENTS = text("""
SELECT p.id, j.id AS journal_id, j.at, j.kind, p.amount, c.name AS company, v.application_id,
       coalesce(a.name, '시스템') AS actor_name
  FROM posting p
  JOIN journal j ON j.id = p.journal_id
  LEFT JOIN account a ON a.id = j.actor_id
  LEFT JOIN payment y ON j.kind = 'cancellation' AND y.id = CAST(split_part(j.event_key, ':', 3) AS bigint)
  LEFT JOIN LATERAL (SELECT o.owner_id FROM posting o
                      WHERE o.journal_id = j.id AND o.account = 'voucher_grant' LIMIT 1) other ON true
  LEFT JOIN voucher v ON v.id = coalesce(other.owner_id, y.voucher_id)
  LEFT JOIN company c ON c.id = v.company_id
 WHERE p.account = 'agency_budget' AND p.owner_id = :budget_id AND j.kind = ANY(:kinds)
   AND p.id < :before
 ORDER BY p.id DESC LIMIT :size
""")


def movements(
    *,
    actor: Actor,
    budget_id: int,
    kinds: Sequence[JournalKind] = tuple(JournalKind),
    before: int = 2**63 - 1,
    size: int = 20,
) -> list[Movement]:
    """The list behind a sum, newest first; `before` is a movement's id. Raises Denied."""
    policy.require(actor, Permission.BUDGET_VIEW)
    asked = {"budget_id": budget_id, "kinds": [kind.value for kind in kinds], "before": before, "size": size}
    return [
        Movement(**{**row._mapping, "kind": JournalKind(row.kind)})
        for row in db.session.execute(_MOVEMENTS, asked)
    ]


@dataclass(frozen=True, kw_only=True)
class Spending:
    """A paid payment: what it took of the government's part."""

    id: int
    company: str
    service: str
    paid_at: datetime
    grant_part: int
    total: int


_SPENDINGS = text("""
SELECT p.id, c.name AS company, o.name AS service, p.pressed_at AS paid_at, p.grant_part,
       p.grant_part + p.share_part + p.tax_part AS total
  FROM payment p
  JOIN voucher v ON v.id = p.voucher_id
  JOIN company c ON c.id = p.company_id
  JOIN deal d ON d.id = p.deal_id
  JOIN offering o ON o.id = d.offering_id
 WHERE v.agency_budget_id = :budget_id AND p.state IN ('paid', 'cancelling') AND p.id < :before
 ORDER BY p.id DESC LIMIT :size
""")


def spendings(*, actor: Actor, budget_id: int, before: int = 2**63 - 1, size: int = 20) -> list[Spending]:
    """The payments behind `spent`, newest first. Raises Denied."""
    policy.require(actor, Permission.BUDGET_VIEW)
    asked = {"budget_id": budget_id, "before": before, "size": size}
    return [Spending(**row._mapping) for row in db.session.execute(_SPENDINGS, asked)]


def free_of_programme(*, actor: Actor, programme_id: int) -> int:
    """What the programme has not given to an agency, won. Raises Denied."""
    policy.require(actor, Permission.BUDGET_VIEW)
    return ledger.balance(LedgerAccount.PROGRAMME_BUDGET, programme_id)
