"""What an operator reads before and after a K-Startup file is taken in (R-KST-1)."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass

from sqlalchemy import select

from app import policy
from app.db import db
from app.models.intake import IntakeFile
from app.models.ledger import LedgerAccount
from app.models.people import Account
from app.models.programme import Agency, Programme
from app.policy import Actor, Permission
from app.workflows import budget, ledger, offers, vouchers


@dataclass(frozen=True, kw_only=True)
class AgencyPart:
    """What the good rows of a previewed file would do at one agency. Won."""

    agency: Agency
    approved: int
    """Rows with an instrument: 승인 at once, with a voucher (R-KST-2)."""
    accounts: int
    """Rows without: an account, and the application is still to come (R-KST-3)."""
    grant: int
    free: int
    """Of the agency's budget, beside what it has offered to those who wait (R-SCR-4)."""

    @property
    def short(self) -> int:
        """What the agency's budget lacks."""
        return max(self.grant - self.free, 0)


def breakdown(*, actor: Actor, intake: IntakeFile) -> list[AgencyPart]:
    """By agency, in the agencies' order; nothing once the file was taken in. Raises Denied."""
    policy.require(actor, Permission.INTAKE_IMPORT)
    rows = json.loads(intake.good_rows or "[]")
    chosen = Counter(row["agency_id"] for row in rows if row["instrument"])
    without = Counter(row["agency_id"] for row in rows if not row["instrument"])
    budgets = budget.budgets_of(intake.programme_id)
    lies = ledger.balances(LedgerAccount.AGENCY_BUDGET, list(budgets.values()))
    kept = offers.reserved(list(budgets.values()))
    grant, _ = vouchers.worth(db.session.get_one(Programme, intake.programme_id))
    named = chosen.keys() | without.keys()
    agencies = db.session.scalars(select(Agency).where(Agency.id.in_(named)).order_by(Agency.id))
    return [
        AgencyPart(
            agency=agency,
            approved=chosen[agency.id],
            accounts=without[agency.id],
            grant=chosen[agency.id] * grant,
            free=lies.get(budgets.get(agency.id, 0), 0) - kept.get(budgets.get(agency.id, 0), 0),
        )
        for agency in agencies
    ]


def people(intake: IntakeFile) -> dict[int, str]:
    """Who previewed and who took it in, by account; a command of the machine has none."""
    keys = [key for key in (intake.previewed_by_id, intake.imported_by_id) if key is not None]
    names = select(Account.id, Account.name).where(Account.id.in_(keys))
    return {key: name for key, name in db.session.execute(names)}
