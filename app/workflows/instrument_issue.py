"""The issue of an instrument: asked for here, completed by the issuer's report (R-INS-3, R-INS-4)."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select

from app import clock, gateways, policy
from app.db import db, lock, transaction
from app.errors import Conflict, NotFound, Refusal
from app.gateways.card import LinkedAccount
from app.gateways.errors import GatewayError, Refused
from app.gateways.zeropay import Wallet
from app.korean import with_topic
from app.models.applications import ApplicationState as Applied
from app.models.companies import Company
from app.models.vouchers import Instrument, InstrumentKind
from app.models.vouchers import InstrumentState as State
from app.policy import CLOCK, Actor, Permission
from app.workflows import applications, instrument_accounts, instruments, lifecycle
from app.workflows.instrument_accounts import BankAccount
from app.workflows.instruments import INSTRUMENT

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Request:
    """What the issuer is told, taken down before it is asked: no transaction is open then."""

    instrument_id: int
    kind: InstrumentKind
    holder: str
    business_number: str
    reference: str
    requested_at: datetime
    account: LinkedAccount | None


def request(*, actor: Actor, account: BankAccount | None = None) -> Instrument:
    """'발급신청': ZeroPay opens at once; a card can be asked for from the day after the choice.

    The personal check card needs the verified person's account, which the bank is asked about first; asked
    again after a lost answer it is the same request, with the account of the first. Raises Conflict
    `instrument.not_approved`, `.none`, `.not_verified`, `.not_out`, `.tomorrow`, `.request.state`; Refusal
    `instrument.refused`, `.unavailable`; as `instrument_accounts.check`.
    """
    policy.require(actor, Permission.INSTRUMENT_MANAGE)
    with transaction():
        instrument, company = _ready(actor)
        needs = instruments.needs_account(instrument)
        company_id, name = company.id, instruments.holder(instrument.kind, company)
    linked = None
    if needs:
        linked = instrument_accounts.check(actor=actor, company_id=company_id, account=account, holder=name)
    with transaction():
        asked = _prepare(actor, linked)
    changes: dict[str, Any] = {"issuer_reference": _ask_issuer(asked)}
    action = "request" if asked.kind.is_card else "open"
    if not asked.kind.is_card:
        changes["issued_at"] = clock.now()
    return lifecycle.fire(INSTRUMENT, asked.instrument_id, action, actor=actor, changes=changes)  # type: ignore[no-any-return]


def _ready(actor: Actor) -> tuple[Instrument, Company]:
    application = applications.own(actor=actor)
    if application.state is not Applied.APPROVED:
        raise Conflict(
            "instrument.not_approved",
            f"현재 상태가 '{application.state.label}'이라서 바우처 신청을 할 수 없습니다. "
            "승인된 뒤에 신청해 주세요.",
        )
    instrument = instruments.own(actor=actor)
    if instrument is None:
        raise Conflict("instrument.none", "결제수단을 먼저 선택해 주세요.")
    INSTRUMENT.pick("request", instrument.state)
    company = application.company
    instruments.refuse_unverified(instrument.kind, company)
    first = instruments.issued_from(instrument, company.programme)
    if first is None:
        raise Conflict("instrument.not_out", f"{instrument.kind.label}: 아직 출시 전이라 신청할 수 없습니다.")
    if clock.today() < first:
        text = f"신한카드는 선택한 다음 날({clock.write_day(first)})부터 발급을 신청할 수 있습니다."
        if first > clock.korean_day(instrument.chosen_at) + timedelta(days=1):
            kind = with_topic(instrument.kind.label)
            text = f"{kind} {clock.write_day(first)}부터 발급을 신청할 수 있습니다."
        raise Conflict("instrument.tomorrow", text)
    return instrument, company


def _prepare(actor: Actor, linked: LinkedAccount | None) -> _Request:
    """Kept before the issuer is asked: asking again after a lost answer must be the same request."""
    instrument, company = _ready(actor)
    instrument = lock(Instrument, instrument.id)
    INSTRUMENT.pick("request", instrument.state)
    if instrument.requested_at is None:
        if linked is not None:
            changes = instrument_accounts.columns(linked)
            lifecycle.fire(INSTRUMENT, instrument.id, "account", actor=actor, changes=changes)
        instrument.requested_at = clock.now()
    return _Request(
        instrument_id=instrument.id,
        kind=instrument.kind,
        holder=instruments.holder(instrument.kind, company),
        business_number=company.business_number,
        reference=f"company-{company.id}",
        requested_at=instrument.requested_at,
        account=instrument_accounts.kept(instrument),
    )


def _ask_issuer(asked: _Request) -> str:
    # One key for one request, however often it is repeated; after a definite no, the next is another one.
    key = f"issue:{asked.instrument_id}:{asked.requested_at.timestamp():.6f}"
    try:
        if not asked.kind.is_card:
            wallet = gateways.get().zeropay.open_wallet(
                reference=asked.reference, holder_name=asked.holder, idempotency_key=key
            )
            return wallet.wallet_id
        issue = gateways.get().card.request_issue(
            kind=asked.kind.value,
            holder_name=asked.holder,
            business_number=asked.business_number,
            reference=asked.reference,
            requested_at=asked.requested_at,
            account=asked.account,
            idempotency_key=key,
        )
        return issue.issue_id
    except Refused as error:
        _forget(asked)
        raise Refusal("instrument.refused", error.korean) from error
    except GatewayError as error:
        log.warning("issuer does not answer", extra={"instrument_id": asked.instrument_id})
        raise Refusal(
            "instrument.unavailable",
            "발급 기관이 지금 응답하지 않습니다. 신청은 한 번만 접수되니 잠시 뒤 다시 눌러 주세요.",
        ) from error


def _forget(asked: _Request) -> None:
    with transaction():
        lock(Instrument, asked.instrument_id).requested_at = None


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
        instrument = instruments.own(actor=actor)
        waiting = instrument is not None and instrument.state is State.REQUESTED
        key = instrument.id if instrument is not None else 0
    if waiting:
        _refresh(key)
    return instruments.own(actor=actor)


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
        instrument = instruments.own(actor=actor)
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
