"""The account behind the personal check card: of the verified person, checked at the bank (R-INS-4)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime

from app import clock, gateways, policy
from app.db import db, lock, transaction
from app.errors import Conflict, InvalidInput, NotFound, Refusal
from app.gateways.card import LinkedAccount
from app.gateways.errors import GatewayError, Refused, korean_for
from app.models.applications import Application
from app.models.companies import Company
from app.models.numbers import digits
from app.models.vouchers import Instrument, InstrumentKind
from app.models.vouchers import InstrumentState as State
from app.policy import Actor, Permission
from app.workflows import account_questions, applications, company_edits, instruments, lifecycle
from app.workflows.instruments import INSTRUMENT
from app.workflows.slip_snapshots import BANKS

_NUMBER = re.compile(r"[0-9]{7,14}")


@dataclass(frozen=True, kw_only=True)
class BankAccount:
    """What the person types. The birth date is for the bank's question only and is kept nowhere."""

    bank_code: str
    number: str = field(repr=False)
    birth_date: str = field(repr=False)
    """Six digits, YYMMDD."""


def check(*, actor: Actor, company_id: int, account: BankAccount | None, holder: str) -> LinkedAccount:
    """Ask the bank whose account it is; outside any transaction, and no more often than a person needs.

    Raises InvalidInput `instrument.account`, `instrument.account_holder`, Conflict `instrument.bank_down`,
    `instrument.too_many`.
    """
    account = account or BankAccount(bank_code="", number="", birth_date="")
    number, birth = digits(account.number), digits(account.birth_date)
    _check_form(account.bank_code, number, birth)
    asked = _written(account.bank_code, number)
    account_questions.count(actor=actor, company_id=company_id, account=asked)
    try:
        answer = gateways.get().bank.holder(
            bank_code=account.bank_code, account_number=number, identity_number=birth, expected_name=holder
        )
    except Refused as refused:
        if refused.code == "BANK_NOT_AVAILABLE":
            account_questions.give_back(actor=actor, company_id=company_id)
            raise _bank_down(refused.korean) from refused
        fields = {"account_number": refused.korean}
        raise InvalidInput("instrument.account", refused.korean, fields=fields) from refused
    except GatewayError as error:
        account_questions.give_back(actor=actor, company_id=company_id)
        raise _bank_down(korean_for("BANK_NOT_AVAILABLE")) from error
    if not answer.matches:
        text = (
            f"이 계좌의 예금주는 본인인증한 {holder} 님이 아닙니다. 개인체크카드는 본인인증한 사람의 "
            "계좌에만 연결할 수 있으니 그 사람의 계좌를 입력해 주세요."
        )
        raise InvalidInput("instrument.account_holder", text, fields={"account_number": text})
    return LinkedAccount(bank_code=account.bank_code, number=number, holder_name=holder)


def _bank_down(text: str) -> Conflict:
    """At its field, so that the form comes back with what was typed."""
    return Conflict("instrument.bank_down", text, fields={"account_number": text})


def _check_form(bank_code: str, number: str, birth: str) -> None:
    wrong = {}
    if bank_code not in BANKS:
        wrong["bank_code"] = "은행을 선택해 주세요."
    if not _NUMBER.fullmatch(number):
        wrong["account_number"] = "계좌번호를 숫자 7~14자리로 입력해 주세요."
    if not _is_day(birth):
        wrong["birth_date"] = "생년월일을 숫자 6자리로 입력해 주세요. 예) 800101"
    if wrong:
        text = "개인체크카드를 연결할 계좌를 확인해 주세요."
        raise InvalidInput("instrument.account", text, fields=wrong)


def _is_day(birth: str) -> bool:
    try:
        datetime.strptime(birth, "%y%m%d")  # noqa: DTZ007 (a day has no zone)
    except ValueError:
        return False
    return len(birth) == 6


def columns(account: LinkedAccount) -> dict[str, str]:
    """As an instrument keeps it."""
    return {
        "bank_code": account.bank_code,
        "account_number": account.number,
        "account_holder": account.holder_name,
    }


def kept(instrument: Instrument) -> LinkedAccount | None:
    if not (instrument.bank_code and instrument.account_number and instrument.account_holder):
        return None
    return LinkedAccount(
        bank_code=instrument.bank_code,
        number=instrument.account_number,
        holder_name=instrument.account_holder,
    )


def write(account: LinkedAccount | None) -> str | None:
    """`신한은행 ****6789`: how a person sees it again."""
    if account is None:
        return None
    return _written(account.bank_code, account.number)


def _written(bank_code: str, number: str) -> str:
    return f"{BANKS.get(bank_code, bank_code)} ****{number[-4:]}"


def change(*, actor: Actor, account: BankAccount) -> Instrument:
    """Name another account while the card is on its way; the issuer is told first, the agency flagged.

    Raises as `check`, and Conflict `instrument.not_verified`, `instrument.no_account` (another kind, or not
    asked for yet), `instrument.change_account.state` (the card is there: the issuer changes it), Refusal
    `instrument.refused`, `instrument.unavailable`.
    """
    policy.require(actor, Permission.INSTRUMENT_MANAGE)
    with transaction():
        instrument, company = _changeable(actor)
        instrument_id, issue_id = instrument.id, instrument.issuer_reference or ""
        company_id = company.id
        before, name = kept(instrument), instruments.holder(instrument.kind, company)
    linked = check(actor=actor, company_id=company_id, account=account, holder=name)
    if linked == before:
        return db.session.get_one(Instrument, instrument_id)
    _tell_issuer(issue_id, linked)
    with transaction():
        application = lock(Application, applications.own(actor=actor).id)
        lock(Company, application.company_id)
        fired = lifecycle.fire(
            INSTRUMENT, instrument_id, "change_account", actor=actor, changes=columns(linked)
        )
        company_edits.account_changed(application, before=write(before), after=write(linked), actor=actor)
    return fired  # type: ignore[no-any-return]


def _changeable(actor: Actor) -> tuple[Instrument, Company]:
    instrument = instruments.own(actor=actor)
    if instrument is None:
        raise NotFound()
    if instrument.kind is not InstrumentKind.PERSONAL_CHECK or instrument.state is State.CHOSEN:
        raise Conflict(
            "instrument.no_account",
            "연결된 계좌가 없습니다. 계좌는 신한개인체크카드의 발급을 신청할 때 입력합니다.",
        )
    if instrument.state is State.ISSUED:
        raise Conflict(
            "instrument.change_account.state",
            "카드가 발급된 뒤에는 이 화면에서 계좌를 바꿀 수 없습니다. 신한카드(1544-7000)에 문의해 주세요.",
        )
    company = db.session.get_one(Company, instrument.company_id)
    instruments.refuse_unverified(instrument.kind, company)
    return instrument, company


def _tell_issuer(issue_id: str, account: LinkedAccount) -> None:
    now = clock.now()
    try:
        gateways.get().card.change_account(issue_id=issue_id, account=account, requested_at=now)
    except Refused as error:
        raise Refusal("instrument.refused", error.korean) from error
    except GatewayError as error:
        raise Refusal(
            "instrument.unavailable",
            "신한카드가 지금 응답하지 않아 계좌를 바꾸지 못했습니다. 잠시 뒤 다시 시도해 주세요.",
        ) from error
