"""An agency's part of the budget as it was given and taken back (R-SCR-4, R-MONEY-3)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from app import policy
from app.db import db, transaction
from app.errors import Conflict, InvalidInput, NotFound
from app.models.ledger import Journal, JournalKind, LedgerAccount
from app.models.programme import AgencyBudget
from app.models.record import AuditRow
from app.policy import Actor, Permission
from app.workflows import ledger, offers, record

BUDGET = LedgerAccount.AGENCY_BUDGET
ENTITY = "agency_budget"


def take_back(
    *, actor: Actor, programme_id: int, agency_id: int, amount: int, reason: str, key: str
) -> AgencyBudget:
    """Move `amount` won of an agency's free money back to the programme's budget, once per `key`.

    What is kept for offers stays. Raises Denied, NotFound, InvalidInput, Conflict `budget.not_free`.
    """
    policy.require(actor, Permission.BUDGET_CONFIRM)
    reason = reason.strip()
    wrong = {}
    if amount <= 0:
        wrong["amount"] = "회수 금액은 1원 이상이어야 합니다."
    if not reason:
        wrong["reason"] = "배정 회수 사유를 입력해 주세요."
    if wrong:
        raise InvalidInput("budget.take_back", " ".join(wrong.values()), fields=wrong)
    with transaction():
        budget = _budget(programme_id, agency_id)
        event = f"allocation:{ENTITY}:{budget.id}:back:{key}"
        free = offers.room(budget.id)
        if _is_entered(event):
            return budget
        if amount > free:
            message = (
                f"지금 회수할 수 있는 금액은 {max(free, 0):,}원입니다. 확정했거나 대기 기업에 안내 중인 "
                "예산은 회수할 수 없습니다."
            )
            raise Conflict("budget.not_free", message)
        legs = ledger.move((BUDGET, budget.id), (LedgerAccount.PROGRAMME_BUDGET, programme_id), amount)
        ledger.post(event, JournalKind.ALLOCATION, legs, programme_id=programme_id, actor=actor)
        change = {"taken_back": (None, amount)}
        record.write(ENTITY, budget.id, "take_back", actor=actor, change=change, reason=reason)
        return budget


def _budget(programme_id: int, agency_id: int) -> AgencyBudget:
    found = db.session.scalar(
        select(AgencyBudget).where(
            AgencyBudget.programme_id == programme_id, AgencyBudget.agency_id == agency_id
        )
    )
    if found is None:
        raise NotFound()
    return found


def _is_entered(event: str) -> bool:
    return db.session.scalar(select(Journal.id).where(Journal.event_key == event)) is not None


@dataclass(frozen=True, kw_only=True)
class Entry:
    """배정 이력: who gave or took back how much, when and why."""

    id: int
    at: datetime
    action: str
    amount: int
    """Minus what was taken back."""
    who: str
    reason: str | None

    @property
    def title(self) -> str:
        return "배정" if self.action == "allocate" else "배정 회수"


def history(*, actor: Actor, budget_id: int) -> list[Entry]:
    """Newest first, from the audit trail. Raises Denied."""
    policy.require(actor, Permission.BUDGET_VIEW)
    rows = db.session.scalars(
        select(AuditRow)
        .where(AuditRow.entity == ENTITY, AuditRow.entity_id == budget_id)
        .order_by(AuditRow.seq.desc())
    )
    return [
        Entry(
            id=row.id,
            at=row.at,
            action=row.action,
            amount=_amount(row),
            who=row.actor_name,
            reason=row.reason,
        )
        for row in rows
        if row.action in ("allocate", "take_back")
    ]


def _amount(row: AuditRow) -> int:
    if row.action == "allocate":
        return int(row.change["allocated"][1])
    return -int(row.change["taken_back"][1])
