"""Payments that look wrong wait, with the evidence, until a person decides (R-SET-4).

Signals add up to a score, by which the queue is ordered. A score opens a case and holds its payments; what
they are, a person says, and two let the money go. An address alone opens nothing.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import TextClause, select, text

from app import clock, policy
from app.db import db, lock, transaction
from app.errors import Conflict, Denied, InvalidInput
from app.models.catalogue import Supplier
from app.models.holds import HoldSource, HoldState, SettlementHold
from app.models.suspicion import SignalKind, Suspicion, SuspicionSignal, SuspicionState
from app.policy import CLOCK, Actor, Permission
from app.workflows import company_edits, holds, lifecycle, record, suspicion_sql
from app.workflows.lifecycle import Edge, Lifecycle

log = logging.getLogger(__name__)

OPENS = 3
"""The score from which on a case is opened."""
MINUTES = 30
"""How soon after the issue spending counts as sudden."""
PERCENT = 90
"""How much of the voucher, spent that soon, counts as the whole."""
DAYS_OF_ADDRESSES = 30
MOST_FROM_ONE_ADDRESS = 5
"""Companies at one network address; more are an office building or a carrier, and say nothing."""
LONGEST_REASON = 1000

SUSPICION = Lifecycle(
    "suspicion",
    Suspicion,
    (SuspicionState.OPEN,),
    (
        Edge(
            action="clear",
            label="이상 없음",
            source=SuspicionState.OPEN,
            target=SuspicionState.CLEARED,
            permission=Permission.SUSPICION_DECIDE,
            needs_reason=True,
            confirm="이상 없음으로 결정할까요? 결정은 되돌릴 수 없습니다. 보류한 결제는 해제를 요청하고, "
            "다른 담당자가 '지급 보류'에서 해제해야 지급됩니다.",
        ),
        Edge(
            action="confirm",
            label="부정 확인",
            source=SuspicionState.OPEN,
            target=SuspicionState.CONFIRMED,
            permission=Permission.SUSPICION_DECIDE,
            needs_reason=True,
            confirm="부정으로 결정할까요? 결정은 되돌릴 수 없습니다. 결제는 계속 보류됩니다.",
        ),
    ),
)

_STATEMENTS: dict[SignalKind, TextClause] = {
    SignalKind.LOOKALIKE: suspicion_sql.LOOKALIKE,
    SignalKind.FAST: suspicion_sql.FAST,
    SignalKind.ADDRESS: suspicion_sql.ADDRESS,
    SignalKind.ROUND_TRIP: suspicion_sql.ROUND_TRIP,
    SignalKind.REPORTED: suspicion_sql.REPORTED,
}


@dataclass(frozen=True)
class Looked:
    """What one look brought."""

    signals: int
    opened: int
    held: int


def look() -> Looked:
    """Look at every payment whose money is still here; looked again, nothing is added."""
    with transaction() as session:
        # One look at a time: two would open the same case.
        session.execute(text("SELECT pg_advisory_xact_lock(hashtext('suspicion'))"))
        for statement in (suspicion_sql.ROOM, suspicion_sql.FORGET, suspicion_sql.SUSPECT):
            session.execute(statement)
        session.execute(suspicion_sql.ANALYZE)
        signals = _gather()
        opened = _open_cases(signals) if signals else 0
    return Looked(len(signals), opened, _hold_payments())


def _gather() -> list[int]:
    """The signals that are new, or that grew."""
    phones, since = _phones(), clock.real_now() - timedelta(days=DAYS_OF_ADDRESSES)
    by_kind: dict[SignalKind, dict[str, Any]] = {
        SignalKind.LOOKALIKE: {
            "phone_suppliers": [supplier for supplier, _ in phones],
            "phone_indexes": [index for _, index in phones],
        },
        SignalKind.FAST: {"minutes": MINUTES, "percent": PERCENT},
        SignalKind.ADDRESS: {
            "since": since,
            "first_row": db.session.execute(suspicion_sql.FIRST_ROW, {"since": since}).scalar_one(),
            "most": MOST_FROM_ONE_ADDRESS,
        },
    }
    found: list[int] = []
    for kind, statement in _STATEMENTS.items():
        about = {"kind": kind.value, "at": clock.now()} | by_kind.get(kind, {})
        found += db.session.execute(statement, about).scalars()
    return found


def _phones() -> list[tuple[int, bytes]]:
    """Suppliers' numbers as the companies' are indexed: a contact's is encrypted, and read here alone."""
    suppliers = list(db.session.execute(suspicion_sql.SUPPLIERS).scalars())
    rows = db.session.execute(
        select(Supplier.id, Supplier.phone, Supplier.contact_phone).where(Supplier.id.in_(suppliers))
    )
    pairs = [(key, number) for key, *numbers in rows for number in numbers if number]
    indexed = [(key, company_edits.phone_index(number)) for key, number in pairs]
    return [(key, index) for key, index in indexed if index is not None]


def _open_cases(seen: list[int]) -> int:
    opened = 0
    for pair in db.session.execute(suspicion_sql.LOOSE, {"opens": OPENS, "seen": seen}).all():
        key = pair.open_id
        if key is None:
            case = Suspicion(
                programme_id=pair.programme_id,
                company_id=pair.company_id,
                supplier_id=pair.supplier_id,
                state=SuspicionState.OPEN,
                score=pair.score,
                opened_at=clock.now(),
            )
            lifecycle.begin(SUSPICION, case, actor=CLOCK, action="found")
            key, opened = case.id, opened + 1
        else:
            lock(Suspicion, key)
            record.write(
                SUSPICION.entity, key, "add_signals", actor=CLOCK, change={"signals": (0, len(pair.signals))}
            )
        db.session.execute(suspicion_sql.TAKE_UP, {"id": key, "signals": pair.signals})
        db.session.execute(suspicion_sql.SCORE, {"id": key})
    db.session.expire_all()
    return opened


def _hold_payments() -> int:
    """Each by itself: one that was paid out or cancelled a moment ago must not keep the others free."""
    with transaction() as session:
        waiting = session.execute(suspicion_sql.TO_HOLD).all()
    held = 0
    for payment_id, suspicion_id in waiting:
        try:
            holds.place(
                actor=CLOCK,
                payment_id=payment_id,
                source=HoldSource.SUSPICION,
                reason=f"의심 거래 {suspicion_id}번 확인",
            )
        except Conflict as refusal:
            log.info("a suspicious payment cannot be held", extra={"code": refusal.code})
        else:
            held += 1
    return held


def take(*, actor: Actor, suspicion_id: int) -> Suspicion:
    """Make the case one's own; from a colleague too, on record. Raises Denied, NotFound, Conflict."""
    policy.require(actor, Permission.SUSPICION_DECIDE)
    with transaction():
        case = lock(Suspicion, suspicion_id)
        if case.state is not SuspicionState.OPEN:
            raise Conflict("suspicion.take.state", "이미 결정된 사건입니다. 화면을 새로 고쳐 확인해 주세요.")
        if case.owner_id != actor.id:
            record.write(
                SUSPICION.entity,
                case.id,
                "take_case",
                actor=actor,
                change={"owner_id": (case.owner_id, actor.id)},
            )
            case.owner_id = actor.id
        return case


def clear(*, actor: Actor, suspicion_id: int, reason: str) -> Suspicion:
    """Nothing wrong: another person is asked to let the held payments go. Raises as `lifecycle.fire`."""
    with transaction():
        case = _decide(actor, suspicion_id, "clear", reason)
        for hold_id in _held(case.id):
            holds.ask_release(actor=actor, hold_id=hold_id, reason=reason)
        return case


def confirm(*, actor: Actor, suspicion_id: int, reason: str) -> Suspicion:
    """Abuse: the payments stay held, until they are cancelled. Raises as `lifecycle.fire`."""
    return _decide(actor, suspicion_id, "confirm", reason)


def _decide(actor: Actor, suspicion_id: int, action: str, reason: str) -> Suspicion:
    if len(reason.strip()) > LONGEST_REASON:
        said = f"사유는 {LONGEST_REASON:,}자까지 쓸 수 있습니다."
        raise InvalidInput("suspicion.reason", said, fields={"reason": said})
    if actor.id is None:
        raise Denied()
    changes = {"reason": reason.strip(), "decided_by_id": actor.id, "decided_at": clock.now()}
    case = lifecycle.fire(SUSPICION, suspicion_id, action, actor=actor, reason=reason, changes=changes)
    if not isinstance(case, Suspicion):
        raise TypeError("not a case of suspicion")
    return case


def _held(suspicion_id: int) -> list[int]:
    statement = (
        select(SettlementHold.id)
        .where(
            SettlementHold.source == HoldSource.SUSPICION,
            SettlementHold.state == HoldState.PLACED,
            SettlementHold.payment_id.in_(
                select(SuspicionSignal.payment_id).where(SuspicionSignal.suspicion_id == suspicion_id)
            ),
            # What another case found to be abuse stays held, whatever this one says of it.
            SettlementHold.payment_id.not_in(
                select(SuspicionSignal.payment_id)
                .join(Suspicion, Suspicion.id == SuspicionSignal.suspicion_id)
                .where(Suspicion.state == SuspicionState.CONFIRMED)
            ),
        )
        .order_by(SettlementHold.id)
    )
    return list(db.session.scalars(statement))
