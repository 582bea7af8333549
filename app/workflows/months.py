"""월마감: a closed month takes no entries; what comes later goes to the first open one (R-SET-3a).

That it does, and with which month's name on it, is the database's doing (`journal_month`): whoever writes
an entry of the month that runs pays nothing for it and waits for nobody. The close itself stops the books for
the instant in which the month changes its state.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from psycopg.errors import LockNotAvailable
from sqlalchemy import func, select, text
from sqlalchemy.exc import OperationalError

from app import clock, policy
from app.db import db, lock, transaction
from app.documents import store
from app.errors import Conflict, NotFound
from app.models.ledger import Journal
from app.models.months import NOT_OPEN, AccountingMonth, MonthState
from app.models.programme import Programme
from app.policy import Actor, Permission
from app.workflows import ledger, lifecycle, month_checks, month_counts, month_trial, record
from app.workflows.lifecycle import Edge, Lifecycle
from app.workflows.month_checks import Check
from app.workflows.month_trial import TrialLine

MONTH = Lifecycle(
    "accounting_month",
    AccountingMonth,
    (MonthState.OPEN,),
    (
        Edge(
            action="close",
            label="월마감",
            source=MonthState.OPEN,
            target=MonthState.CLOSED,
            permission=Permission.MONTH_CLOSE,
            confirm="이 달을 마감할까요? 마감한 달에는 더 기입할 수 없고, 늦게 온 것은 열린 달에 기입합니다.",
        ),
        Edge(
            action="ask_reopen",
            label="마감 재개 요청",
            source=MonthState.CLOSED,
            target=MonthState.REOPENING,
            permission=Permission.MONTH_CLOSE,
            needs_reason=True,
        ),
        Edge(
            action="reopen",
            label="마감 재개 승인",
            source=MonthState.REOPENING,
            target=MonthState.OPEN,
            permission=Permission.MONTH_CLOSE,
            other_than=("asked_by_id", "closed_by_id"),
            confirm="이 달을 다시 열까요? 다시 마감할 때 시산표를 새로 만들어 보관합니다.",
        ),
        Edge(
            action="refuse_reopen",
            label="마감 재개 반려",
            source=MonthState.REOPENING,
            target=MonthState.CLOSED,
            permission=Permission.MONTH_CLOSE,
            needs_reason=True,
        ),
    ),
)
MOST_LATE = 100


@dataclass(frozen=True, kw_only=True)
class MonthRow:
    """A month as the list shows it; `kept` is None for one that was never closed."""

    month: date
    kept: AccountingMonth | None
    entries: int
    late: int
    """Entries that came for it after its close, and stand in a later month."""
    is_over: bool

    @property
    def state(self) -> MonthState:
        return self.kept.state if self.kept else MonthState.OPEN


def closed(programme_id: int, day: date) -> bool:
    """Whether the books of that day's month take no more entries."""
    last = last_closed(programme_id)
    return last is not None and day < clock.add_months(last, 1)


def last_closed(programme_id: int) -> date | None:
    """All months up to it are closed."""
    statement = select(func.max(AccountingMonth.month)).where(
        AccountingMonth.programme_id == programme_id, AccountingMonth.state.in_(NOT_OPEN)
    )
    return db.session.scalar(statement)


def listing(*, actor: Actor, programme_id: int) -> list[MonthRow]:
    """From the month of the first entry to the present one, newest first. Raises Denied."""
    policy.require(actor, Permission.LEDGER_VIEW)
    known = select(AccountingMonth).where(AccountingMonth.programme_id == programme_id)
    kept = {row.month: row for row in db.session.scalars(known.order_by(AccountingMonth.month))}
    entries, late = month_counts.entries(programme_id, kept), month_counts.late(programme_id)
    present, rows = clock.today().replace(day=1), list[MonthRow]()
    month = min(entries | late, default=None)
    while month is not None and month <= max(present, *entries):
        counts = {"entries": entries.get(month, 0), "late": late.get(month, 0)}
        rows.append(MonthRow(month=month, kept=kept.get(month), is_over=month < present, **counts))
        month = clock.add_months(month, 1)
    return rows[::-1]


@dataclass(frozen=True, kw_only=True)
class MonthPage:
    row: MonthRow
    trial: list[TrialLine]
    checks: list[Check]
    """Of a month that is open: what stands against its close, and what to look at before."""
    edges: list[Edge]
    names: dict[int, str]
    """Of the people who closed it, asked and agreed."""
    late: list[Journal]
    """Entries that came for it after its close, the latest first, a hundred at most."""

    @property
    def total(self) -> int:
        return sum(line.balance for line in self.trial)


def page(*, actor: Actor, programme_id: int, month: date) -> MonthPage:
    """One month with its trial balance. Raises Denied, NotFound."""
    row = next(
        (each for each in listing(actor=actor, programme_id=programme_id) if each.month == month), None
    )
    if row is None:
        raise NotFound()
    shut = row.state is not MonthState.OPEN
    return MonthPage(
        row=row,
        trial=month_trial.trial(programme_id, month),
        checks=[] if shut else month_checks.of(programme_id, month, last_closed(programme_id)),
        edges=_edges(actor, row),
        names=month_checks.names_of(row.kept),
        late=_late(programme_id, month) if row.late else [],
    )


def _late(programme_id: int, month: date) -> list[Journal]:
    statement = select(Journal).where(Journal.programme_id == programme_id, Journal.belongs_to == month)
    return list(db.session.scalars(statement.order_by(Journal.id.desc()).limit(MOST_LATE)))


def _edges(actor: Actor, row: MonthRow) -> list[Edge]:
    if row.kept is not None:
        return MONTH.open_to(actor, row.kept)
    return [edge for edge in MONTH.of("close") if actor.may(edge.permission)]


def close(*, actor: Actor, programme_id: int, month: date) -> AccountingMonth:
    """Close a month that is over, after all before it; its trial balance is kept by its hash.

    Raises Denied, NotFound, Conflict `month.not_ready` with what stands against it, `month.ledger` where the
    ledger does not hold, `month.busy` where entries are being written all the time, and by state.
    """
    policy.require(actor, Permission.MONTH_CLOSE)
    if db.session.get(Programme, programme_id) is None:
        raise NotFound()
    if ledger.verify():
        raise Conflict(
            "month.ledger",
            "원장 검증에서 맞지 않는 곳이 있어 마감하지 않았습니다. ‘시산표’에서 원장 검증을 실행해 주세요.",
        )
    with transaction() as session:
        one_at_a_time(programme_id)
        _refuse_unready(programme_id, month)
        kept = _begun(programme_id, month, actor)
        MONTH.pick("close", kept.state)
        _stop_entries()
        changes = {
            "closed_by_id": actor.id,
            "closed_at": clock.now(),
            "last_journal_id": session.scalar(select(func.coalesce(func.max(Journal.id), 0))),
            "entries": None,
            "trial_sha256": None,
            "asked_by_id": None,
            "asked_at": None,
            "reopened_by_id": None,
            "reopened_at": None,
            "reason": None,
        }
        lifecycle.fire(MONTH, kept.id, "close", actor=actor, changes=changes)
        key = kept.id
    # The month no longer changes: what takes its time is done when the books go on.
    return keep_trial(actor=actor, month_id=key)


def _refuse_unready(programme_id: int, month: date) -> None:
    last = last_closed(programme_id)
    if last is not None and month <= last:
        return  # the state itself is refused, in its own words
    against = [check for check in month_checks.of(programme_id, month, last) if check.stops]
    if against:
        words = " ".join(check.text for check in against)
        raise Conflict("month.not_ready", f"아직 마감할 수 없습니다. {words}")


def one_at_a_time(programme_id: int) -> None:
    """Whatever opens or closes a month of this programme, until the transaction ends."""
    statement = text("SELECT pg_advisory_xact_lock(hashtext('accounting month'), CAST(:key AS integer))")
    db.session.execute(statement, {"key": programme_id % 2**31})


def _begun(programme_id: int, month: date, actor: Actor) -> AccountingMonth:
    statement = select(AccountingMonth).where(
        AccountingMonth.programme_id == programme_id, AccountingMonth.month == month
    )
    kept = db.session.scalars(statement.execution_options(populate_existing=True)).one_or_none()
    if kept is None:
        kept = AccountingMonth(programme_id=programme_id, month=month, state=MonthState.OPEN)
        lifecycle.begin(MONTH, kept, actor=actor)
    return kept


def _stop_entries() -> None:
    try:
        db.session.execute(text("SELECT stop_entries()"))
    except OperationalError as error:
        if isinstance(error.orig, LockNotAvailable):
            raise Conflict(
                "month.busy", "지금 기입 중인 거래가 많아 마감하지 못했습니다. 잠시 뒤에 다시 눌러 주세요."
            ) from error
        raise


def keep_trial(*, actor: Actor, month_id: int) -> AccountingMonth:
    """Keep a closed month's trial balance; again it changes nothing. Raises Denied, NotFound, Conflict."""
    policy.require(actor, Permission.MONTH_CLOSE)
    found = db.session.get(AccountingMonth, month_id)
    if found is None:
        raise NotFound()
    lines = month_trial.trial(found.programme_id, found.month)
    sha256 = store.put(month_trial.file(found.programme_id, found.month, lines))
    entries = month_counts.of(found.programme_id, found.month)
    with transaction() as session:
        kept = lock(AccountingMonth, month_id)
        if kept.state is MonthState.OPEN:
            raise Conflict("month.open", "마감하지 않은 달의 시산표는 보관하지 않습니다.")
        if kept.trial_sha256 is None:
            kept.trial_sha256, kept.entries = sha256, entries
            month_trial.keep(month_id, lines)
            session.flush()
            change = {"trial_sha256": (None, sha256), "entries": (None, entries)}
            record.write(MONTH.entity, month_id, "keep_trial", actor=actor, change=change)
        return kept


@dataclass(frozen=True)
class Kept:
    file_name: str
    content: bytes


def kept_trial(*, actor: Actor, month_id: int) -> Kept:
    """The file as it was kept at the close. Raises Denied, NotFound."""
    policy.require(actor, Permission.LEDGER_VIEW)
    found = db.session.get(AccountingMonth, month_id)
    if found is None or found.trial_sha256 is None:
        raise NotFound()
    return Kept(f"시산표_{found.month:%Y-%m}.xlsx", store.read(found.trial_sha256))


def ask_reopen(*, actor: Actor, month_id: int, reason: str) -> AccountingMonth:
    """Ask to open the last closed month again. Raises as `lifecycle.fire`, and Conflict `month.later`."""
    changes = {"reason": reason.strip(), "asked_by_id": actor.id, "asked_at": clock.now()}
    with transaction():
        month = _fire(month_id, "ask_reopen", actor=actor, reason=reason, changes=changes)
        _refuse_earlier(month)
        return month


def reopen(*, actor: Actor, month_id: int) -> AccountingMonth:
    """Open it, as another than who asked and than who closed it. Entries that stand later stay there.

    Raises Denied `same_person`, Conflict.
    """
    changes = {"reopened_by_id": actor.id, "reopened_at": clock.now()}
    changes |= {"entries": None, "trial_sha256": None}
    with transaction():
        month = _fire(month_id, "reopen", actor=actor, changes=changes)
        _refuse_earlier(month)
        return month


def refuse_reopen(*, actor: Actor, month_id: int, reason: str) -> AccountingMonth:
    """It stays closed, with why."""
    return _fire(month_id, "refuse_reopen", actor=actor, reason=reason, changes={})


def _refuse_earlier(month: AccountingMonth) -> None:
    later = select(AccountingMonth.month).where(
        AccountingMonth.programme_id == month.programme_id,
        AccountingMonth.month > month.month,
        AccountingMonth.state.in_(NOT_OPEN),
    )
    found = db.session.scalar(later.order_by(AccountingMonth.month.desc()).limit(1))
    if found is not None:
        raise Conflict(
            "month.later",
            f"뒤의 달({found.year}년 {found.month}월)이 마감되어 있습니다. 마지막 달부터 차례로 다시 엽니다.",
        )


def _fire(
    month_id: int, action: str, *, actor: Actor, reason: str | None = None, changes: Mapping[str, object]
) -> AccountingMonth:
    found = db.session.get(AccountingMonth, month_id)
    if found is None:
        raise NotFound()
    with transaction():
        one_at_a_time(found.programme_id)
        month = lifecycle.fire(MONTH, month_id, action, actor=actor, reason=reason, changes=changes)
        if not isinstance(month, AccountingMonth):
            raise TypeError("not a month")
        return month
