"""The audit trail as the console shows it (R-AUD-1)."""

from __future__ import annotations

from datetime import date

from sqlalchemy import select

from app import clock, policy
from app.db import db
from app.models.record import AuditRow
from app.policy import Actor, Permission
from app.workflows import record

ENTITIES = {
    "account": "계정",
    "agency_budget": "운영기관 예산",
    "application": "신청",
    "company": "수요기업",
    "deal": "거래",
    "document": "서류",
    "evaluation": "평가",
    "instrument": "결제수단",
    "intake_file": "K-Startup 반입",
    "offering": "서비스",
    "outbox_message": "발송·작업",
    "payment": "결제",
    "programme": "사업",
    "settlement_batch": "정산",
    "settlement_line": "정산 지급",
    "slip": "전표",
    "supplier": "공급기업",
    "voucher": "바우처",
}


def trail(
    *,
    actor: Actor,
    entity: str = "",
    entity_id: int | None = None,
    who: str = "",
    since: date | None = None,
    until: date | None = None,
    before: int | None = None,
    size: int = 50,
) -> list[AuditRow]:
    """Who did what, newest first; `who` is the actor's name, days are real Korean days. Raises Denied."""
    policy.require(actor, Permission.AUDIT_VIEW)
    statement = select(AuditRow).order_by(AuditRow.id.desc()).limit(size)
    conditions = [
        bool(entity) and AuditRow.entity == entity,
        entity_id is not None and AuditRow.entity_id == entity_id,
        bool(who) and AuditRow.actor_name == who,
        since is not None and AuditRow.recorded_at >= clock.start_of(since),
        until is not None and AuditRow.recorded_at < clock.end_of(until),
        before is not None and AuditRow.id < before,
    ]
    statement = statement.where(*[condition for condition in conditions if condition is not False])
    return list(db.session.scalars(statement))


def verify(*, actor: Actor) -> list[str]:
    """What is wrong with the trail. Raises Denied."""
    policy.require(actor, Permission.AUDIT_VIEW)
    return record.verify()
