"""What has happened to an application, and how long it waits, for both sides (R-SCR-1, R-SCR-3)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select

from app import clock
from app.db import db
from app.models.applications import Application
from app.models.applications import ApplicationState as State
from app.models.record import AuditRow
from app.workflows.applications import APPLICATION

_TITLES = {"submit": "회원가입(심사접수)", "intake": "K-Startup 명단 반영", "assign": "배정"}
_TITLES |= {"flag": "기업정보 수정 알림", "clear_flag": "수정 확인"}
_TITLES |= {"tax_office": "국세청 재조회", "note": "심사 메모"}
_TITLES |= {"override": "다른 심사원의 건 대신 처리", "score": "평가점수", "waitlist": "예산 대기"}
_TITLES |= {edge.action: edge.label for edge in APPLICATION.edges}


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
    rows = db.session.scalars(
        select(AuditRow)
        .where(AuditRow.entity == "application", AuditRow.entity_id == application_id)
        .order_by(AuditRow.seq.desc())
    )
    inside = ("assign", "flag", "clear_flag", "override", "score", "tax_office", "note")
    return [
        HistoryEntry(
            at=row.at,
            action=row.action,
            title=_TITLES.get(row.action, row.action),
            who=row.actor_name if own_accounts is None else _office(row, own_accounts),
            reason=row.reason,
            tone=_tone(row),
        )
        for row in rows
        if own_accounts is None or row.action not in inside
    ]


def _office(row: AuditRow, own_accounts: Sequence[int]) -> str:
    if row.actor_id in own_accounts:
        return row.actor_name
    return "전문기관" if row.action in ("approve", "send_back", "waitlist", "intake") else "운영기관"


def _tone(row: AuditRow) -> str:
    after = row.change.get("state", [None, None])[1]
    return State(after).tone if after else "neutral"


def waiting_days(application: Application, closed: Collection[date]) -> int:
    """Business days in the queue."""
    if application.submitted_at is None:
        return 0
    return clock.business_days_between(application.submitted_at, clock.now(), closed=closed)
