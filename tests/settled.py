"""Set-up for tests of evaluation, slips and settlement: paid deals, their money where a payment puts it."""

from __future__ import annotations

import itertools
import secrets
from datetime import date, datetime

from sqlalchemy import select

from app import clock
from app.db import db, transaction
from app.models.applications import ApplicationState
from app.models.catalogue import Supplier
from app.models.companies import Company
from app.models.deals import Deal, DealState
from app.models.holds import HoldSource, SettlementHold
from app.models.ledger import JournalKind, LedgerAccount
from app.models.payments import Payment, PaymentState, Slip, SlipKind
from app.models.programme import Agency, Programme
from app.models.record import OutboxMessage
from app.models.settlements import SettlementBatch
from app.models.statements import StatementFile, StatementState, StatementSystem
from app.models.tax_invoices import TaxInvoice
from app.models.vouchers import InstrumentKind, Voucher, VoucherState
from app.policy import CLOCK, Actor, Role
from app.workflows import (
    holds,
    ledger,
    settlement,
    settlement_bank,
    slips,
    tax_invoice_checks,
    tax_invoices,
)
from app.workflows.tax_invoice_checks import Said
from tests import factories

_serial = itertools.count(1)


def make_paid(
    programme: Programme,
    supplier: Supplier,
    amount: int = 1_100_000,
    *,
    paid_at: datetime | None = None,
    company: Company | None = None,
    instrument: InstrumentKind = InstrumentKind.CORPORATE_CHECK,
) -> Payment:
    """A paid deal of `amount` won, a tenth of it the company's own share."""
    paid_at = paid_at or clock.now()
    with transaction():
        company = company or factories.make_company(programme_id=programme.id)
        offering = factories.make_offering(supplier=supplier, price=amount)
        deal = Deal(
            programme_id=programme.id,
            company_id=company.id,
            supplier_id=supplier.id,
            offering_id=offering.id,
            version_id=offering.current_version_id,
            state=DealState.PAID,
            memo="상담을 부탁드립니다.",
            requested_at=paid_at,
            plan_id=offering.current_version.plans[0].id,
            quantity=1,
            amount=amount,
            tax=0,
            period_from=clock.korean_day(paid_at),
            period_to=clock.add_months(clock.korean_day(paid_at), 12),
        )
        db.session.add(deal)
        db.session.flush()
        payment = _payment(deal, _voucher(programme, company), amount, paid_at, instrument)
        _post(payment)
        return payment


def _voucher(programme: Programme, company: Company) -> Voucher:
    """A spent voucher's row: its own money is no matter of these tests."""
    found = db.session.query(Voucher).filter_by(company_id=company.id).one_or_none()
    if found:
        return found
    application = factories.make_application(company=company, state=ApplicationState.APPROVED)
    agency = db.session.get_one(Agency, company.agency_id)
    voucher = Voucher(
        programme_id=programme.id,
        company_id=company.id,
        agency_id=company.agency_id,
        agency_budget_id=factories.make_agency_budget(programme=programme, agency=agency).id,
        application_id=application.id,
        state=VoucherState.SPENT,
        granted_grant=0,
        granted_share=0,
        selected_on=clock.today(),
        first_payment_by=clock.now(),
        full_use_by=clock.now(),
    )
    db.session.add(voucher)
    db.session.flush()
    return voucher


def _payment(
    deal: Deal, voucher: Voucher, amount: int, paid_at: datetime, instrument: InstrumentKind
) -> Payment:
    payment = Payment(
        programme_id=deal.programme_id,
        deal_id=deal.id,
        voucher_id=voucher.id,
        company_id=deal.company_id,
        supplier_id=deal.supplier_id,
        instrument_kind=instrument,
        state=PaymentState.PAID,
        idempotency_key=secrets.token_hex(8),
        order_id=f"KV-{next(_serial):010}-{secrets.token_hex(3)}",
        grant_part=amount - amount // 10,
        share_part=amount // 10,
        tax_part=0,
        pressed_at=paid_at,
        paid_at=paid_at,
        approval_number=f"{next(_serial):08}",
        card_last4="1234",
    )
    db.session.add(payment)
    db.session.flush()
    return payment


def _post(payment: Payment) -> None:
    legs = ledger.move(
        (LedgerAccount.FUNDING, payment.programme_id),
        (LedgerAccount.PAYABLE, payment.supplier_id),
        payment.total,
    )
    key = f"payment:payment:{payment.id}"
    ledger.post(key, JournalKind.PAYMENT, legs, programme_id=payment.programme_id, actor=CLOCK)


def cancel(payment: Payment) -> None:
    """The supplier's cancellation, as the ledger and the rows show it afterwards."""
    with transaction():
        payment.state = PaymentState.CANCELLED
        payment.cancelled_at = clock.now()
        payment.cancel_reason = "계약 해지"
        payment.deal.state = DealState.PAYMENT_CANCELLED
        legs = ledger.move(
            (LedgerAccount.PAYABLE, payment.supplier_id),
            (LedgerAccount.FUNDING, payment.programme_id),
            payment.total,
        )
        key = f"cancellation:payment:{payment.id}"
        ledger.post(key, JournalKind.CANCELLATION, legs, programme_id=payment.programme_id, actor=CLOCK)


def have_file(day: date, system: StatementSystem = StatementSystem.CARD, *, matched: bool = True) -> None:
    """A day's file of one system is here, with nothing in it."""
    name = f"{system.value}_{day:%Y%m%d}.csv"
    file = StatementFile(system=system, day=day, state=StatementState.TAKEN, file_name=name, sha256=name)
    file.rows = file.charged = file.cancelled = file.fee = 0
    file.errors, file.taken_at = [], clock.now()
    if matched:
        file.state, file.matched_at = StatementState.MATCHED, clock.now()
    with transaction() as session:
        session.add(file)


class Officers:
    """Two finance officers: what one drafts, the other approves, and takes the bank's answer to."""

    def __init__(self) -> None:
        self.drafter: Actor = factories.make_actor(Role.FINANCE_OFFICER)
        self.approver: Actor = factories.make_actor(Role.FINANCE_OFFICER)

    def approved(self, programme: Programme) -> SettlementBatch:
        """A batch of all that is ripe today, approved."""
        built = settlement.build(actor=self.drafter, cutoff=clock.today(), programme_id=programme.id)
        assert built.batch is not None
        settlement.submit(actor=self.drafter, batch_id=built.batch.id)
        return settlement.approve(actor=self.approver, batch_id=built.batch.id)

    def exported(self, programme: Programme) -> tuple[SettlementBatch, bytes]:
        batch = self.approved(programme)
        return batch, settlement_bank.export_bank_file(actor=self.drafter, batch_id=batch.id).content

    def settled(self, programme: Programme, *failures: str) -> SettlementBatch:
        """A batch whose every transfer succeeded, but those to accounts that end in one of `failures`."""
        batch, sent = self.exported(programme)
        content = bank_answer(sent, *failures)
        name = f"{batch.number}.csv"
        settlement_bank.import_result(actor=self.approver, batch_id=batch.id, content=content, file_name=name)
        return batch


def bank_answer(sent: bytes, *failures: str) -> bytes:
    """What the bank would answer to a transfer file."""
    lines = [line.split(",") for line in sent.decode().split("\r\n") if line]
    out = [",".join([*lines[0], "RESULT"])]
    for line in lines[1:-1]:
        good = not line[3].endswith(failures) if failures else True
        code = "0000,정상처리" if good else "0011,계좌없음"
        out.append(f"D,{line[1]},{line[6]},{line[4]},{code}")
    out.append(",".join(lines[-1]))
    return ("\r\n".join(out) + "\r\n").encode()


def issue_slips(payment_id: int) -> dict[SlipKind, Slip]:
    """What the outbox does of a payment's slips: numbers them. They are not drawn yet."""
    query = select(OutboxMessage).where(OutboxMessage.kind == "issue_slips").order_by(OutboxMessage.id)
    for message in db.session.scalars(query).all():
        if message.payload["payment_id"] == payment_id:
            slips.issue_asked(message.payload, message.key)
    return slips.for_payments([payment_id]).get(payment_id, {})


def give_invoice(payment: Payment, *, supply_off: int = 0) -> TaxInvoice:
    """The supplier's tax invoice of a payment by ZeroPay, once it is cancelled the one that takes it back;
    `supply_off`: so many won beside what is right."""
    seller = factories.make_actor(Role.SUPPLIER, supplier_id=payment.supplier_id)
    fits = tax_invoice_checks.wanted(payment, negative=payment.state is PaymentState.CANCELLED)
    said = Said(
        number=f"{fits.day:%Y%m%d}{next(_serial):016}",
        issued_on=fits.day,
        # Entered without the minus, which follows from the cancellation.
        supply=abs(fits.supply) + supply_off,
        tax=abs(fits.tax),
        total=abs(fits.total) + supply_off,
    )
    return tax_invoices.enter(actor=seller, payment_id=payment.id, said=said)


class Holders:
    """Two who hold payments back and let them go: one asks, the other releases (R-SET-4)."""

    def __init__(self) -> None:
        self.first: Actor = factories.make_actor(Role.PROGRAMME_MANAGER)
        self.second: Actor = factories.make_actor(Role.FINANCE_OFFICER)

    def place(self, payment_id: int, source: HoldSource = HoldSource.MANUAL) -> SettlementHold:
        return holds.place(
            actor=self.first, payment_id=payment_id, source=source, reason="확인이 필요합니다."
        )

    def release(self, hold: SettlementHold) -> SettlementHold:
        holds.ask_release(actor=self.first, hold_id=hold.id, reason="이상이 없습니다.")
        return holds.release(actor=self.second, hold_id=hold.id)
