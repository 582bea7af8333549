"""Payment instruments: choice, issue, and when one can pay (R-INS-1 to R-INS-4)."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import func, select

from app import clock, gateways, policy
from app.db import db, lock, transaction
from app.errors import Conflict, InvalidInput, NotFound, Refusal
from app.gateways.errors import GatewayError, Refused
from app.gateways.zeropay import Wallet
from app.models.applications import Application
from app.models.applications import ApplicationState as Applied
from app.models.companies import Company
from app.models.programme import Programme
from app.models.vouchers import Instrument, InstrumentKind
from app.models.vouchers import InstrumentState as State
from app.policy import CLOCK, Actor, Permission
from app.workflows import applications, lifecycle
from app.workflows.lifecycle import Edge, Lifecycle, Tell

log = logging.getLogger(__name__)

_ISSUED = Tell(to="company", text="결제수단이 발급되었습니다. 이제 서비스를 결제할 수 있습니다.")

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

    Raises Denied, NotFound, InvalidInput `instrument.not_open`, Conflict `instrument.fixed`.
    """
    policy.require(actor, Permission.INSTRUMENT_MANAGE)
    with transaction():
        application = lock(Application, applications.own(actor=actor).id)
        check_open(kind, application.company.programme)
        instrument = own(actor=actor)
        _refuse_fixed(application.state, instrument)
        if instrument is None:
            instrument = Instrument(
                company_id=application.company_id, kind=kind, state=State.CHOSEN, chosen_at=clock.now()
            )
            lifecycle.begin(INSTRUMENT, instrument, actor=actor, action="choose")
        elif instrument.kind is not kind:
            changes = {"kind": kind, "chosen_at": clock.now()}
            lifecycle.fire(INSTRUMENT, instrument.id, "change", actor=actor, changes=changes)
        return instrument


def _refuse_fixed(state: Applied, instrument: Instrument | None) -> None:
    first_choice = instrument is None and state is Applied.APPROVED
    if state in _CHANGEABLE or first_choice:
        return
    text = f"현재 상태가 '{state.label}'이라서 결제수단을 선택할 수 없습니다."
    if instrument is not None:
        text = f"결제수단({instrument.kind.label})은 심사확정된 뒤에는 바꿀 수 없습니다."
    elif state is Applied.SCREENED:
        text = "심사확정되었습니다. 결제수단은 승인된 뒤 '바우처 신청'에서 선택해 주세요."
    raise Conflict("instrument.fixed", text)


@dataclass(frozen=True)
class _Request:
    """What the issuer is told, taken down before it is asked: no transaction is open then."""

    instrument_id: int
    kind: InstrumentKind
    holder: str
    business_number: str
    reference: str
    requested_at: datetime


def request_issue(*, actor: Actor) -> Instrument:
    """'바우처 신청': ask for the issue. ZeroPay opens at once; a card from the day after the choice.

    Asking again after a lost answer finds the first issue. Raises Conflict `instrument.not_approved`,
    `instrument.none`, `instrument.tomorrow`, `instrument.request.state`; Refusal `instrument.refused`,
    `instrument.unavailable`.
    """
    policy.require(actor, Permission.INSTRUMENT_MANAGE)
    with transaction():
        request = _prepare(actor)
    changes: dict[str, Any] = {"issuer_reference": _ask_issuer(request)}
    action = "request" if request.kind.is_card else "open"
    if not request.kind.is_card:
        changes["issued_at"] = clock.now()
    return lifecycle.fire(INSTRUMENT, request.instrument_id, action, actor=actor, changes=changes)  # type: ignore[no-any-return]


def _prepare(actor: Actor) -> _Request:
    application = applications.own(actor=actor)
    if application.state is not Applied.APPROVED:
        raise Conflict(
            "instrument.not_approved",
            f"현재 상태가 '{application.state.label}'이라서 바우처 신청을 할 수 없습니다. "
            "승인된 뒤에 신청해 주세요.",
        )
    instrument = own(actor=actor)
    if instrument is None:
        raise Conflict("instrument.none", "결제수단을 먼저 선택해 주세요.")
    INSTRUMENT.pick("request", instrument.state)
    first = clock.korean_day(instrument.chosen_at) + timedelta(days=1)
    if instrument.kind.is_card and clock.today() < first:
        text = f"신한카드는 선택한 다음 날({clock.write_day(first)})부터 발급을 신청할 수 있습니다."
        raise Conflict("instrument.tomorrow", text)
    # Kept before the issuer is asked: asking again after a lost answer must be the same request.
    instrument = lock(Instrument, instrument.id)
    instrument.requested_at = instrument.requested_at or clock.now()
    company = db.session.get_one(Company, instrument.company_id)
    return _Request(
        instrument_id=instrument.id,
        kind=instrument.kind,
        holder=_holder(instrument.kind, company),
        business_number=company.business_number,
        reference=f"company-{company.id}",
        requested_at=instrument.requested_at,
    )


def _holder(kind: InstrumentKind, company: Company) -> str:
    """The personal check card bears the verified person's name (R-INS-4), all else the company's."""
    if kind is InstrumentKind.PERSONAL_CHECK:
        return company.verified_name or company.representative
    return company.name


def _ask_issuer(request: _Request) -> str:
    # One key for one request, however often it is repeated; after a definite no, the next is another one.
    key = f"issue:{request.instrument_id}:{request.requested_at.timestamp():.0f}"
    try:
        if not request.kind.is_card:
            wallet = gateways.get().zeropay.open_wallet(
                reference=request.reference, holder_name=request.holder, idempotency_key=key
            )
            return wallet.wallet_id
        issue = gateways.get().card.request_issue(
            kind=request.kind.value,
            holder_name=request.holder,
            business_number=request.business_number,
            reference=request.reference,
            requested_at=request.requested_at,
            idempotency_key=key,
        )
        return issue.issue_id
    except Refused as error:
        _forget(request)
        raise Refusal("instrument.refused", error.korean) from error
    except GatewayError as error:
        log.warning("issuer does not answer", extra={"instrument_id": request.instrument_id})
        raise Refusal(
            "instrument.unavailable",
            "발급 기관이 지금 응답하지 않습니다. 신청은 한 번만 접수되니 잠시 뒤 다시 눌러 주세요.",
        ) from error


def _forget(request: _Request) -> None:
    with transaction():
        lock(Instrument, request.instrument_id).requested_at = None


def refresh_issues(*, limit: int = 200) -> int:
    """Ask the card company for what was requested; returns how many are issued now. For the clock.

    In random order: cards that nobody fetches at a branch must not keep the newer ones from being asked for.
    """
    with transaction():
        waiting = select(Instrument.id).where(Instrument.state == State.REQUESTED)
        keys = list(db.session.scalars(waiting.order_by(func.random()).limit(limit)))
    return sum(_refresh(key) for key in keys)


def refresh_own(*, actor: Actor) -> Instrument | None:
    """The same for the company that looks at its page."""
    with transaction():
        instrument = own(actor=actor)
        waiting = instrument is not None and instrument.state is State.REQUESTED
        key = instrument.id if instrument is not None else 0
    if waiting:
        _refresh(key)
    return own(actor=actor)


def _refresh(instrument_id: int) -> bool:
    with transaction():
        reference = db.session.get_one(Instrument, instrument_id).issuer_reference or ""
    now = clock.now()
    try:
        issue = gateways.get().card.issue_state(issue_id=reference, at=now)
    except GatewayError:
        log.warning("issue cannot be asked for", extra={"instrument_id": instrument_id})
        return False  # asked again by the next round
    if issue.state != "ISSUED":
        return False
    with transaction():
        instrument = lock(Instrument, instrument_id)
        if instrument.state is not State.REQUESTED:
            return False
        lifecycle.fire(INSTRUMENT, instrument_id, "issue", actor=CLOCK, changes={"issued_at": now})
        return True


def wallet(*, actor: Actor) -> Wallet | None:
    """ZeroPay's wallet: what is held, and the virtual account. None where it cannot be asked now."""
    with transaction():
        instrument = own(actor=actor)
        if instrument is None:
            raise NotFound()
        reference = None if instrument.kind.is_card else instrument.issuer_reference
    if not reference:
        return None
    try:
        return gateways.get().zeropay.wallet(wallet_id=reference)
    except GatewayError:
        log.warning("wallet cannot be asked for", extra={"company_id": actor.company_id})
        return None
