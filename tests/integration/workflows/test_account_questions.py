"""How often a company may ask the bank whose an account is (R-INS-4, R-AUD-1)."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from app import clock
from app.db import db
from app.errors import Conflict, Refusal
from app.models.record import AuditRow
from app.models.vouchers import InstrumentState
from app.policy import Actor
from app.workflows import account_questions
from app.workflows.account_questions import MOST_PER_DAY, MOST_PER_HOUR
from app.workflows.instrument_accounts import BankAccount
from tests.integration.workflows import instruments_stage, joining
from tests.integration.workflows.instruments_stage import (
    DAY,
    PERSONAL,
    applicant,
    approve,
    ask,
    at,
    choose,
)

pytestmark = pytest.mark.usefixtures("tx")
ANOTHERS = BankAccount(bank_code="088", number="110234569991", birth_date="800101")
BANK_DOWN = BankAccount(bank_code="088", number="110234569995", birth_date="800101")
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=clock.KST)


class RealTime:
    def __init__(self) -> None:
        self.now = NOON

    def pass_(self, **span: int) -> None:
        self.now += timedelta(**span)


@pytest.fixture
def real(monkeypatch: pytest.MonkeyPatch) -> RealTime:
    time = RealTime()
    monkeypatch.setattr(clock, "real_now", lambda: time.now)
    return time


stage = instruments_stage.stage


def holder_of_a_card(stage: joining.Stage) -> Actor:
    application, person = applicant(stage)
    choose(person, PERSONAL, DAY - timedelta(days=7))
    approve(stage, application, DAY)
    return person


def refused(person: Actor, account: BankAccount = ANOTHERS) -> Refusal:
    with pytest.raises(Refusal) as refusal:
        ask(person, at(DAY), account)
    return refusal.value


def test_nobody_fishes_for_account_holders(stage: joining.Stage, sandbox: str, real: RealTime) -> None:
    """A handful an hour; then it says when to go on, at the field, and the right account waits as well."""
    person = holder_of_a_card(stage)
    for _ in range(MOST_PER_HOUR):
        assert refused(person).code == "instrument.account_holder"
        real.pass_(minutes=5)
    blocked = refused(person, BankAccount(bank_code="088", number="110234567890", birth_date="800101"))
    assert isinstance(blocked, Conflict) and blocked.code == "instrument.too_many"
    assert "한 시간에 5번" in blocked.text and "35분 뒤에 다시" in blocked.text
    assert blocked.fields == {"account_number": blocked.text}
    real.pass_(minutes=34)
    assert "1분 뒤에 다시" in refused(person).text
    real.pass_(minutes=1)
    assert ask(person, at(DAY)).state is InstrumentState.REQUESTED


def test_the_day_has_its_limit_too(stage: joining.Stage, sandbox: str, real: RealTime) -> None:
    person = holder_of_a_card(stage)
    for _ in range(MOST_PER_DAY):
        assert refused(person).code == "instrument.account_holder"
        real.pass_(hours=1)
    blocked = refused(person)
    assert blocked.code == "instrument.too_many" and "14시간 0분 뒤" in blocked.text
    real.pass_(hours=14)
    assert refused(person).code == "instrument.account_holder"


def test_what_the_bank_left_open_and_what_was_typed_wrong_do_not_count(
    stage: joining.Stage, sandbox: str, real: RealTime
) -> None:
    person = holder_of_a_card(stage)
    for _ in range(MOST_PER_HOUR + 1):
        assert refused(person, BANK_DOWN).code == "instrument.bank_down"
    typo = BankAccount(bank_code="088", number="1", birth_date="800101")
    for _ in range(MOST_PER_HOUR + 1):
        assert refused(person, typo).code == "instrument.account"
    assert ask(person, at(DAY)).state is InstrumentState.REQUESTED


def test_each_company_has_its_own(stage: joining.Stage, sandbox: str, real: RealTime) -> None:
    eager, other = holder_of_a_card(stage), holder_of_a_card(stage)
    for _ in range(MOST_PER_HOUR):
        refused(eager)
    assert refused(eager).code == "instrument.too_many"
    assert ask(other, at(DAY)).state is InstrumentState.REQUESTED


def test_the_questions_stand_in_the_trail_masked(stage: joining.Stage, sandbox: str, real: RealTime) -> None:
    """R-AUD-1: who asked about which account; the number and the birth date are nowhere."""
    person = holder_of_a_card(stage)
    refused(person)
    row = select(AuditRow).where(AuditRow.action == account_questions._ASKED)
    [asked] = db.session.scalars(row)
    assert (asked.entity, asked.entity_id, asked.actor_id) == ("company", person.company_id, person.id)
    assert asked.change == {"account": [None, "신한은행 ****9991"]}
