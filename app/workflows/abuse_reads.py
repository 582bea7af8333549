"""부정 신고 as the console reads it: each look at a report is on record (R-SET-4, R-AUD-0)."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import joinedload, selectinload

from app import crypto, policy
from app.db import db, lock, transaction
from app.documents import store
from app.errors import InvalidInput, NotFound
from app.models.abuse import AbuseCategory, AbuseReply, AbuseReport, AbuseState
from app.models.record import AuditRow
from app.models.suspicion import SignalKind, SuspicionSignal
from app.policy import Actor, Permission
from app.workflows import record
from app.workflows.abuse import ABUSE
from app.workflows.attachments import HandedOut
from app.workflows.lifecycle import Edge


@dataclass(frozen=True, kw_only=True)
class ReportPage:
    report: AbuseReport
    edges: list[Edge]
    looks: list[AuditRow]
    """Who did what with it, newest first; looks too."""
    suspicions: list[int]
    """Cases that a signal of this report stands in."""


def listing(
    *,
    actor: Actor,
    state: AbuseState | None = None,
    category: AbuseCategory | None = None,
    after: int | None = None,
    size: int = 20,
) -> list[AbuseReport]:
    """Reports without their words; those still to do where no state is named, the oldest first."""
    policy.require(actor, Permission.ABUSE_VIEW)
    statement = select(AbuseReport).order_by(AbuseReport.id).limit(size)
    if state is None:
        statement = statement.where(AbuseReport.state != AbuseState.CLOSED)
    else:
        statement = statement.where(AbuseReport.state == state)
    if category is not None:
        statement = statement.where(AbuseReport.category == category)
    if after is not None:
        statement = statement.where(AbuseReport.id > after)
    parties = (
        joinedload(AbuseReport.company),
        joinedload(AbuseReport.supplier),
        joinedload(AbuseReport.owner),
    )
    return list(db.session.scalars(statement.options(*parties)))


def counts(*, actor: Actor) -> dict[AbuseState, int]:
    policy.require(actor, Permission.ABUSE_VIEW)
    grouped = select(AbuseReport.state, func.count()).group_by(AbuseReport.state)
    found: dict[AbuseState, int] = {state: number for state, number in db.session.execute(grouped)}
    return {state: found.get(state, 0) for state in AbuseState}


def page(*, actor: Actor, report_id: int) -> ReportPage:
    """A report with its words; the look is recorded first. Raises Denied, NotFound."""
    _record_look(actor, report_id, "read", None)
    report = db.session.scalar(
        select(AbuseReport)
        .where(AbuseReport.id == report_id)
        .options(
            selectinload(AbuseReport.replies).joinedload(AbuseReply.by),
            joinedload(AbuseReport.company),
            joinedload(AbuseReport.supplier),
            joinedload(AbuseReport.owner),
        )
    )
    if report is None:
        raise NotFound()
    trail = (
        select(AuditRow)
        .where(AuditRow.entity == ABUSE.entity, AuditRow.entity_id == report_id)
        .order_by(AuditRow.seq.desc())
        .limit(50)
    )
    return ReportPage(
        report=report,
        edges=ABUSE.open_to(actor, report),
        looks=list(db.session.scalars(trail)),
        suspicions=_suspicions(report_id),
    )


def _suspicions(report_id: int) -> list[int]:
    statement = (
        select(SuspicionSignal.suspicion_id)
        .where(
            SuspicionSignal.kind == SignalKind.REPORTED,
            SuspicionSignal.suspicion_id.is_not(None),
            SuspicionSignal.evidence["reports"].contains([report_id]),
        )
        .distinct()
    )
    return sorted(key for key in db.session.scalars(statement) if key is not None)


def contact(*, actor: Actor, report_id: int, reason: str) -> str | None:
    """How the reporter may be reached, where they say so; recorded with why. Raises Denied, InvalidInput."""
    reason = reason.strip()
    if not reason:
        said = "연락처를 보는 사유를 입력해 주세요."
        raise InvalidInput("reason_missing", said, fields={"reason": said})
    report = _record_look(actor, report_id, "read_contact", reason)
    return report.contact


def file_for(*, actor: Actor, report_id: int) -> HandedOut:
    """The file of a report, opened; the look is recorded. Raises Denied, NotFound."""
    report = _record_look(actor, report_id, "read_file", None)
    if report.sha256 is None or report.file_name is None or report.file_type is None:
        raise NotFound()
    return HandedOut(report.file_name, report.file_type, crypto.unseal(store.read(report.sha256)))


def _record_look(actor: Actor, report_id: int, action: str, reason: str | None) -> AbuseReport:
    policy.require(actor, Permission.ABUSE_VIEW)
    with transaction():
        report = lock(AbuseReport, report_id)
        record.write(ABUSE.entity, report_id, action, actor=actor, reason=reason)
        return report
