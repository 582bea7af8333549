"""Suppliers say monthly how much a paid service was used, by form, by file or by their system (R-SET-1a).

The last report of a month counts; the trail, one chain per deal, keeps what was said before. Nobody is told
of a month's report; a company is told when what was said of its use goes down.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import text

from app import clock, policy
from app.db import db, transaction
from app.documents import sheets, store
from app.errors import Conflict, InvalidInput, NotFound
from app.models.deals import DealState
from app.models.usage import UsageSource
from app.policy import Actor, Permission
from app.workflows import record, usage_rows, usage_warnings
from app.workflows.intake_rows import Fault
from app.workflows.usage_rows import COLUMNS, Report, write_month

ENTITY = "usage_report"
"""Its chain is named by the deal."""
MOST_SAID = 3
"""Months that a message names."""

_DEALS = """
SELECT d.id, d.company_id, d.state, o.name AS offering, c.name AS company,
       (SELECT min(p.paid_at) FROM payment p
         WHERE p.deal_id = d.id AND p.state IN ('paid', 'cancelling')) AS paid_at
  FROM deal d JOIN offering o ON o.id = d.offering_id JOIN company c ON c.id = d.company_id
 WHERE d.id = ANY(CAST(:ids AS bigint[])) AND d.supplier_id = :supplier_id
 ORDER BY d.id
"""
_READ = text(_DEALS)
# A cancellation of the payment waits, and is waited for: what was paid when it was looked at still is.
_LOCK = text(f"{_DEALS} FOR NO KEY UPDATE OF d")

_KNOWN = text("""
SELECT u.deal_id, u.month, u.logins, u.last_used_on
  FROM usage_report u
  JOIN unnest(CAST(:ids AS bigint[]), CAST(:months AS date[])) AS n (deal_id, month) USING (deal_id, month)
""")

_WRITE = text("""
INSERT INTO usage_report (deal_id, month, supplier_id, company_id, logins, last_used_on, source,
                          reported_by_id, key_id, reported_at)
SELECT d.id, n.month, d.supplier_id, d.company_id, n.logins, n.last_used_on, :source, :actor_id, :key_id, :at
  FROM unnest(CAST(:ids AS bigint[]), CAST(:months AS date[]), CAST(:logins AS integer[]),
              CAST(:days AS date[])) AS n (deal_id, month, logins, last_used_on)
  JOIN deal d ON d.id = n.deal_id
ON CONFLICT (deal_id, month) DO UPDATE
   SET logins = excluded.logins, last_used_on = excluded.last_used_on, source = excluded.source,
       reported_by_id = excluded.reported_by_id, key_id = excluded.key_id, reported_at = excluded.reported_at
""")


class ReportedDeal(NamedTuple):
    """What of a deal decides whether its use can be reported."""

    id: int
    company_id: int
    state: DealState
    offering: str
    company: str
    paid_at: datetime | None


class Known(NamedTuple):
    """What was said of a month before."""

    logins: int
    last_used_on: date | None


@dataclass(frozen=True)
class Change:
    report: Report
    before: Known | None

    @property
    def lowered(self) -> bool:
        if self.before is None:
            return False
        was, day = self.before.last_used_on, self.report.last_used_on
        return self.report.logins < self.before.logins or (was is not None and (day is None or day < was))


@dataclass(frozen=True)
class Written:
    new: int
    changed: int
    unchanged: int


@dataclass(frozen=True)
class Sifted:
    """A file before it is taken in; what of it can be, and what cannot, with the reason."""

    reports: list[Report]
    changes: list[Change]
    """Of the reports: those that say something new."""
    faults: list[Fault]
    blank: int
    deals: Mapping[int, ReportedDeal]
    digest: str
    """Of the reports: to be handed back with the decision."""

    @property
    def new(self) -> int:
        return sum(1 for change in self.changes if change.before is None)


def report(
    *, actor: Actor, deal_id: int, month: date, logins: int, last_used_on: date | None = None
) -> Written:
    """One deal's month; `month` is its first day. The same again changes nothing.

    Raises Denied, NotFound, InvalidInput `usage.values`, Conflict `usage.not_paid`.
    """
    policy.require(actor, Permission.DEAL_ANSWER)
    said = Report(deal_id=deal_id, month=month.replace(day=1), logins=logins, last_used_on=last_used_on)
    with transaction():
        deals = own_deals(actor, [deal_id], lock=True)
        if deal_id not in deals:
            raise NotFound()
        if wrong := wrong_state(deals[deal_id]):
            raise Conflict("usage.not_paid", wrong)
        wrong_fields = usage_rows.wrong_values(said, clock.today())
        if early := too_early(said, deals[deal_id]):
            wrong_fields["month"] = early
        if wrong_fields:
            raise InvalidInput("usage.values", next(iter(wrong_fields.values())), fields=wrong_fields)
        return write([said], deals, source=UsageSource.FORM, actor=actor)


def sift(*, actor: Actor, content: bytes) -> Sifted:
    """Say what would become of each row of a file; nothing is written.

    Raises Denied, InvalidInput `intake.format`, `.too_large`, `.empty`, `.heading`.
    """
    policy.require(actor, Permission.DEAL_ANSWER)
    return _sift(actor, content, lock=False)


def keep(*, actor: Actor, content: bytes) -> str:
    """Put a file that can be read aside, for the decision over it; returns its name in the store.

    Raises as `sift`.
    """
    sift(actor=actor, content=content)
    return store.put(content)


def kept(*, actor: Actor, sha256: str) -> bytes:
    """What was put aside; that it is the supplier's own is the caller's to know. Raises Denied, NotFound."""
    policy.require(actor, Permission.DEAL_ANSWER)
    try:
        return store.read(sha256)
    except (FileNotFoundError, ValueError) as error:
        raise NotFound() from error


def report_file(*, actor: Actor, content: bytes, digest: str) -> Written:
    """Take in all good rows of a file that was looked at, or none; a second time changes nothing.

    `digest` names what `sift` showed. Raises Denied, InvalidInput as `sift`, Conflict `usage.file.nothing`,
    `usage.file.changed`.
    """
    policy.require(actor, Permission.DEAL_ANSWER)
    with transaction():
        found = _sift(actor, content, lock=True)
        if found.digest != digest:
            raise Conflict(
                "usage.file.changed",
                "미리보기를 본 뒤에 거래의 상태가 바뀌어 제출하지 않았습니다. 미리보기를 다시 확인해 주세요.",
            )
        if not found.reports:
            raise Conflict(
                "usage.file.nothing", "제출할 수 있는 행이 없습니다. 거절 사유를 고쳐 다시 올려 주세요."
            )
        return write(found.reports, found.deals, source=UsageSource.FILE, actor=actor)


def _sift(actor: Actor, content: bytes, *, lock: bool) -> Sifted:
    found = usage_rows.read(sheets.read(content), clock.today())
    deals = own_deals(actor, sorted({each.deal_id for each in found.reports}), lock=lock)
    good: list[Report] = []
    faults = list(found.faults)
    for each in found.reports:
        fault = _fault(each, deals.get(each.deal_id))
        if fault is None:
            good.append(each)
        else:
            faults.append(fault)
    faults.sort(key=lambda fault: fault.row)
    return Sifted(good, changes_of(good), faults, found.blank, deals, usage_rows.digest(good))


def own_deals(actor: Actor, ids: Sequence[int], *, lock: bool) -> dict[int, ReportedDeal]:
    """The supplier's own of these deals, locked for whoever writes. Raises NotFound without a supplier."""
    if actor.supplier_id is None:
        raise NotFound()
    parameters = {"ids": list(ids), "supplier_id": actor.supplier_id}
    rows = db.session.execute(_LOCK if lock else _READ, parameters)
    return {
        row.id: ReportedDeal(
            row.id, row.company_id, DealState(row.state), row.offering, row.company, row.paid_at
        )
        for row in rows
    }


def _fault(said: Report, deal: ReportedDeal | None) -> Fault | None:
    # Another supplier's deal and none at all are told apart by nobody.
    if deal is None:
        return Fault(said.row, COLUMNS["deal_id"], "귀사의 거래 가운데 이 번호가 없습니다.")
    if wrong := wrong_state(deal):
        return Fault(said.row, COLUMNS["deal_id"], wrong)
    if early := too_early(said, deal):
        return Fault(said.row, COLUMNS["month"], early)
    return None


def wrong_state(deal: ReportedDeal) -> str | None:
    """Why nothing can be reported of a deal; None where it can."""
    if deal.state is DealState.PAID and deal.paid_at is not None:
        return None
    return f"결제완료된 거래만 이용실적을 제출합니다. 이 거래는 '{deal.state.label}' 상태입니다."


def too_early(said: Report, deal: ReportedDeal) -> str | None:
    """Why a month cannot be reported of a deal; None where it can."""
    first = clock.korean_day(deal.paid_at).replace(day=1) if deal.paid_at else said.month
    if said.month >= first:
        return None
    return f"결제한 달({write_month(first)})보다 앞선 달입니다."


def changes_of(reports: Sequence[Report]) -> list[Change]:
    """Of the reports: those that say something new, each with what was said before."""
    keys = {"ids": [each.deal_id for each in reports], "months": [each.month for each in reports]}
    known = {
        (row.deal_id, row.month): Known(row.logins, row.last_used_on)
        for row in db.session.execute(_KNOWN, keys)
    }
    pairs = ((each, known.get((each.deal_id, each.month))) for each in reports)
    return [Change(each, was) for each, was in pairs if was != (each.logins, each.last_used_on)]


def write(
    reports: Sequence[Report],
    deals: Mapping[int, ReportedDeal],
    *,
    source: UsageSource,
    actor: Actor,
    key_id: int | None = None,
) -> Written:
    """In a handful of statements, however many. The caller holds the deals' locks, in its transaction."""
    changes = changes_of(reports)
    if changes:
        said = [change.report for change in changes]
        db.session.execute(
            _WRITE,
            {
                "ids": [each.deal_id for each in said],
                "months": [each.month for each in said],
                "logins": [each.logins for each in said],
                "days": [each.last_used_on for each in said],
                "source": source.value,
                "actor_id": actor.id,
                "key_id": key_id,
                "at": clock.now(),
            },
        )
        numbers = record.write_many(ENTITY, _audit(changes), "report", actor=actor)
        record.tell(_messages(changes, deals, numbers))
        usage_warnings.end_where_used({each.deal_id for each in said if each.logins})
    new = sum(1 for change in changes if change.before is None)
    return Written(new, len(changes) - new, len(reports) - len(changes))


def _audit(changes: Iterable[Change]) -> dict[int, dict[str, tuple[Any, Any]]]:
    found: dict[int, dict[str, tuple[Any, Any]]] = {}
    for change in changes:
        said, was = change.report, change.before
        row = found.setdefault(said.deal_id, {})
        row[f"{said.month:%Y-%m} logins"] = (was and was.logins, said.logins)
        row[f"{said.month:%Y-%m} last_used_on"] = (was and was.last_used_on, said.last_used_on)
    return found


def _messages(
    changes: Iterable[Change], deals: Mapping[int, ReportedDeal], numbers: Mapping[int, int]
) -> list[record.Message]:
    """To each company of whose use less is said than before, one for all the months of a deal."""
    lowered: dict[int, list[Change]] = {}
    for change in changes:
        if change.lowered:
            lowered.setdefault(change.report.deal_id, []).append(change)
    return [
        record.Message(
            key=f"{ENTITY}:{deal_id}:{numbers[deal_id]}:company",
            text=f"‘{deals[deal_id].offering}’의 이용실적을 공급기업이 낮추어 고쳤습니다. {_said(parts)}",
            company_id=deals[deal_id].company_id,
            link=f"/deals/{deal_id}",
        )
        for deal_id, parts in lowered.items()
    ]


def _said(parts: Sequence[Change]) -> str:
    shown = ", ".join(_in_words(change) for change in parts[:MOST_SAID])
    more = len(parts) - MOST_SAID
    return f"{shown} 외 {more}개월" if more > 0 else shown


def _in_words(change: Change) -> str:
    said, was = change.report, change.before
    words = write_month(said.month)
    if was is not None and was.logins != said.logins:
        words += f" 로그인 {was.logins:,}회 → {said.logins:,}회"
    if was is not None and was.last_used_on != said.last_used_on:
        days = [f"{day:%Y.%m.%d.}" if day else "없음" for day in (was.last_used_on, said.last_used_on)]
        words += f" 마지막 이용일 {days[0]} → {days[1]}"
    return words
