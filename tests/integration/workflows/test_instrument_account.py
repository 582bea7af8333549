"""The account behind the personal check card: of the verified person (R-INS-4, R-SCR-2)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from app import clock
from app.db import db
from app.errors import Conflict, InvalidInput, Refusal
from app.models.companies import VerifiedAs
from app.models.record import AuditRow, Notice
from app.models.vouchers import Instrument
from app.policy import Actor
from app.workflows import (
    applications,
    company_edits,
    instrument_accounts,
    instrument_issue,
    instruments,
)
from app.workflows.instrument_accounts import BankAccount
from tests.integration.workflows import instruments_stage, joining
from tests.integration.workflows.instruments_stage import (
    CHOSEN,
    DAY,
    ISSUED,
    PERSONAL,
    PREPAID,
    REQUESTED,
    applicant,
    approve,
    ask,
    at,
    choose,
    refreshed,
)

pytestmark = pytest.mark.usefixtures("tx")

stage = instruments_stage.stage


def with_personal_card(stage: joining.Stage, **fields: Any) -> tuple[Any, Actor]:
    application, person = applicant(stage, **fields)
    choose(person, PERSONAL, DAY - timedelta(days=7))
    approve(stage, application, DAY)
    return application, person


@pytest.mark.parametrize(
    ("account", "code", "says", "field"),
    [
        (None, "instrument.account", "은행을 선택", "bank_code"),
        (
            BankAccount(bank_code="999", number="1", birth_date="8001"),
            "instrument.account", "7~14", "account_number",
        ),
        (
            BankAccount(bank_code="088", number="110234567890", birth_date="801301"),
            "instrument.account", "생년월일", "birth_date",
        ),
        (
            BankAccount(bank_code="088", number="110234569991", birth_date="800101"),
            "instrument.account_holder", "예금주는 본인인증한 김담당 님이 아닙니다", "account_number",
        ),
        (
            BankAccount(bank_code="088", number="110234569999", birth_date="800101"),
            "instrument.account", "없는 계좌", "account_number",
        ),
        (
            BankAccount(bank_code="088", number="110234569995", birth_date="800101"),
            "instrument.bank_down", "은행이 지금 응답하지 않습니다", "",
        ),
        (
            BankAccount(bank_code="088", number="110234569993", birth_date="800101"),
            "instrument.refused", "연결할 수 없는 계좌", "",
        ),
    ],
    ids=["none", "form", "birth", "another's", "unknown", "bank down", "issuer says no"],
)  # fmt: skip
def test_an_account_that_is_not_the_verified_persons(
    stage: joining.Stage, sandbox: str, account: BankAccount | None, code: str, says: str, field: str
) -> None:
    """R-INS-4: in the name of the verified person, here a staff member, on an account of that person."""
    _, person = with_personal_card(stage, verified_as=VerifiedAs.STAFF, verified_name="김담당")
    with pytest.raises(Refusal, match=code) as refusal:
        ask(person, at(DAY), account)
    assert says in " ".join([refusal.value.text, *refusal.value.fields.values()])
    assert not field or field in refusal.value.fields
    instrument = instruments.own(actor=person)
    assert instrument is not None and (instrument.state, instrument.requested_at) == (CHOSEN, None)
    assert ask(person, at(DAY, 12)).state is REQUESTED


def test_the_issuer_is_told_whose_account_it_is(stage: joining.Stage, sandbox: str) -> None:
    """R-INS-4, R-AUD-1: encrypted at rest, masked in the trail, the birth date nowhere."""
    _, person = with_personal_card(stage, verified_name="김대표")
    instrument = ask(person, at(DAY))
    assert (instrument.account_holder, instrument.account_number) == ("김대표", "110234567890")
    assert told(sandbox, instrument) == {"bankCode": "088", "last4": "7890"}
    raw = db.session.connection().exec_driver_sql(
        "SELECT account_number FROM instrument WHERE id = %s", (instrument.id,)
    )
    assert b"110234567890" not in bytes(raw.scalar_one())
    trail = db.session.scalars(
        select(AuditRow).where(AuditRow.entity == "instrument", AuditRow.entity_id == instrument.id)
    )
    written = str([row.change for row in trail])
    assert "7890" in written and "110234567890" not in written and "800101" not in written


def told(sandbox: str, instrument: Instrument) -> Any:
    answer = httpx.get(
        f"{sandbox}/card/v1/issues/{instrument.issuer_reference}", auth=("sandbox-card-key", "")
    )
    return answer.raise_for_status().json()["account"]


def test_other_kinds_need_no_account(stage: joining.Stage, sandbox: str) -> None:
    application, person = applicant(stage)
    choose(person, PREPAID, DAY - timedelta(days=7))
    approve(stage, application, DAY)
    instrument = ask(person, at(DAY), None)
    assert (instrument.state, instrument.account_number) == (REQUESTED, None)
    with pytest.raises(Conflict, match="instrument.no_account"):
        change(person, at(DAY, 12))


def change(person: Actor, when: datetime, number: str = "1002-987-654321") -> Instrument:
    with clock.at(when):
        other = BankAccount(bank_code="020", number=number, birth_date="800101")
        return instrument_accounts.change(actor=person, account=other)


def test_the_account_changes_while_the_card_is_on_its_way(stage: joining.Stage, sandbox: str) -> None:
    """R-SCR-2: an edit of the account lands in the history and flags the case to the agency."""
    application, person = with_personal_card(stage)
    with pytest.raises(Conflict, match="instrument.no_account"):
        change(person, at(DAY))
    ask(person, at(DAY))
    assert application.flagged_at is None
    with pytest.raises(InvalidInput, match="instrument.account_holder"):
        change(person, at(DAY, 11), "100298769991")
    assert application.flagged_at is None
    instrument = change(person, at(DAY, 12))
    assert told(sandbox, instrument) == {"bankCode": "020", "last4": "4321"}
    assert application.flagged_at == at(DAY, 12)
    entry = company_edits.edits(actor=person, company_id=application.company_id)[0]
    assert (entry.label, entry.before, entry.after) == (
        "카드 연결계좌", "신한은행 ****7890", "우리은행 ****4321"
    )  # fmt: skip
    notices = select(Notice.text).where(Notice.company_id == application.company_id)
    assert any("계좌가 바뀌었습니다" in text for text in db.session.scalars(notices))
    applications.clear_flag(actor=stage.reviewer, application_id=application.id)
    change(person, at(DAY, 13))
    assert application.flagged_at is None  # the same account is no edit


def test_once_the_card_is_there_the_issuer_changes_the_account(stage: joining.Stage, sandbox: str) -> None:
    """Nobody else can: also where the platform has not heard yet that the card has come."""
    application, person = with_personal_card(stage)
    ask(person, at(DAY))
    arrived = at(DAY + timedelta(days=3))
    with pytest.raises(Refusal, match="instrument.refused") as refusal:
        change(person, arrived)
    assert "1544-7000" in refusal.value.text
    assert refreshed(person, arrived) is ISSUED
    with pytest.raises(Conflict, match="instrument.change_account.state") as refusal:
        change(person, arrived)
    assert "1544-7000" in refusal.value.text and application.flagged_at is None


def test_asked_again_after_a_lost_answer_it_is_the_same_request(
    stage: joining.Stage, sandbox: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R-INS-4: one card, on the account of the first request, however often the button is pressed."""
    _, person = with_personal_card(stage)
    asked: list[str] = []
    real = instrument_issue._ask_issuer

    def loses(request: Any) -> str:
        asked.append(real(request))
        if len(asked) == 1:
            raise Refusal("instrument.unavailable", "발급 기관이 지금 응답하지 않습니다.")
        return asked[-1]

    monkeypatch.setattr(instrument_issue, "_ask_issuer", loses)
    with pytest.raises(Refusal, match="instrument.unavailable"):
        ask(person, at(DAY))
    again = ask(person, at(DAY, 11), BankAccount(bank_code="004", number="99912345678", birth_date="800101"))
    assert asked[0] == asked[1] == again.issuer_reference
    assert (again.bank_code, again.requested_at) == ("088", at(DAY))
