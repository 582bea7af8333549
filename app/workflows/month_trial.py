"""The trial balance of a month: from what was kept at the last close, and the entries since (R-SET-3a).

A closed month takes no entries, so that nobody needs to add it up again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import delete, insert, select, text

from app import clock
from app.db import db
from app.documents import plain_xlsx
from app.models.ledger import LedgerAccount
from app.models.months import NOT_OPEN, AccountingMonth, MonthBalance
from app.models.programme import Programme


@dataclass(frozen=True, kw_only=True)
class TrialLine:
    """An account over all its owners, won."""

    account: LedgerAccount
    brought: int
    """What lay there before the month."""
    arrived: int
    left: int

    @property
    def balance(self) -> int:
        return self.brought + self.arrived - self.left


_TRIAL = text("""
SELECT p.account, CAST(coalesce(sum(p.amount) FILTER (WHERE j.at < :starts), 0) AS bigint) AS brought,
       CAST(coalesce(sum(p.amount) FILTER (WHERE j.at >= :starts AND p.amount > 0), 0) AS bigint) AS arrived,
       CAST(coalesce(-sum(p.amount) FILTER (WHERE j.at >= :starts AND p.amount < 0), 0) AS bigint) AS left
  FROM journal j JOIN posting p ON p.journal_id = j.id
 WHERE j.programme_id = :programme_id AND j.at >= :since AND j.at < :ends GROUP BY p.account
""")


def trial(programme_id: int, month: date) -> list[TrialLine]:
    """Every account at the month's end, in the order of the chart; the balances sum up to zero."""
    since, kept = _kept_before(programme_id, month)
    starts, ends = clock.start_of(month), clock.start_of(clock.add_months(month, 1))
    about = {"programme_id": programme_id, "since": since, "starts": starts, "ends": ends}
    found = {row.account: row for row in db.session.execute(_TRIAL, about)}
    lines = []
    for account in LedgerAccount:
        row, brought = found.get(account.value), kept.get(account, 0)
        sums = (row.brought, row.arrived, row.left) if row else (0, 0, 0)
        lines.append(TrialLine(account=account, brought=brought + sums[0], arrived=sums[1], left=sums[2]))
    return lines


def _kept_before(programme_id: int, month: date) -> tuple[datetime, dict[LedgerAccount, int]]:
    """What lay on the accounts at the end of the last month before it that is closed, and when that was;
    from the beginning where none has been kept."""
    last = (
        select(AccountingMonth.id, AccountingMonth.month)
        .where(
            AccountingMonth.programme_id == programme_id,
            AccountingMonth.month < month,
            AccountingMonth.state.in_(NOT_OPEN),
            AccountingMonth.trial_sha256.is_not(None),
            select(MonthBalance).where(MonthBalance.month_id == AccountingMonth.id).exists(),
        )
        .order_by(AccountingMonth.month.desc())
        .limit(1)
    )
    found = db.session.execute(last).one_or_none()
    if found is None:
        return datetime.min.replace(tzinfo=clock.KST), {}
    query = select(MonthBalance.account, MonthBalance.amount).where(MonthBalance.month_id == found.id)
    balances = {account: amount for account, amount in db.session.execute(query)}
    return clock.start_of(clock.add_months(found.month, 1)), balances


def keep(month_id: int, lines: Sequence[TrialLine]) -> None:
    """What lies on the accounts at the end of a month that is closed; one opened and closed again anew."""
    db.session.execute(delete(MonthBalance).where(MonthBalance.month_id == month_id))
    rows = [{"month_id": month_id, "account": line.account, "amount": line.balance} for line in lines]
    db.session.execute(insert(MonthBalance), rows)


def file(programme_id: int, month: date, lines: Sequence[TrialLine]) -> bytes:
    """The month's trial balance as XLSX: the same entries, the same bytes."""
    heading: list[plain_xlsx.Cell] = ["계정", "전월이월", "당월 들어옴", "당월 나감", "월말 잔액"]
    sums = [(each.brought, each.arrived, each.left, each.balance) for each in lines]
    rows: list[list[plain_xlsx.Cell]] = [
        [each.account.label, *row] for each, row in zip(lines, sums, strict=True)
    ]
    total: list[plain_xlsx.Cell] = ["합계", *(sum(column) for column in zip(*sums, strict=True))]
    name = db.session.get_one(Programme, programme_id).name
    about: list[plain_xlsx.Cell] = [f"{name} {month.year}년 {month.month}월 시산표(원)"]
    return plain_xlsx.write([about, heading, *rows, total], title="시산표", widths=[22, 18, 18, 18, 18])
