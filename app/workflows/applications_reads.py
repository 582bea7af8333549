"""What a company sees of its application (R-SCR-1, R-SCR-5)."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select, tuple_

from app.db import db
from app.models.applications import Application
from app.models.applications import ApplicationState as State
from app.models.companies import Company
from app.models.people import Account
from app.models.programme import Agency
from app.models.vouchers import Instrument, Voucher
from app.policy import Actor
from app.workflows import applications, instruments, programmes, vouchers
from app.workflows.application_history import HistoryEntry, history, waiting_days
from app.workflows.applications import APPLICATION
from app.workflows.lifecycle import Edge

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
    """In its agency's queue, from 1; None where it does not wait."""
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


def _place(application: Application) -> int | None:
    if application.state not in (State.SCREENING, State.SCREENED):
        return None
    mine = (application.submitted_at, application.id)
    return db.session.scalar(
        select(func.count()).where(
            Application.agency_id == application.agency_id,
            Application.state == application.state,
            tuple_(Application.submitted_at, Application.id) <= mine,
        )
    )
