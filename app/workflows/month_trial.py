"""The trial balance of a month or a day: what the last close kept, and the entries since (R-SET-3a).

A closed month takes no entries, so that nobody needs to add it up again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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
    before_arrived: int
    """All that arrived there before the month, and below all that left."""
    before_left: int
    arrived: int
    left: int

    @property
    def brought(self) -> int:
        """What lay there when the month began."""
        return self.before_arrived - self.before_left

    @property
    def ever_arrived(self) -> int:
        return self.before_arrived + self.arrived

    @property
    def ever_left(self) -> int:
        return self.before_left + self.left

    @property
    def balance(self) -> int:
        return self.ever_arrived - self.ever_left


_TRIAL = text("""
SELECT p.account,
       CAST(coalesce(sum(p.amount) FILTER (WHERE j.at < :starts AND p.amount > 0), 0) AS bigint),
       CAST(coalesce(-sum(p.amount) FILTER (WHERE j.at < :starts AND p.amount < 0), 0) AS bigint),
       CAST(coalesce(sum(p.amount) FILTER (WHERE j.at >= :starts AND p.amount > 0), 0) AS bigint),
       CAST(coalesce(-sum(p.amount) FILTER (WHERE j.at >= :starts AND p.amount < 0), 0) AS bigint)
  FROM journal j JOIN posting p ON p.journal_id = j.id
 WHERE j.programme_id = :programme_id AND j.at >= :since
   AND j.at < coalesce(CAST(:ends AS timestamptz), 'infinity') GROUP BY p.account
""")


def trial(programme_id: int, month: date) -> list[TrialLine]:
    """Every account at the month's end, in the order of the chart; the balances sum up to zero."""
    return _lines([programme_id], month, ends=clock.start_of(clock.add_months(month, 1)))


def overall(until: date | None) -> list[TrialLine]:
    """Every account over all programmes at the end of a Korean day, or now, and what moved in its month."""
    programmes = db.session.scalars(select(Programme.id).order_by(Programme.id)).all()
    ends = clock.end_of(until) if until is not None else None
    return _lines(programmes, (until or clock.today()).replace(day=1), ends=ends)


def _lines(programmes: Iterable[int], month: date, *, ends: datetime | None) -> list[TrialLine]:
    sums = {account: [0, 0, 0, 0] for account in LedgerAccount}
    for programme_id in programmes:
        since, kept = _kept_before(programme_id, month)
        for each in kept:
            sums[each.account][0] += each.arrived
            sums[each.account][1] += each.arrived - each.amount
        about = {"programme_id": programme_id, "since": since, "starts": clock.start_of(month), "ends": ends}
        for account, *moved in db.session.execute(_TRIAL, about):
            known = sums[LedgerAccount(account)]
            known[:] = [have + more for have, more in zip(known, moved, strict=True)]
    return [
        TrialLine(account=account, before_arrived=had, before_left=spent, arrived=arrived, left=left)
        for account, (had, spent, arrived, left) in sums.items()
    ]


def _kept_before(programme_id: int, month: date) -> tuple[datetime, Sequence[MonthBalance]]:
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
        return datetime.min.replace(tzinfo=clock.KST), []
    kept = db.session.scalars(select(MonthBalance).where(MonthBalance.month_id == found.id)).all()
    return clock.start_of(clock.add_months(found.month, 1)), kept


def keep(month_id: int, lines: Sequence[TrialLine]) -> None:
    """What lies on the accounts at the end of a month that is closed; one opened and closed again anew."""
    db.session.execute(delete(MonthBalance).where(MonthBalance.month_id == month_id))
    rows = [
        {"month_id": month_id, "account": each.account, "amount": each.balance, "arrived": each.ever_arrived}
        for each in lines
    ]
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
