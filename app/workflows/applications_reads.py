"""What a company sees of its application, and how long it may have to wait (R-SCR-1, R-SCR-5)."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ColumnElement, and_, func, or_, select, tuple_

from app import clock
from app.db import db
from app.models.applications import Application
from app.models.applications import ApplicationState as State
from app.models.companies import Company
from app.models.people import Account
from app.models.programme import Agency, AgencyBudget, Programme, SelectionOrder
from app.models.vouchers import Instrument, Voucher
from app.policy import Actor
from app.workflows import applications, instruments, offers, offers_sweep, programmes, vouchers, waiting
from app.workflows.application_history import HistoryEntry, history, waiting_days
from app.workflows.applications import APPLICATION
from app.workflows.lifecycle import Edge
from app.workflows.waiting import PACE_DAYS, Pace

_NEXT = {
    State.NOT_APPLIED: "기업정보와 서류를 채우고 결제수단을 선택한 뒤 '사업 신청'을 눌러 주세요.",
    State.SCREENING: "운영기관이 서류를 심사하고 있습니다.",
    State.ON_HOLD: "보류 사유를 보고 고친 뒤 다시 제출해 주세요.",
    State.SCREENED: "전문기관의 예산확정을 기다리고 있습니다.",
    State.APPROVED: "'바우처 신청'에서 결제수단을 발급받고 서비스를 이용해 주세요.",
    State.REJECTED: "올해 사업에는 다시 신청할 수 없습니다. 자세한 내용은 운영기관에 문의해 주세요.",
}


@dataclass(frozen=True, kw_only=True)
class Status:
    """'심사 및 예산확인' (R-SCR-1, R-SCR-5)."""

    application: Application
    company: Company
    agency: Agency
    """Its name and phones are shown."""
    history: list[HistoryEntry]
    place: int | None
    """In its agency's queue, or in its budget's line, from 1; None where it does not wait."""
    waiting_days: int
    next_step: str
    instrument: Instrument | None
    voucher: Voucher | None
    edges: list[Edge]


def status(*, actor: Actor) -> Status:
    """What the company sees of its application. Raises NotFound."""
    application = applications.own(actor=actor)
    accounts = db.session.scalars(select(Account.id).where(Account.company_id == application.company_id))
    return Status(
        application=application,
        company=application.company,
        agency=application.agency,
        history=history(application.id, own_accounts=list(accounts)),
        place=_place(application),
        waiting_days=waiting_days(
            application, programmes.closing_days(programme_id=application.programme_id)
        ),
        next_step=_NEXT[application.state],
        instrument=instruments.of_company(application.company_id),
        voucher=vouchers.of_company(application.company_id),
        edges=APPLICATION.open_to(actor, application),
    )


# --- the place in the line ----------------------------------------------------------------------------


def _place(application: Application) -> int | None:
    """Counted in the queue's own index, and only as far as the place itself."""
    if application.state is State.SCREENING:
        return _count(application, _not_after(application))
    if application.state is not State.SCREENED:
        return None
    programme = application.company.programme
    if application.waitlisted_at is not None:
        return _place_for_money(application, programme)
    if programme.selection_order is SelectionOrder.SCORE:
        return _count(application, _not_below(application))
    return _count(application, _not_after(application))


def _count(application: Application, before: ColumnElement[bool]) -> int | None:
    return db.session.scalar(
        select(func.count()).where(
            Application.agency_id == application.agency_id, Application.state == application.state, before
        )
    )


def _not_after(application: Application) -> ColumnElement[bool]:
    mine = (application.submitted_at, application.id)
    return tuple_(Application.submitted_at, Application.id) <= mine


def _not_below(application: Application) -> ColumnElement[bool]:
    """By score, then by arrival (R-JOIN-7a); who has no score comes last."""
    if application.score is None:
        return or_(Application.score.is_not(None), _not_after(application))
    equal = and_(Application.score == application.score, _not_after(application))
    return or_(Application.score > application.score, equal)


def _place_for_money(application: Application, programme: Programme) -> int | None:
    """Where it stands among those who wait for returned money, in the order of the offers (R-SCR-4)."""
    budget_id = db.session.scalar(
        select(AgencyBudget.id).where(
            AgencyBudget.programme_id == programme.id, AgencyBudget.agency_id == application.agency_id
        )
    )
    if budget_id is None:
        return None
    passed = offers_sweep.passed(budget_id)
    place = func.row_number().over(order_by=offers_sweep.line(programme, passed))
    line = (
        select(Application.id, place.label("place"))
        .outerjoin(passed, passed.c.application_id == Application.id)
        .where(
            Application.agency_id == application.agency_id,
            Application.programme_id == programme.id,
            offers.waits(),
        )
        .subquery("line")
    )
    return db.session.scalar(select(line.c.place).where(line.c.id == application.id))


# --- honest waiting -----------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Outlook:
    """What can be said of the waiting without inventing anything, in sentences (R-SCR-5)."""

    promise: str
    """What the programme promises, or by how much it is late."""
    late: bool
    pace: str
    estimate: str
    """Empty where nothing can be told."""


def outlook(found: Status) -> Outlook | None:
    """Of a case in screening; None where nobody screens it."""
    application = found.application
    if application.state is not State.SCREENING or application.submitted_at is None:
        return None
    closed = programmes.closing_days(programme_id=application.programme_id)
    promised = found.company.programme.promised_days
    pace = waiting.pace(agency_id=application.agency_id, closed=closed)
    late = found.waiting_days - promised
    return Outlook(
        promise=_promise(application.submitted_at, promised, late, closed),
        late=late > 0,
        pace=_pace_in_words(pace),
        estimate=_estimate(pace, found.place),
    )


def _promise(arrived: datetime, promised: int, late: int, closed: Collection[date]) -> str:
    if late > 0:
        return (
            f"약속드린 {promised}영업일을 {late}영업일 넘겼습니다. 기다리게 해 드려 죄송합니다. "
            "진행 상황은 아래 운영기관 연락처로 물어보실 수 있습니다."
        )
    until = clock.deadline_after(arrived, promised, business=True, closed=closed)
    return f"접수한 날부터 {promised}영업일 안에({clock.write_deadline(until)}) 결과를 알려 드립니다."


def _pace_in_words(pace: Pace) -> str:
    if pace.median is None:
        count = f"{pace.decisions:,}건뿐이어서" if pace.decisions else "없어서"
        return (
            f"최근 {PACE_DAYS}일 동안 이 운영기관이 처리한 심사가 {count} 걸리는 기간을 말씀드릴 수 없습니다."
        )
    return (
        f"이 운영기관의 심사는 보통 {pace.median:g}영업일 걸립니다"
        f"(최근 {PACE_DAYS}일 동안의 결정 {pace.decisions:,}건의 중앙값)."
    )


def _estimate(pace: Pace, place: int | None) -> str:
    """How many business days the cases before it take, at the pace of the last days."""
    if pace.median is None or place is None or not pace.business_days:
        return ""
    days = math.ceil(place * pace.business_days / pace.decisions)
    return f"지금 속도라면 약 {days:,}영업일 안에 차례가 됩니다. 앞선 기업의 서류에 따라 달라질 수 있습니다."
