"""What has happened to an application and to the budget offered to it, and how long it waits, for both sides
(R-SCR-1, R-SCR-3, R-SCR-4)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import and_, literal, null, select, union_all
from sqlalchemy.orm import aliased

from app import clock
from app.db import db
from app.models.applications import Application
from app.models.applications import ApplicationState as State
from app.models.offers import BudgetOffer, OfferState
from app.models.record import AuditRow
from app.workflows.applications import APPLICATION
from app.workflows.offers import OFFER

_TITLES = {"submit": "회원가입(심사접수)", "intake": "K-Startup 명단 반영", "assign": "배정"}
_TITLES |= {"flag": "기업정보 수정 알림", "clear_flag": "수정 확인"}
_TITLES |= {"tax_office": "국세청 재조회", "note": "심사 메모"}
_TITLES |= {"override": "다른 심사원의 건 대신 처리", "score": "평가점수", "waitlist": "예산 대기"}
_TITLES |= {edge.action: edge.label for edge in APPLICATION.edges}
_OFFER_TITLES = {"offer": "예산 안내"} | {edge.action: f"예산 안내 {edge.label}" for edge in OFFER.edges}
_OFFER_TITLES |= {"withdraw": "예산 안내 철회", "use": "안내한 예산으로 확정"}
_INSIDE = ("assign", "flag", "clear_flag", "override", "score", "tax_office", "note")
"""What a company is not told."""


@dataclass(frozen=True, kw_only=True)
class HistoryEntry:
    at: datetime
    action: str
    title: str
    who: str
    reason: str | None
    tone: str


def history(application_id: int, *, own_accounts: Sequence[int] | None = None) -> list[HistoryEntry]:
    """Newest first. A company (`own_accounts`) reads which office decided, not which person."""
    found = db.session.execute(_trail(application_id)).all()
    return [
        _entry(row, offer, own_accounts)
        for row, offer in found
        if own_accounts is None or row.entity != APPLICATION.entity or row.action not in _INSIDE
    ]


def _trail(application_id: int) -> Any:
    """The audit trail of the application and of its offers, each by the trail's own index."""
    made = aliased(BudgetOffer)
    application = select(
        literal(APPLICATION.entity).label("entity"),
        literal(application_id).label("entity_id"),
        null().label("offer_id"),
    )
    # By the company, whose offers an index names.
    company = select(Application.company_id).where(Application.id == application_id).scalar_subquery()
    offered = select(literal(OFFER.entity), made.id, made.id).where(
        made.company_id == company, made.application_id == application_id
    )
    about = union_all(application, offered).subquery("about")
    return (
        select(AuditRow, BudgetOffer)
        .join(about, and_(AuditRow.entity == about.c.entity, AuditRow.entity_id == about.c.entity_id))
        .outerjoin(BudgetOffer, BudgetOffer.id == about.c.offer_id)
        # As they were written: each record counts its own `seq`.
        .order_by(AuditRow.id.desc())
    )


def _entry(row: AuditRow, offer: BudgetOffer | None, own_accounts: Sequence[int] | None) -> HistoryEntry:
    titles = _TITLES if offer is None else _OFFER_TITLES
    return HistoryEntry(
        at=row.at,
        action=row.action if offer is None else f"{OFFER.entity}.{row.action}",
        title=titles.get(row.action, row.action),
        who=row.actor_name if own_accounts is None else _office(row, own_accounts),
        reason=row.reason if offer is None else _of_offer(row, offer),
        tone=_tone(row),
    )


def _of_offer(row: AuditRow, offer: BudgetOffer) -> str | None:
    """What was offered until when; of what became of it, the reason, or the deadline that ended it."""
    if row.action == "offer":
        return f"정부지원금 {offer.amount:,}원, 답변 기한 {clock.write_deadline(offer.due_at)}"
    if row.action == "lapse":
        return f"{clock.write_deadline(offer.due_at)} 답이 없었습니다."
    return row.reason


def _office(row: AuditRow, own_accounts: Sequence[int]) -> str:
    if row.actor_id in own_accounts:
        return row.actor_name
    if row.entity == OFFER.entity:
        return "자동 처리" if row.actor_id is None else "전문기관"
    return "전문기관" if row.action in ("approve", "send_back", "waitlist", "intake") else "운영기관"


def _tone(row: AuditRow) -> str:
    after = row.change.get("state", [None, None])[1]
    kind = OfferState if row.entity == OFFER.entity else State
    return kind(after).tone if after else "neutral"


def waiting_days(application: Application, closed: Collection[date]) -> int:
    """Business days in the queue."""
    if application.submitted_at is None:
        return 0
    return clock.business_days_between(application.submitted_at, clock.now(), closed=closed)
