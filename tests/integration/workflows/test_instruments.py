"""What the four kinds of instrument do on each day, and when one can be chosen (R-INS-1 to R-INS-4).

The programme is that of 2020: prepaid and corporate check card open on Monday 2020-11-02.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

import httpx
import pytest

from app import clock
from app.db import db
from app.errors import Conflict, InvalidInput, Refusal
from app.models.applications import ApplicationState as State
from app.models.companies import Company
from app.models.deals import Deal, DealState
from app.models.vouchers import InstrumentKind, InstrumentState
from app.policy import Actor
from app.workflows import (
    instrument_issue,
    instruments,
    payments,
)
from tests import factories
from tests.integration.workflows import instruments_stage, joining
from tests.integration.workflows.instruments_stage import (
    CHOSEN,
    CORPORATE,
    DAY,
    ISSUED,
    OPENS,
    PERSONAL,
    PREPAID,
    REQUESTED,
    ZEROPAY,
    applicant,
    approve,
    ask,
    at,
    choose,
    refreshed,
)

pytestmark = pytest.mark.usefixtures("tx")

stage = instruments_stage.stage


# --- which can be chosen on which day (R-INS-1) -------------------------------------------------------

EVE = OPENS - timedelta(days=1)
CAN_BE_CHOSEN = [
    # kind, the day before, the opening day
    pytest.param(PERSONAL, True, True, id="신한개인체크카드"),
    pytest.param(PREPAID, False, True, id="신한선불형카드"),
    pytest.param(CORPORATE, False, True, id="신한법인체크카드"),
    pytest.param(ZEROPAY, True, True, id="제로페이"),
]


@pytest.mark.parametrize(("kind", "on_the_eve", "on_the_day"), CAN_BE_CHOSEN)
def test_which_kinds_open_when(
    stage: joining.Stage, kind: InstrumentKind, on_the_eve: bool, on_the_day: bool
) -> None:
    """R-INS-1, to the minute: 23:59 of the day before is before."""
    for when, expected in ((at(EVE, 23, 59), on_the_eve), (at(OPENS, 0), on_the_day)):
        _, person = applicant(stage)
        with clock.at(when):
            assert {c.kind: c.open for c in instruments.choices(stage.programme)}[kind] is expected
            if expected:
                assert instruments.choose(actor=person, kind=kind).state is CHOSEN
                continue
            with pytest.raises(InvalidInput, match="instrument.not_open") as refusal:
                instruments.choose(actor=person, kind=kind)
        assert "2020.11.02.(월)부터 선택할 수 있습니다." in refusal.value.text


# --- what becomes of it from day to day (R-INS-4) -----------------------------------------------------

TOMORROW = "instrument.tomorrow"
DAY_BY_DAY = [
    # kind, chosen, asked on the day of 승인, asked on the day after, three days after that, to complete it
    pytest.param(PERSONAL, "가입 때", REQUESTED, None, ISSUED, "", id="신한개인체크카드, 가입 때 선택"),
    pytest.param(PERSONAL, "승인 뒤", TOMORROW, REQUESTED, ISSUED, "", id="신한개인체크카드, 승인 뒤 선택"),
    pytest.param(PREPAID, "가입 때", REQUESTED, None, ISSUED, "", id="신한선불형카드, 가입 때 선택"),
    pytest.param(PREPAID, "승인 뒤", TOMORROW, REQUESTED, ISSUED, "", id="신한선불형카드, 승인 뒤 선택"),
    pytest.param(
        CORPORATE, "가입 때", REQUESTED, None, REQUESTED, "영업점", id="신한법인체크카드, 가입 때 선택"
    ),
    pytest.param(
        CORPORATE, "승인 뒤", TOMORROW, REQUESTED, REQUESTED, "영업점", id="신한법인체크카드, 승인 뒤 선택"
    ),
    pytest.param(ZEROPAY, "가입 때", ISSUED, None, ISSUED, "", id="제로페이, 가입 때 선택"),
    pytest.param(ZEROPAY, "승인 뒤", ISSUED, None, ISSUED, "", id="제로페이, 승인 뒤 선택"),
]


@pytest.mark.parametrize(
    ("kind", "chosen", "on_the_day", "day_after", "three_later", "completed"), DAY_BY_DAY
)
def test_day_by_day(
    stage: joining.Stage,
    sandbox: str,
    kind: InstrumentKind,
    chosen: str,
    on_the_day: InstrumentState | str,
    day_after: InstrumentState | None,
    three_later: InstrumentState,
    completed: str,
) -> None:
    """R-INS-4: a card from the day after the choice, ZeroPay at once; no payment before it is issued."""
    application, person = applicant(stage)
    if chosen == "가입 때":
        choose(person, kind, DAY - timedelta(days=7))
    approve(stage, application, DAY)
    if chosen == "승인 뒤":
        choose(person, kind, DAY)
    assert pays(person, at(DAY, 11), kind) == "payment.not_issued"

    asked = at(DAY, 23, 59)
    if isinstance(on_the_day, str):
        with pytest.raises(Conflict, match=on_the_day) as refusal:
            ask(person, asked)
        assert "2020.11.17.(화)" in refusal.value.text
        asked = at(DAY + timedelta(days=1), 0)
    assert ask(person, asked).state is (day_after or on_the_day)

    just_before = asked + timedelta(days=instruments.DELIVERY_DAYS, seconds=-1)
    assert refreshed(person, just_before) is (ISSUED if kind is ZEROPAY else REQUESTED)
    assert pays(person, just_before, kind) == ("" if kind is ZEROPAY else "payment.not_issued")
    there = just_before + timedelta(seconds=1)
    assert refreshed(person, there) is three_later
    if completed == "영업점":
        visit_the_branch(sandbox, person)
        assert refreshed(person, there) is ISSUED
    assert pays(person, there, kind) == ""


def visit_the_branch(sandbox: str, person: Actor) -> None:
    found = instruments.own(actor=person)
    assert found is not None
    assert httpx.post(f"{sandbox}/card/branch/{found.issuer_reference}").status_code == 303


def pays(person: Actor, when: datetime, kind: InstrumentKind) -> str:
    """The code with which a payment is refused; empty where its money is held."""
    company_id = person.company_id or 0
    offering = factories.make_offering()
    deal = Deal(
        programme_id=db.session.get_one(Company, company_id).programme_id,
        company_id=company_id,
        supplier_id=offering.supplier_id,
        offering_id=offering.id,
        version_id=offering.current_version_id,
        state=DealState.BILLED,
        memo="",
        requested_at=when,
        billed_at=when,
        due_at=when + timedelta(days=2),
        amount=1_000_000,
        tax=0,
    )
    db.session.add(deal)
    db.session.commit()
    key = f"{deal.id}"
    try:
        with clock.at(when):
            payments.hold(
                actor=person, deal_id=deal.id, idempotency_key=key, order_id=f"order-{key}", card=kind.is_card
            )
    except Refusal as refusal:
        return refusal.code
    return ""


def test_a_kind_that_k_startup_named_early_waits_for_its_day(stage: joining.Stage, sandbox: str) -> None:
    """R-INS-1, R-KST-2: chosen there before the platform opened it."""
    application, person = applicant(stage)
    instrument = factories.make_instrument(company=application.company, kind=PREPAID, state=CHOSEN)
    instrument.chosen_at = at(date(2020, 10, 20))
    db.session.commit()
    approve(stage, application, date(2020, 10, 20))
    with pytest.raises(Conflict, match=TOMORROW) as refusal:
        ask(person, at(EVE))
    assert "2020.11.02.(월)부터" in refusal.value.text
    assert ask(person, at(OPENS)).state is REQUESTED


# --- until when it can be changed (R-INS-2) -----------------------------------------------------------

CHANGES = [
    # state, with one chosen: can it be changed? without one: can it be chosen?
    pytest.param(State.NOT_APPLIED, True, True, id="신청 전"),
    pytest.param(State.SCREENING, True, True, id="심사중"),
    pytest.param(State.ON_HOLD, True, True, id="심사보류"),
    pytest.param(State.SCREENED, False, False, id="심사확정"),
    pytest.param(State.APPROVED, False, True, id="승인"),
    pytest.param(State.REJECTED, False, False, id="심사탈락"),
]


@pytest.mark.parametrize(("state", "change", "first"), CHANGES)
def test_until_when_it_can_be_changed(stage: joining.Stage, state: State, change: bool, first: bool) -> None:
    """R-INS-2: until 심사확정; from then on, and once chosen after 승인, never."""
    for has_one, allowed in ((True, change), (False, first)):
        application, person = applicant(stage, state)
        if has_one:
            factories.make_instrument(company=application.company, kind=ZEROPAY, state=CHOSEN)
            db.session.commit()
        if allowed:
            assert choose(person, PERSONAL, DAY).kind is PERSONAL
        else:
            with pytest.raises(Conflict, match="instrument.fixed"):
                choose(person, PERSONAL, DAY)
        if state is State.APPROVED:
            with pytest.raises(Conflict, match="instrument.fixed"):
                choose(person, CORPORATE, DAY)


@pytest.mark.parametrize("state", [state for state in State if state is not State.APPROVED])
def test_no_issue_before_approval(stage: joining.Stage, state: State) -> None:
    """R-INS-3: the refusal names the state."""
    application, person = applicant(stage, state)
    factories.make_instrument(company=application.company, kind=ZEROPAY, state=CHOSEN)
    db.session.commit()
    with pytest.raises(Conflict, match="instrument.not_approved") as refusal:
        ask(person, at(DAY))
    assert f"'{state.label}'" in refusal.value.text


def test_zeropays_wallet_bears_the_companys_name(stage: joining.Stage, sandbox: str) -> None:
    """R-INS-4"""
    application, person = applicant(stage)
    choose(person, ZEROPAY, DAY - timedelta(days=7))
    approve(stage, application, DAY)
    ask(person, at(DAY), None)
    wallet = instrument_issue.wallet(actor=person)
    assert wallet is not None and wallet.balance == 0
    assert wallet.virtual_account.holder_name == application.company.name
