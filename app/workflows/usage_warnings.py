"""Warnings that a paid service is not used: their words, who sees them, and how they end (R-SET-1a).

A use is a reported log-in, or the company's evaluation. That a month was not reported says nothing of use:
it warns, since nothing is known, and it neither cancels nor stops anything.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, func, or_, select, text
from sqlalchemy.orm import contains_eager, joinedload

from app import clock, policy
from app.db import db
from app.errors import NotFound
from app.models.catalogue import Offering, Supplier
from app.models.companies import Company
from app.models.deals import Deal
from app.models.usage import UsageWarning, WarningAct, WarningEnd, WarningKind, WarningState
from app.policy import CLOCK, Actor, Permission, Role
from app.workflows import record
from app.workflows.usage_rows import write_month

ENTITY = "usage_warning"

_END = text("""
WITH over AS (
  SELECT w.id, o.name,
         CASE WHEN EXISTS (SELECT 1 FROM usage_report u
                            WHERE u.deal_id = w.deal_id AND u.logins > 0
                              AND (w.kind = 'idle_days' OR u.month >= w.since)) THEN 'used'
              WHEN EXISTS (SELECT 1 FROM evaluation e
                            WHERE e.deal_id = w.deal_id
                              AND (w.kind = 'idle_days'
                                   OR e.at >= CAST(w.since AS timestamp) AT TIME ZONE 'Asia/Seoul'))
                THEN 'evaluated'
              WHEN d.state <> 'paid' OR p.state NOT IN ('paid', 'cancelling')
                   OR d.period_to < CAST(:today AS date) THEN 'closed' END AS ended
    FROM usage_warning w
    JOIN deal d ON d.id = w.deal_id JOIN payment p ON p.id = w.payment_id
    JOIN offering o ON o.id = d.offering_id
   WHERE w.ended_at IS NULL AND (CAST(:ids AS bigint[]) IS NULL OR w.deal_id = ANY(CAST(:ids AS bigint[])))
   ORDER BY w.id FOR UPDATE OF w)
UPDATE usage_warning w SET ended_at = :at, ended = o.ended
  FROM over o WHERE w.id = o.id AND o.ended IS NOT NULL
RETURNING w.id, w.deal_id, w.company_id, w.supplier_id, w.ended, w.act, w.acted_at, o.name
""")


def end_where_used(deal_ids: Collection[int]) -> int:
    """End the warnings of these deals whose service is used after all; how many. The caller's transaction."""
    return _end(list(deal_ids)) if deal_ids else 0


def end_all() -> int:
    """End every warning that is over, also for want of a deal that runs. The caller's transaction."""
    return _end(None)


def _end(deal_ids: list[int] | None) -> int:
    # Core statements do not flush, and what was just said of the use must be seen.
    db.session.flush()
    rows = db.session.execute(_END, {"ids": deal_ids, "at": clock.now(), "today": clock.today()}).all()
    changes = {row.id: {"ended": (None, row.ended)} for row in rows}
    record.write_many(ENTITY, changes, "end", actor=CLOCK)
    record.tell([message for row in rows for message in _over(row)])
    if rows:
        db.session.expire_all()
    return len(rows)


def _over(row: Any) -> list[record.Message]:
    if row.ended == WarningEnd.CLOSED.value:
        return []
    words = f"‘{row.name}’의 이용이 확인되어 이용 경고가 풀렸습니다."
    if row.act == WarningAct.STOP.value and row.acted_at is not None:
        words = f"‘{row.name}’의 이용이 확인되어 이용 중지가 풀렸습니다."
    about = {"key": f"{ENTITY}:{row.id}:ended", "deal_id": row.deal_id, "row": row}
    held = " 보류된 공급대금은 담당자가 확인한 뒤 지급합니다." if "중지" in words else ""
    return messages(company=words, supplier=words + held, **about)


def messages(*, key: str, deal_id: int, row: Any, company: str, supplier: str) -> list[record.Message]:
    """The same event to both sides, each with the way to its page."""
    return [
        record.Message(
            key=f"{key}:company", company_id=row.company_id, text=company, link=f"/deals/{deal_id}"
        ),
        record.Message(
            key=f"{key}:supplier",
            supplier_id=row.supplier_id,
            text=supplier,
            link=f"/supply/usage/{deal_id}",
        ),
    ]


def lacking(warning: UsageWarning) -> str:
    """What there is not: `결제 후 30일 동안 확인된 이용이 없습니다.`"""
    if warning.kind is WarningKind.IDLE_DAYS:
        return f"결제 후 {warning.lasted:,}일 동안 확인된 이용이 없습니다."
    last = clock.add_months(warning.since, warning.lasted - 1)
    span = write_month(warning.since)
    if last != warning.since:
        span += f"부터 {write_month(last)}까지"
    return f"{span} {warning.lasted:,}개월 동안 이용실적이 0회입니다."


def following(warning: UsageWarning, *, for_supplier: bool) -> str:
    """What comes of it, or came; empty where the programme only warns."""
    if warning.ended_at is not None or warning.act is None or warning.act_at is None:
        return ""
    cancels = warning.act is WarningAct.CANCEL
    if warning.acted_at is not None:
        return _acted(cancels, for_supplier)
    if warning.gave_up_at is not None:
        return _GAVE_UP
    if warning.failures:
        until = clock.write_deadline(warning.act_at)
        return f"결제취소가 되지 않았습니다. {until} 이용이 확인되지 않으면 다시 취소합니다."
    if warning.report_asked_at is not None:
        return _UNDECIDED[for_supplier]
    until = clock.write_deadline(warning.act_at)
    return f"{until} 이용이 확인되지 않으면 {_COMES[cancels, for_supplier]}"


_GAVE_UP = "결제취소가 여러 번 되지 않아 결제가 그대로 있습니다. 담당자가 확인하고 있습니다."
_UNDECIDED = {
    True: "기한이 지났지만 이용실적이 없어 이용 여부를 확인할 수 없습니다. 이용하지 않은 것으로 제출되면 "
    "결제가 취소되고, 이미 정산된 금액은 환수됩니다.",
    False: "기한이 지났지만 이용 여부를 확인할 수 없어 공급기업에 이용실적을 요청했습니다. 이용하지 않은 "
    "것으로 확인되면 결제가 취소되고, 금액은 바우처나 예산으로 돌아갑니다.",
}
"""When the days of grace are over and nothing was reported; by whether the supplier is told."""
_COMES = {
    (True, True): "결제가 취소되고 이미 정산된 금액은 다음 정산에서 환수됩니다.",
    (True, False): "결제가 취소되고 금액은 바우처나 예산으로 돌아갑니다.",
    (False, True): "이용이 중지되고 아직 정산되지 않은 공급대금의 지급이 보류됩니다.",
    (False, False): "이용이 중지되고 담당자가 이용 여부를 확인합니다.",
}
"""By whether it cancels or stops, and whether the supplier is told."""


def _acted(cancels: bool, for_supplier: bool) -> str:
    if cancels:
        return "이용이 없어 결제를 취소하고 있습니다."
    if for_supplier:
        return (
            "이용이 중지되었습니다. 아직 정산되지 않은 공급대금의 지급이 보류됩니다. "
            "이용이 있었다면 이용실적을 고쳐 제출해 주세요."
        )
    return "이용이 중지되었습니다. 이용을 다시 시작하려면 공급기업에 알려 주세요."


def advice(*, for_supplier: bool) -> str:
    if for_supplier:
        return "수요기업이 이용을 시작하도록 도와 주시고, 이용했다면 이용실적을 제출해 주세요."
    return (
        "이용을 시작해 주세요. 이미 이용하고 있다면 공급기업에 이용실적 제출을 요청하거나 만족도를 평가해 "
        "주세요."
    )


@dataclass(frozen=True)
class Shown:
    """A warning in the words for whoever looks at it."""

    warning: UsageWarning
    for_supplier: bool

    @property
    def lacking(self) -> str:
        return lacking(self.warning)

    @property
    def following(self) -> str:
        return following(self.warning, for_supplier=self.for_supplier)

    @property
    def advice(self) -> str:
        return "" if self.warning.acted_at else advice(for_supplier=self.for_supplier)


def of_deal(*, actor: Actor, deal: Deal) -> list[Shown]:
    """A deal's warnings, to either side and to the lead agency's readers, the latest first."""
    policy.require_own(actor, deal)
    if policy.side(actor) is None:
        policy.require(actor, Permission.DEAL_VIEW)
    statement = select(UsageWarning).where(UsageWarning.deal_id == deal.id).order_by(UsageWarning.id.desc())
    # What comes of it for the supplier is what the agency's readers settle.
    for_supplier = actor.role is not Role.DEMAND
    return [Shown(row, for_supplier) for row in db.session.scalars(statement)]


def of_supplier(
    *, actor: Actor, state: WarningState | None = None, before: int | None = None, size: int = 20
) -> list[UsageWarning]:
    """The warnings of a supplier's deals, newest first; `before` is a warning's id."""
    where = [UsageWarning.supplier_id == _supplier(actor), *_in_state(state)]
    return _rows(_listed(before).where(*where), size)


def open_count(*, actor: Actor) -> int:
    """How many of a supplier's deals are not used, and it was told so."""
    statement = (
        select(func.count())
        .select_from(UsageWarning)
        .where(UsageWarning.supplier_id == _supplier(actor), UsageWarning.ended_at.is_(None))
    )
    return db.session.execute(statement).scalar_one()


def listing(
    *,
    actor: Actor,
    state: WarningState | None = None,
    kind: WarningKind | None = None,
    q: str = "",
    before: int | None = None,
    size: int = 20,
) -> list[UsageWarning]:
    """All warnings, newest first, by state, kind, and the names of service and companies."""
    policy.require(actor, Permission.DEAL_VIEW)
    where = [*_in_state(state), *_about(kind, q)]
    return _rows(_listed(before).where(*where), size)


def state_counts(*, actor: Actor, kind: WarningKind | None = None, q: str = "") -> Mapping[WarningState, int]:
    """How many there are in each state, of those that the filters leave."""
    policy.require(actor, Permission.DEAL_VIEW)
    counts = [func.count().filter(*_in_state(state)) for state in WarningState]
    statement = _joined(select(*counts).select_from(UsageWarning)).where(*_about(kind, q))
    return dict(zip(WarningState, db.session.execute(statement).one(), strict=True))


def _supplier(actor: Actor) -> int:
    policy.require(actor, Permission.SUPPLIER_VIEW)
    if actor.supplier_id is None:
        raise NotFound()
    return actor.supplier_id


def _joined(statement: Any) -> Any:
    return (
        statement.join(Deal, Deal.id == UsageWarning.deal_id)
        .join(Offering, Offering.id == Deal.offering_id)
        .join(Company, Company.id == UsageWarning.company_id)
        .join(Supplier, Supplier.id == UsageWarning.supplier_id)
    )


def _listed(before: int | None) -> Select[UsageWarning]:
    deal = contains_eager(UsageWarning.deal)
    loaded = (
        deal.contains_eager(Deal.offering),
        deal.contains_eager(Deal.company),
        deal.contains_eager(Deal.supplier),
        joinedload(UsageWarning.payment),
    )
    joined: Select[UsageWarning] = _joined(select(UsageWarning))
    statement = joined.options(*loaded).order_by(UsageWarning.id.desc())
    return statement if before is None else statement.where(UsageWarning.id < before)


def _rows(statement: Select[UsageWarning], size: int) -> list[UsageWarning]:
    return list(db.session.scalars(statement.limit(size)))


def _in_state(state: WarningState | None) -> Sequence[ColumnElement[bool]]:
    ended, acted = UsageWarning.ended_at, UsageWarning.acted_at
    if state is None:
        return ()
    if state is WarningState.ENDED:
        return (ended.is_not(None),)
    if state is WarningState.FAILED:
        return (ended.is_(None), UsageWarning.gave_up_at.is_not(None))
    if state is WarningState.WARNED:
        return (ended.is_(None), acted.is_(None), UsageWarning.gave_up_at.is_(None))
    act = WarningAct.STOP if state is WarningState.STOPPED else WarningAct.CANCEL
    return (ended.is_(None), acted.is_not(None), UsageWarning.act == act)


def _about(kind: WarningKind | None, q: str) -> list[ColumnElement[bool]]:
    where: list[ColumnElement[bool]] = []
    if kind is not None:
        where.append(UsageWarning.kind == kind)
    if q:
        names = (Offering.name, Supplier.name, Company.name)
        where.append(or_(*(name.icontains(q, autoescape=True) for name in names)))
    return where
