"""Who may change what in which state, what the agency is told of, and the history (R-SCR-2)."""

from __future__ import annotations

import secrets
from typing import Any

import pytest

from app import clock
from app.db import db
from app.errors import Conflict, InvalidInput, Refusal
from app.models.applications import Application
from app.models.applications import ApplicationState as State
from app.models.companies import CompanyKind, DocumentKind
from app.models.numbers import complete_business_number
from app.models.people import Verification, VerificationPurpose
from app.models.vouchers import InstrumentKind, InstrumentState
from app.policy import Actor, Role
from app.workflows import company_edits, instrument_accounts, instrument_issue
from app.workflows.instrument_accounts import BankAccount
from tests import factories
from tests.integration.workflows import joining

pytestmark = pytest.mark.usefixtures("tx")

STATES = (State.NOT_APPLIED, State.SCREENING, State.ON_HOLD, State.SCREENED, State.APPROVED, State.REJECTED)
# O: changed, into the history · F: changed, into the history, and the case is flagged to the agency
# L: refused, for nothing can be changed in this state · x: refused, for this alone is fixed by now
RIGHTS = {
    #                  신청 전  심사중  심사보류  심사확정  승인  심사탈락
    "name":                  "O L O O O L",
    "representative":        "O L O F F L",
    "business_number":       "O L O x x L",
    "kind":                  "O L O x x L",
    "email":                 "O L O O O L",
    "address":               "O L O O O L",
    "industry":              "O L O O O L",
    "employees":             "O L O O O L",
    "contact_name":          "O L O O O L",
    "contact_phone":         "O L O O O L",
    "contact_email":         "O L O O O L",
    "payment_contact_name":  "O L O O O L",
    "document":              "O L O F F L",
    # Behind the personal check card: named at '발급신청', so there is none before 승인.
    "account":               "x x x x F x",
}  # fmt: skip
NEW: dict[str, Any] = {
    "name": "새이름 주식회사",
    "representative": "새대표",
    "business_number": complete_business_number("310000077"),
    "kind": CompanyKind.SOLE,
    "email": "fresh@example.kr",
    "address": "부산광역시 중구 대청로 1",
    "industry": "교육서비스업",
    "employees": 7,
    "contact_name": "새담당",
    "contact_phone": "01087654321",
    "contact_email": "newdesk@example.kr",
}
CASES = [
    pytest.param(field, state, right, id=f"{field}-{state.label}-{right}")
    for field, row in RIGHTS.items()
    for state, right in zip(STATES, row.split(), strict=True)
]


def applicant(state: State) -> tuple[Application, Actor]:
    stage = joining.set_stage(vouchers=0, needs_employees=True)
    company = factories.make_company(
        programme_id=stage.programme.id, agency_id=stage.agency.id, address="서울", industry="소프트웨어",
        contact_name="담당", contact_email="desk@example.kr",
    )  # fmt: skip
    application = factories.make_application(company=company, state=state)
    person = factories.make_actor(Role.DEMAND, company_id=company.id)
    db.session.commit()
    return application, person


def test_the_table_has_every_field_of_a_company() -> None:
    payer = "payment_contact_phone"  # comes with its name, by one verification
    assert set(RIGHTS) == set(company_edits.LABELS) - {payer}
    programme = joining.set_stage(vouchers=0, needs_employees=True).programme
    for place, state in enumerate(STATES):
        free = {field for field, row in RIGHTS.items() if row.split()[place] in "OF" and field in NEW}
        assert set(company_edits.editable(state, programme)) == free


@pytest.mark.parametrize(("field", "state", "right"), CASES)
def test_what_can_be_changed_when(sandbox: str, field: str, state: State, right: str) -> None:
    """R-SCR-2: every edit with field, before, after, who and when; some are told to the agency."""
    application, person = applicant(state)
    before = company_edits.edits(actor=person, company_id=application.company_id)
    if right in "Lx":
        with pytest.raises(Refusal) as refusal:
            change(field, person)
        assert isinstance(refusal.value, Conflict if right == "L" or field == "account" else InvalidInput)
        if right == "L":
            assert refusal.value.code == "company.locked_state" and state.label in refusal.value.text
        assert company_edits.edits(actor=person, company_id=application.company_id) == before
        assert application.flagged_at is None
        return
    change(field, person)
    entries = company_edits.edits(actor=person, company_id=application.company_id)
    written = [entry for entry in entries if entry.field == field]
    assert len(written) == 1 and written[0].label == company_edits.LABELS[field]
    assert written[0].who == person.name and written[0].at.date() == clock.today()
    assert written[0].before != written[0].after and written[0].after
    assert (application.flagged_at is not None) == (right == "F")


def change(field: str, person: Actor) -> None:
    if field == "document":
        kind = DocumentKind.TAX_CLEARANCE
        company_edits.replace_document(actor=person, kind=kind, file_name="새서류.pdf", content=joining.PDF)
    elif field == "payment_contact_name":
        company_edits.edit(actor=person, changes={}, payment_verification_token=another_payer())
    elif field == "account":
        change_account(person)
    else:
        company_edits.edit(actor=person, changes={field: NEW[field]})


def another_payer() -> str:
    token, now = secrets.token_urlsafe(8), clock.real_now()
    row = Verification(
        token=token, purpose=VerificationPurpose.PAYMENT_CONTACT, name="새결제", phone="01099998888",
        requested_at=now, verified_at=now,
    )  # fmt: skip
    db.session.add(row)
    db.session.commit()
    return token


def change_account(person: Actor) -> None:
    """A card that is on its way, where one can be; then another account."""
    company = company_edits.own(actor=person)
    instrument = factories.make_instrument(
        company=company, kind=InstrumentKind.PERSONAL_CHECK, state=InstrumentState.CHOSEN
    )
    instrument.chosen_at = clock.now() - clock.timedelta(days=2)
    db.session.commit()
    first = BankAccount(bank_code="088", number="110234567890", birth_date="800101")
    instrument_issue.request(actor=person, account=first)
    other = BankAccount(bank_code="004", number="99123456781", birth_date="800101")
    instrument_accounts.change(actor=person, account=other)
