"""A demand company in a state of its application, at its browser, for the tests of its own pages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app import clock
from app.db import db
from app.models.applications import Application, ApplicationState
from app.models.companies import Company
from app.models.people import Account
from app.models.vouchers import InstrumentKind, InstrumentState
from app.policy import Actor, Role
from app.workflows import applications, budget
from tests import factories
from tests.integration.workflows import joining
from tests.integration.workflows.joining import PDF, Stage

LogIn = Callable[[Account], FlaskClient]
DETAILS = {
    "address": "서울특별시 중구 세종대로 110",
    "industry": "서비스업(소프트웨어 개발)",
    "contact_name": "김담당",
    "contact_email": "desk@example.kr",
    "payment_contact_name": "이결제",
}


@dataclass
class Applicant:
    stage: Stage
    company: Company
    account: Account
    application: Application
    browser: FlaskClient

    @property
    def actor(self) -> Actor:
        return self.account.actor()

    def get(self, address: str, status: int = 200) -> str:
        return text(self.browser.get(address), status)

    def post(self, address: str, form: dict[str, Any] | None = None) -> TestResponse:
        return self.browser.post(address, data=form or {})

    def state(self) -> ApplicationState:
        db.session.expire_all()
        return self.application.state


def text(answer: TestResponse, status: int = 200) -> str:
    page = answer.get_data(as_text=True)
    assert answer.status_code == status, page[:3000]
    return page


def upload(content: bytes = PDF, name: str = "서류.pdf") -> tuple[BytesIO, str]:
    return BytesIO(content), name


def make_applicant(
    log_in_as: LogIn,
    state: ApplicationState,
    *,
    stage: Stage | None = None,
    instrument: InstrumentKind | None = None,
    **fields: Any,
) -> Applicant:
    """Its way to the state by the verbs: the staff of the stage decide."""
    stage = stage or joining.set_stage()
    begun = {
        ApplicationState.NOT_APPLIED: ApplicationState.NOT_APPLIED,
        ApplicationState.SCREENED: ApplicationState.SCREENING,
        ApplicationState.APPROVED: ApplicationState.SCREENING,
    }.get(state, ApplicationState.SCREENING)
    company = factories.make_company(
        programme_id=stage.programme.id, agency_id=stage.agency.id, **DETAILS | fields
    )
    account = factories.make_account(Role.DEMAND, company_id=company.id, name="김담당")
    application = factories.make_application(company=company, state=begun)
    if instrument:
        factories.make_instrument(company=company, kind=instrument, state=InstrumentState.CHOSEN)
    db.session.commit()
    _decide(stage, application.id, state)
    return Applicant(stage, company, account, application, log_in_as(account))


def _decide(stage: Stage, application_id: int, state: ApplicationState) -> None:
    if state is ApplicationState.ON_HOLD:
        marks = ["address", "business_registration"]
        reason = "사업자등록증을 읽을 수 없습니다."
        applications.hold(actor=stage.reviewer, application_id=application_id, reason=reason, marks=marks)
    if state is ApplicationState.REJECTED:
        applications.reject(actor=stage.reviewer, application_id=application_id, reason="휴업 중입니다.")
    if state in (ApplicationState.SCREENED, ApplicationState.APPROVED):
        applications.screen(actor=stage.reviewer, application_id=application_id)
    if state is ApplicationState.APPROVED:
        budget.confirm_one(actor=stage.officer, application_id=application_id)


def days_later(days: int) -> None:
    clock.set_offset(clock.timedelta(days=days))
