"""The settlement as an ORM application writes it: rows read, summed in Python, added, flushed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, timedelta

from sqlalchemy import exists, select
from sqlalchemy.orm import Session, joinedload

from app import clock
from app.db import db
from app.documents.slip_data import SettledItem, SettlementPaper
from app.models.catalogue import Supplier
from app.models.deals import Deal
from app.models.holds import SettlementHold
from app.models.ledger import Journal, JournalKind, LedgerAccount, Posting
from app.models.payments import Payment, PaymentState, Slip, SlipKind, SlipNumber
from app.models.programme import Programme
from app.models.settlements import (
    BatchState,
    Evaluation,
    LineState,
    SettlementBatch,
    SettlementItem,
    SettlementLine,
)
from app.models.tax_invoices import InvoiceState, TaxInvoice
from app.models.usage import UsageReport
from app.policy import Actor
from app.workflows import shares, slip_snapshots, slips


def settle(*, programme_id: int, cutoff: date, drafter: Actor, approver: Actor) -> None:
    """With care: one read for all, one flush for each table, no query inside a loop."""
    with Session(db.engine) as session:
        programme = session.get_one(Programme, programme_id)
        batch = SettlementBatch(
            programme_id=programme_id,
            number=f"S{programme.year}-P",
            cutoff=cutoff,
            state=BatchState.DRAFTED,
            drafted_by_id=drafter.id,
            drafted_at=clock.now(),
        )
        session.add(batch)
        session.flush()
        by_supplier: dict[int, list[Payment]] = defaultdict(list)
        for payment in _ripe(session, programme, cutoff):
            by_supplier[payment.supplier_id].append(payment)
        lines = _lines(session, batch, programme, by_supplier)
        session.add_all(
            SettlementItem(payment_id=payment.id, line_id=line.id, amount=payment.total)
            for line in lines
            for payment in by_supplier[line.supplier_id]
        )
        session.flush()
        batch.state, batch.approved_by_id, batch.approved_at = BatchState.APPROVED, approver.id, clock.now()
        session.flush()
        _post(session, batch, lines, approver)
        _statements(session, batch, lines, by_supplier)
        session.commit()


def _ripe(session: Session, programme: Programme, cutoff: date) -> list[Payment]:
    until = clock.end_of(cutoff)
    aged = until - timedelta(days=programme.settlement_use_days)
    invoiced = set(
        session.scalars(
            select(TaxInvoice.payment_id).where(
                TaxInvoice.modify_code.is_(None),
                TaxInvoice.state.in_((InvoiceState.MATCHED, InvoiceState.ACCEPTED)),
            )
        )
    )
    held = set(session.scalars(select(SettlementHold.payment_id).where(SettlementHold.released_at.is_(None))))
    evaluated = set(session.scalars(select(Evaluation.deal_id).where(Evaluation.at < until)))
    reported = set(session.scalars(select(UsageReport.deal_id).where(UsageReport.logins > 0)))
    paid = (
        select(Payment)
        .where(
            Payment.programme_id == programme.id,
            Payment.state == PaymentState.PAID,
            Payment.paid_at < until,
            ~exists().where(SettlementItem.payment_id == Payment.id),
        )
        .order_by(Payment.id)
        .options(joinedload(Payment.deal).options(joinedload(Deal.company), joinedload(Deal.offering)))
    )
    return [
        payment
        for payment in session.scalars(paid)
        if payment.paid_at is not None
        and (payment.paid_at < aged or payment.deal_id in evaluated or payment.deal_id in reported)
        and (payment.instrument_kind.is_card or payment.id in invoiced)
        and payment.id not in held
    ]


def _lines(
    session: Session, batch: SettlementBatch, programme: Programme, by_supplier: dict[int, list[Payment]]
) -> list[SettlementLine]:
    suppliers = session.scalars(select(Supplier).where(Supplier.id.in_(by_supplier)).order_by(Supplier.id))
    lines = []
    for supplier in suppliers:
        if supplier.account_verified_at is None or not supplier.bank_code or not supplier.account_number:
            continue
        gross = sum(payment.total for payment in by_supplier[supplier.id])
        fee = gross * programme.settlement_fee_bp // 10_000
        lines.append(
            SettlementLine(
                batch_id=batch.id,
                supplier_id=supplier.id,
                supplier=supplier,
                state=LineState.PLANNED,
                gross=gross,
                fee=fee,
                clawback=0,
                carried=0,
                net=gross - fee,
                bank_code=supplier.bank_code,
                account_number=supplier.account_number,
                account_holder=supplier.account_holder,
            )
        )
    session.add_all(lines)
    session.flush()
    return lines


def _post(session: Session, batch: SettlementBatch, lines: Sequence[SettlementLine], approver: Actor) -> None:
    journals = [
        Journal(
            event_key=f"settlement:settlement_line:{line.id}",
            programme_id=batch.programme_id,
            kind=JournalKind.SETTLEMENT,
            at=clock.now(),
            actor_id=approver.id,
        )
        for line in lines
    ]
    session.add_all(journals)
    session.flush()
    for journal, line in zip(journals, lines, strict=True):
        legs = (
            (LedgerAccount.PAYABLE, line.supplier_id, -line.net),
            (LedgerAccount.TRANSFER, line.id, line.net),
            (LedgerAccount.PAYABLE, line.supplier_id, -line.fee),
            (LedgerAccount.FEE, batch.programme_id, line.fee),
        )
        session.add_all(
            Posting(journal_id=journal.id, account=account, owner_id=owner, amount=amount)
            for account, owner, amount in legs
            if amount
        )
    session.flush()


def _statements(
    session: Session,
    batch: SettlementBatch,
    lines: Sequence[SettlementLine],
    by_supplier: dict[int, list[Payment]],
) -> None:
    numbers = session.get(SlipNumber, (batch.programme_id, SlipKind.SETTLEMENT), with_for_update=True)
    if numbers is None:
        numbers = SlipNumber(programme_id=batch.programme_id, kind=SlipKind.SETTLEMENT, last=0)
        session.add(numbers)
    for line in lines:
        numbers.last += 1
        session.add(
            Slip(
                programme_id=batch.programme_id,
                kind=SlipKind.SETTLEMENT,
                number=numbers.last,
                code=slips.new_code(),
                supplier_id=line.supplier_id,
                line_id=line.id,
                data=_paper(batch, line, by_supplier[line.supplier_id], numbers.last).dump(),
                issued_at=clock.now(),
            )
        )
    session.flush()


def _paper(
    batch: SettlementBatch, line: SettlementLine, payments: Sequence[Payment], number: int
) -> SettlementPaper:
    code = slips.new_code()
    return SettlementPaper(
        stamp=slip_snapshots.stamp(
            batch.programme_id, number=f"S-{number:06}", code=code, url=code, demonstration=False
        ),
        supplier=slip_snapshots.supplier_party(line.supplier),
        batch=batch.number,
        cutoff=clock.write_day(batch.cutoff),
        approved_on=clock.write_day(clock.today()),
        bank=line.bank_code,
        account=slip_snapshots.masked_account(line.account_number),
        holder=line.account_holder,
        items=tuple(
            SettledItem(
                paid_on=f"{clock.korean_day(payment.paid_at or payment.pressed_at):%Y.%m.%d.}",
                buyer=payment.deal.company.name,
                item=payment.deal.offering.name,
                amount=payment.total,
                supply=value.supply,
                tax=value.tax,
                approval_number=payment.approval_number or payment.order_id,
            )
            for payment in payments
            for value in [shares.supply_and_tax(amount=payment.amount, tax=payment.tax_part)]
        ),
        gross=line.gross,
        carried=0,
        fee=line.fee,
        clawback=0,
        total=line.net,
    )
