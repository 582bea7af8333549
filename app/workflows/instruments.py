"""Payment instruments: which there are, the choice, and from which day one is issued (R-INS-1 to R-INS-4).

The issue itself is instrument_issue.py, the account of the personal check card instrument_accounts.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import select

from app import clock, policy
from app.db import db, lock, transaction
from app.errors import Conflict, InvalidInput
from app.models.applications import Application
from app.models.applications import ApplicationState as Applied
from app.models.companies import Company
from app.models.programme import Programme
from app.models.vouchers import Instrument, InstrumentKind
from app.models.vouchers import InstrumentState as State
from app.policy import Actor, Permission
from app.workflows import applications, lifecycle
from app.workflows.lifecycle import Edge, Lifecycle, Tell

_ISSUED = Tell(to="company", text="결제수단이 발급되었습니다. 이제 서비스를 결제할 수 있습니다.")

_ACCOUNT = Tell(
    to="company",
    text="카드에 연결할 계좌가 바뀌었습니다. 직접 바꾸지 않았다면 신한카드(1544-7000)에 바로 알려 주세요.",
)

INSTRUMENT = Lifecycle(
    "instrument",
    Instrument,
    (State.CHOSEN,),
    (
        Edge(
            action="change",
            label="결제수단 변경",
            source=State.CHOSEN,
            target=State.CHOSEN,
            permission=Permission.INSTRUMENT_MANAGE,
        ),
        Edge(
            action="account",
            label="연결계좌 등록",
            source=State.CHOSEN,
            target=State.CHOSEN,
            permission=Permission.INSTRUMENT_MANAGE,
        ),
        Edge(
            action="change_account",
            label="연결계좌 변경",
            source=State.REQUESTED,
            target=State.REQUESTED,
            permission=Permission.INSTRUMENT_MANAGE,
            tell=(_ACCOUNT,),
        ),
        Edge(
            action="request",
            label="발급신청",
            source=State.CHOSEN,
            target=State.REQUESTED,
            permission=Permission.INSTRUMENT_MANAGE,
        ),
        Edge(
            action="open",
            label="상품권 개설",
            source=State.CHOSEN,
            target=State.ISSUED,
            permission=Permission.INSTRUMENT_MANAGE,
            tell=(_ISSUED,),
        ),
        Edge(
            action="issue",
            label="발급완료",
            source=State.REQUESTED,
            target=State.ISSUED,
            permission=Permission.CLOCKWORK,
            tell=(_ISSUED,),
        ),
    ),
)

_LATER = (InstrumentKind.PREPAID, InstrumentKind.CORPORATE_CHECK)
_CHANGEABLE = (Applied.NOT_APPLIED, Applied.SCREENING, Applied.ON_HOLD)
DELIVERY_DAYS = 3
"""About so long a card is on its way (R-INS-4); the issuer's own report counts."""


@dataclass(frozen=True)
class Choice:
    kind: InstrumentKind
    open: bool
    opens_on: date | None
    """Set where it opens later."""


def choices(programme: Programme) -> list[Choice]:
    """What can be chosen today; two kinds open on a day of the programme (R-INS-1)."""
    found = []
    for kind in InstrumentKind:
        opens_on = programme.card_opens_on if kind in _LATER else None
        is_open = kind not in _LATER or (opens_on is not None and clock.today() >= opens_on)
        found.append(Choice(kind, is_open, None if is_open else opens_on))
    return found


def check_open(kind: InstrumentKind, programme: Programme) -> None:
    """Raises InvalidInput `instrument.not_open`."""
    choice = next(c for c in choices(programme) if c.kind is kind)
    if not choice.open:
        when = (
            f"{clock.write_day(choice.opens_on)}부터 선택할 수 있습니다."
            if choice.opens_on
            else "아직 출시 전입니다."
        )
        text = f"{kind.label}: {when} 다른 결제수단을 선택해 주세요."
        raise InvalidInput("instrument.not_open", text, fields={"instrument": text})


def of_company(company_id: int | None) -> Instrument | None:
    return db.session.scalar(select(Instrument).where(Instrument.company_id == company_id))


def own(*, actor: Actor) -> Instrument | None:
    return of_company(actor.company_id) if actor.company_id else None


def choose(*, actor: Actor, kind: InstrumentKind) -> Instrument:
    """Choose, or change before 심사확정; from then on, and once chosen after 승인, never (R-INS-2).

    Raises Denied, NotFound, InvalidInput `instrument.not_open`, Conflict `instrument.fixed`,
    `instrument.not_verified`.
    """
    policy.require(actor, Permission.INSTRUMENT_MANAGE)
    with transaction():
        application = lock(Application, applications.own(actor=actor).id)
        check_open(kind, application.company.programme)
        instrument = own(actor=actor)
        _refuse_fixed(application.state, instrument)
        if instrument is None or instrument.kind is not kind:
            refuse_unverified(kind, application.company)
        if instrument is None:
            instrument = Instrument(
                company_id=application.company_id, kind=kind, state=State.CHOSEN, chosen_at=clock.now()
            )
            lifecycle.begin(INSTRUMENT, instrument, actor=actor, action="choose")
        elif instrument.kind is not kind:
            changes = {"kind": kind, "chosen_at": clock.now()}
            lifecycle.fire(INSTRUMENT, instrument.id, "change", actor=actor, changes=changes)
        return instrument


def may_choose(state: Applied, instrument: Instrument | None) -> bool:
    """R-INS-2: until 심사확정, or once after 승인."""
    return state in _CHANGEABLE or (instrument is None and state is Applied.APPROVED)


def _refuse_fixed(state: Applied, instrument: Instrument | None) -> None:
    if may_choose(state, instrument):
        return
    text = f"현재 상태가 '{state.label}'이라서 결제수단을 선택할 수 없습니다."
    if instrument is not None:
        text = f"결제수단({instrument.kind.label})은 심사확정된 뒤에는 바꿀 수 없습니다."
    elif state is Applied.SCREENED:
        text = "심사확정되었습니다. 결제수단은 승인된 뒤 '바우처 신청'에서 선택해 주세요."
    raise Conflict("instrument.fixed", text)


def issued_from(instrument: Instrument, programme: Programme) -> date | None:
    """The first day on which the issue can be asked for (R-INS-4); None where its kind has no day yet.

    ZeroPay at once, a card from the day after the choice, and no card before its kind is out (R-INS-1): a
    list of K-Startup may name one early.
    """
    chosen = clock.korean_day(instrument.chosen_at)
    if not instrument.kind.is_card:
        return chosen
    next_day = chosen + timedelta(days=1)
    if instrument.kind not in _LATER:
        return next_day
    return max(next_day, programme.card_opens_on) if programme.card_opens_on else None


def may_ask(instrument: Instrument | None, programme: Programme) -> bool:
    """Whether '발급신청' stands open today to a company that is 승인."""
    if instrument is None or instrument.state is not State.CHOSEN:
        return False
    first = issued_from(instrument, programme)
    return first is not None and clock.today() >= first


def needs_account(instrument: Instrument) -> bool:
    """Whether '발급신청' asks for an account: not again where the issuer's answer to the first was lost."""
    return instrument.kind is InstrumentKind.PERSONAL_CHECK and instrument.requested_at is None


def account_can_change(instrument: Instrument) -> bool:
    """Only while the card is on its way; before, there is none, and afterwards the issuer changes it."""
    return instrument.kind is InstrumentKind.PERSONAL_CHECK and instrument.state is State.REQUESTED


def lacks_person(company: Company) -> bool:
    """Whether nobody has passed 본인인증 for it: K-Startup's companies never signed up here."""
    return not company.verified_name


def refuse_unverified(kind: InstrumentKind, company: Company) -> None:
    """No personal check card without the person whose name it bears (R-INS-4, R-KST-3).

    Raises Conflict `instrument.not_verified`.
    """
    if kind is InstrumentKind.PERSONAL_CHECK and lacks_person(company):
        text = "신한개인체크카드는 본인인증한 사람의 이름으로 발급됩니다. 본인인증을 먼저 해 주세요."
        raise Conflict("instrument.not_verified", text, fields={"instrument": text})


def holder(kind: InstrumentKind, company: Company) -> str:
    """The personal check card bears the verified person's name (R-INS-4), all else the company's."""
    if kind is InstrumentKind.PERSONAL_CHECK:
        return company.verified_name or ""
    return company.name
