"""A payment as a plain, competent ORM application writes it: load under a lock, check, add objects, flush,
commit. The same two transactions, the same checks and the same rows as ours, with a correct audit chain.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from app import clock
from app.db import db
from app.gateways.payments import Approval
from app.models.catalogue import Offering
from app.models.deals import Deal, DealState
from app.models.ledger import Journal, JournalKind, LedgerAccount, Posting
from app.models.payments import Payment, PaymentState
from app.models.record import AuditRow, Notice, OutboxMessage
from app.models.vouchers import Instrument, InstrumentState, Voucher, VoucherState
from app.policy import CLOCK, Actor

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LIVE = (PaymentState.PENDING, PaymentState.PAID, PaymentState.CANCELLING)
_BALANCES = text(
    "SELECT account, amount FROM lock_balances(ARRAY['voucher_grant', 'voucher_share'], CAST(:id AS bigint))"
)


def hold(*, actor: Actor, deal_id: int, idempotency_key: str, order_id: str) -> tuple[int, int]:
    """The attempt and its money; returns the payment's id and total."""
    now = clock.now()
    with Session(db.engine) as session:
        deal = session.get(Deal, deal_id, with_for_update=True)
        if deal is None or deal.company_id != actor.company_id:
            raise LookupError(deal_id)
        if deal.state is not DealState.BILLED or deal.due_at is None or deal.due_at <= now:
            raise ValueError("no bill that can be paid")
        pressed = select(Payment).where(Payment.idempotency_key == idempotency_key)
        live = select(Payment).where(Payment.deal_id == deal_id, Payment.state.in_(_LIVE))
        if session.scalars(pressed).first() is not None or session.scalars(live).first() is not None:
            raise ValueError("pressed before")
        payment = _payment(session, deal, idempotency_key=idempotency_key, order_id=order_id, now=now)
        session.add(payment)
        session.flush()
        session.add(_audit(session, actor, "payment", payment.id, "begin", {"state": [None, "pending"]}))
        held = (LedgerAccount.HOLD, payment.id)
        grant = (LedgerAccount.VOUCHER_GRANT, payment.voucher_id)
        share = (LedgerAccount.VOUCHER_SHARE, payment.voucher_id)
        tax = (LedgerAccount.COMPANY_TAX, payment.company_id)
        moves = [(grant, held, payment.grant_part), (share, held, payment.share_part)]
        moves += [(tax, held, payment.tax_part)] if payment.tax_part else []
        _post(session, payment, JournalKind.HOLD, moves, actor)
        result = payment.id, payment.total
        session.commit()
    return result


def _payment(session: Session, deal: Deal, *, idempotency_key: str, order_id: str, now: datetime) -> Payment:
    instrument = session.scalars(select(Instrument).where(Instrument.company_id == deal.company_id)).one()
    if instrument.state is not InstrumentState.ISSUED or not instrument.kind.is_card:
        raise ValueError("no card")
    own = select(Voucher).where(Voucher.company_id == deal.company_id).with_for_update()
    voucher = session.scalars(own).one()
    late = voucher.due_at is None or voucher.due_at <= now
    if voucher.state is not VoucherState.USABLE or late or voucher.waiver_requested_at is not None:
        raise ValueError("no voucher that can be spent")
    left = {row.account: row.amount for row in session.execute(_BALANCES, {"id": voucher.id})}
    amount, remains = deal.amount or 0, left["voucher_grant"] + left["voucher_share"]
    if amount > remains:
        raise ValueError("not enough")
    grant = amount * left["voucher_grant"] // remains
    return Payment(
        programme_id=deal.programme_id,
        deal_id=deal.id,
        voucher_id=voucher.id,
        company_id=deal.company_id,
        supplier_id=deal.supplier_id,
        instrument_kind=instrument.kind,
        state=PaymentState.PENDING,
        idempotency_key=idempotency_key,
        order_id=order_id,
        grant_part=grant,
        share_part=amount - grant,
        tax_part=deal.tax or 0,
        pressed_at=now,
        ask_again_at=clock.real_now() + timedelta(seconds=60),
        asked=0,
    )


def settle(*, payment_id: int, approval: Approval, jobs: Sequence[str] = ()) -> None:
    """What the gateway said. `jobs`: the kinds of what is asked of the outbox beside the two SMS."""
    now = clock.now()
    with Session(db.engine) as session:
        payment = session.get_one(Payment, payment_id, with_for_update=True)
        if payment.state is not PaymentState.PENDING or payment.total != approval.amount:
            raise ValueError("the approval does not fit")
        change = {
            "state": ["pending", "paid"],
            "paid_at": [None, approval.approved_at.isoformat()],
            "payment_key": [None, approval.payment_key],
            "approval_number": [None, approval.approval_number],
            "card_last4": [None, approval.last4],
            "ask_again_at": [payment.ask_again_at and payment.ask_again_at.isoformat(), None],
        }
        payment.state, payment.paid_at = PaymentState.PAID, approval.approved_at
        payment.payment_key, payment.approval_number = approval.payment_key, approval.approval_number
        payment.card_last4, payment.ask_again_at = approval.last4, None
        session.add(_audit(session, CLOCK, "payment", payment.id, "succeed", change))
        move = ((LedgerAccount.HOLD, payment.id), (LedgerAccount.PAYABLE, payment.supplier_id), payment.total)
        _post(session, payment, JournalKind.PAYMENT, [move], CLOCK)
        _close(session, payment.deal_id, now)
        voucher = session.get_one(Voucher, payment.voucher_id, with_for_update=True)
        voucher.due_at = voucher.full_use_by
        session.flush()
        if sum(row.amount for row in session.execute(_BALANCES, {"id": voucher.id})) == 0:
            voucher.state, voucher.due_at = VoucherState.SPENT, None
        for place, kind in enumerate(jobs):
            session.add(_message(f"{kind}:{place}:{payment.id}", kind, {"payment_id": payment.id}, now))
        session.commit()


def _close(session: Session, deal_id: int, now: datetime) -> None:
    """The deal is paid, and both sides are told."""
    deal = session.get_one(Deal, deal_id, with_for_update=True)
    if deal.state is not DealState.BILLED:
        raise ValueError("no bill")
    change = {
        "state": ["billed", "paid"],
        "due_at": [deal.due_at and deal.due_at.isoformat(), None],
        "closed_at": [None, now.isoformat()],
    }
    deal.state, deal.due_at, deal.closed_at = DealState.PAID, None, now
    audit = _audit(session, CLOCK, "deal", deal.id, "pay_resolved", change)
    session.add(audit)
    name = session.get_one(Offering, deal.offering_id).name
    for side, words, link in (
        ("company", f"'{name}' 결제가 완료되었습니다.", f"/deals/{deal.id}"),
        ("supplier", f"수요기업이 '{name}' 결제를 완료했습니다.", f"/supply/deals/{deal.id}"),
    ):
        key, party = f"deal:{deal.id}:{audit.seq}:{side}", {f"{side}_id": getattr(deal, f"{side}_id")}
        session.add(Notice(key=key, text=words, link=link, at=now, **party))
        payload = {"company_id": None, "supplier_id": None, "text": words} | party
        session.add(_message(key, "sms", payload, now))


def _post(
    session: Session,
    payment: Payment,
    kind: JournalKind,
    moves: Sequence[tuple[tuple[LedgerAccount, int], tuple[LedgerAccount, int], int]],
    actor: Actor,
) -> None:
    journal = Journal(
        event_key=f"{kind.value}:payment:{payment.id}",
        programme_id=payment.programme_id,
        kind=kind,
        at=clock.now(),
        actor_id=actor.id,
    )
    session.add(journal)
    session.flush()
    for source, target, amount in moves:
        for (account, owner), signed in ((source, -amount), (target, amount)):
            session.add(Posting(journal_id=journal.id, account=account, owner_id=owner, amount=signed))
    session.flush()


def _audit(
    session: Session, actor: Actor, entity: str, key: int, action: str, change: dict[str, Any]
) -> AuditRow:
    newest = (
        select(AuditRow)
        .where(AuditRow.entity == entity, AuditRow.entity_id == key)
        .order_by(AuditRow.seq.desc())
        .limit(1)
    )
    last = session.scalars(newest).first()
    seq, before = (last.seq + 1, bytes(last.hash)) if last else (1, b"")
    now, recorded = clock.now(), clock.real_now()
    # As the database writes JSON: the keys by length, then by letters.
    ordered = {name: change[name] for name in sorted(change, key=lambda name: (len(name), name))}
    instants = [(instant - _EPOCH) // timedelta(microseconds=1) for instant in (now, recorded)]
    what = [entity, key, seq, action, actor.id, actor.name, actor.ip, *instants, None, ordered]
    return AuditRow(
        entity=entity,
        entity_id=key,
        seq=seq,
        action=action,
        actor_id=actor.id,
        actor_name=actor.name,
        ip=actor.ip,
        at=now,
        recorded_at=recorded,
        change=change,
        prev_hash=before or None,
        hash=hashlib.sha256(before + json.dumps(what, ensure_ascii=False).encode()).digest(),
    )


def _message(key: str, kind: str, payload: dict[str, Any], now: datetime) -> OutboxMessage:
    return OutboxMessage(
        key=key, kind=kind, payload=payload, created_at=now, next_try_at=clock.real_now(), tries=0
    )
