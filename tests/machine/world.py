"""A programme of its own for each run of the machine: two suppliers, three companies, one by ZeroPay.

All of it lies in a transaction that is rolled back; the gateways' book keeps its orders.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from types import SimpleNamespace
from typing import Any

from flask import Flask
from sqlalchemy import select, text

from app import clock, gateways
from app.db import db, transaction
from app.models.applications import ApplicationState
from app.models.catalogue import Offering
from app.models.ledger import JournalKind, LedgerAccount
from app.models.payments import Payment
from app.models.programme import Programme, VatMode
from app.models.vouchers import InstrumentKind, InstrumentState
from app.policy import CLOCK, Actor, Role
from app.workflows import ledger, vouchers
from tests import factories, money
from tests.conftest import rolled_back
from tests.machine.model import Model, Voucher
from tests.settled import Holders

BEGIN = datetime(2020, 11, 16, 9, 0, tzinfo=clock.KST)
CAP = 70_000
PRICES = (10_000, 3_337)
FEE_BP, USE_DAYS = 250, 10
_phones = itertools.count(40_000_001)
_runs = itertools.count(1)


@dataclass(frozen=True)
class Buyer:
    """A demand company; `voucher` and `company` are keys."""

    actor: Actor
    company: int
    voucher: int
    phone: str
    zeropay: bool
    wallet: str


@dataclass(frozen=True)
class Seller:
    actor: Actor
    supplier: int
    offering: int
    plan: int
    account_end: str
    """By which a transfer to this supplier is told apart in a bank's file."""


class Stage:
    """The rows, and the model that begins where they begin."""

    def __init__(self, sandbox: str, *, vat_mode: VatMode, share_percent: int) -> None:
        self.sandbox, self.run, self.vat_mode = sandbox, next(_runs), vat_mode
        self.model = Model(fee_bp=FEE_BP, use_days=USE_DAYS)
        with clock.at(BEGIN), transaction():
            programme = factories.make_programme(
                cap=CAP,
                vat_mode=vat_mode,
                company_share_percent=share_percent,
                settlement_fee_bp=FEE_BP,
                settlement_use_days=USE_DAYS,
            )
            self.programme = programme.id
            self.sellers = [self._seller(price) for price in PRICES]
            kinds = [InstrumentKind.PERSONAL_CHECK, InstrumentKind.CORPORATE_CHECK, InstrumentKind.ZEROPAY]
            self.buyers = self._buyers(programme, kinds)
            self.budget_officer = factories.make_actor(Role.BUDGET_OFFICER)
            self.finance = [factories.make_actor(Role.FINANCE_OFFICER) for _ in range(3)]
            self.holders = Holders()

    def _seller(self, price: int) -> Seller:
        supplier = factories.make_supplier()
        offering: Offering = factories.make_offering(supplier=supplier, price=price)
        return Seller(
            actor=factories.make_actor(Role.SUPPLIER, supplier_id=supplier.id),
            supplier=supplier.id,
            offering=offering.id,
            plan=offering.current_version.plans[0].id,
            account_end=(supplier.account_number or "")[-6:],
        )

    def _buyers(self, programme: Programme, kinds: list[InstrumentKind]) -> list[Buyer]:
        agency = factories.make_agency()
        budget = factories.make_agency_budget(programme=programme, agency=agency)
        grant, share = vouchers.worth(programme)
        funds = (LedgerAccount.FUNDING, programme.id), (LedgerAccount.AGENCY_BUDGET, budget.id)
        legs = ledger.move(*funds, grant * len(kinds))
        key = f"allocation:machine:{programme.id}"
        ledger.post(key, JournalKind.ALLOCATION, legs, programme_id=programme.id, actor=CLOCK)
        self.model.move(("funding", programme.id), ("agency_budget", budget.id), grant * len(kinds))
        companies = []
        for _ in kinds:
            phone = f"010{next(_phones)}"
            companies.append(
                factories.make_company(
                    programme_id=programme.id, agency_id=agency.id, payment_contact_phone=phone
                )
            )
        applications = [
            factories.make_application(company=company, state=ApplicationState.APPROVED)
            for company in companies
        ]
        granted = vouchers.grant_many(
            applications,
            programme=programme,
            budget_ids={agency.id: budget.id},
            selected_on={application.id: clock.today() for application in applications},
            actor=CLOCK,
        )
        for voucher in granted:
            self.model.vouchers[voucher.id] = Voucher(
                key=voucher.id,
                company=voucher.company_id,
                budget=budget.id,
                first_by=voucher.first_payment_by,
                full_by=voucher.full_use_by,
                due=voucher.first_payment_by,
            )
            self.model.move(("agency_budget", budget.id), ("voucher_grant", voucher.id), grant)
            self.model.move(("pledge", voucher.company_id), ("voucher_share", voucher.id), share)
        return [self._buyer(*each) for each in zip(companies, granted, kinds, strict=True)]

    def _buyer(self, company: Any, voucher: Any, kind: InstrumentKind) -> Buyer:
        wallet = ""
        instrument = factories.make_instrument(company=company, kind=kind, state=InstrumentState.ISSUED)
        if kind is InstrumentKind.ZEROPAY:
            reference = f"machine-{company.payment_contact_phone}-{self.run}"
            opened = gateways.get().zeropay.open_wallet(
                reference=reference, holder_name=company.name, idempotency_key=reference
            )
            wallet = instrument.issuer_reference = opened.wallet_id
            self.model.zeropay.add(company.id)
        return Buyer(
            actor=factories.make_actor(Role.DEMAND, company_id=company.id),
            company=company.id,
            voucher=voucher.id,
            phone=company.payment_contact_phone,
            zeropay=kind is InstrumentKind.ZEROPAY,
            wallet=wallet,
        )

    def buyer_of(self, company: int) -> Buyer:
        return next(buyer for buyer in self.buyers if buyer.company == company)

    def seller_of(self, supplier: int) -> Seller:
        return next(seller for seller in self.sellers if seller.supplier == supplier)

    def code_for(self, buyer: Buyer) -> str:
        payer: Any = SimpleNamespace(
            sandbox=self.sandbox, company=SimpleNamespace(payment_contact_phone=buyer.phone)
        )
        return money.code_for(payer)

    def order_of(self, payment_id: int) -> str:
        """By which the gateways know it."""
        return db.session.scalars(select(Payment.order_id).where(Payment.id == payment_id)).one()

    def deposit(self, buyer: Buyer, amount: int) -> None:
        url = f"{self.sandbox}/zeropay/wallets/{buyer.wallet}"
        assert money.WEB.post(url, data={"amount": str(amount)}).status_code == 303

    def wallet(self, buyer: Buyer) -> int:
        return gateways.get().zeropay.wallet(wallet_id=buyer.wallet).balance

    def shows(self) -> tuple[dict[tuple[str, int], str], int]:
        """Every account and every state, and how much is written down at all."""
        rows = db.session.execute(_SHOWN).all()
        shown = {(row.what, row.key): row.value for row in rows}
        # A guarded account's kept balance is what its postings sum up to: nothing is left of the two.
        apart = {what: value for what, value in shown.items() if what[0].startswith("kept ")}
        assert not apart, f"kept balances are not the sums of their postings: {apart}"
        return shown, int(shown.pop(("written", 0)))


_SHOWN = text("""
SELECT account AS what, owner_id AS key, CAST(sum(amount) AS text) AS value FROM posting
 GROUP BY account, owner_id HAVING sum(amount) <> 0
UNION ALL
SELECT concat('kept ', coalesce(b.account, s.account)), coalesce(b.owner_id, s.owner_id),
       concat(b.amount, ' ', s.amount)
  FROM ledger_balance b
  FULL JOIN (SELECT account, owner_id, sum(amount) AS amount FROM posting
              WHERE account IN ('programme_budget', 'agency_budget', 'voucher_grant', 'voucher_share',
                                'transfer')
              GROUP BY account, owner_id) s ON s.account = b.account AND s.owner_id = b.owner_id
 WHERE b.amount < 0 OR coalesce(b.amount, 0) <> coalesce(s.amount, 0)
UNION ALL SELECT 'deal', id, state FROM deal
UNION ALL SELECT 'payment', id, concat(state, ' ', grant_part, '+', share_part, '+', tax_part) FROM payment
UNION ALL SELECT 'voucher', id, concat_ws(' ', state, CAST(extract(epoch FROM due_at) AS bigint)) FROM voucher
UNION ALL SELECT 'batch', id, state FROM settlement_batch
UNION ALL SELECT 'line', id, concat(state, ' ', gross, '-', fee, '-', clawback, '+', carried,
                              ' ', withheld, ' ', stayed)
            FROM settlement_line
UNION ALL SELECT 'written', 0, CAST((SELECT count(*) FROM audit_row) + (SELECT count(*) FROM journal)
                                  + (SELECT count(*) FROM notice) + (SELECT count(*) FROM outbox_message)
                                  + (SELECT count(*) FROM evaluation) AS text)
""")


@contextlib.contextmanager
def stage(app: Flask, sandbox: str, *, vat_mode: VatMode, share_percent: int) -> Iterator[Stage]:
    with rolled_back(app):
        yield Stage(sandbox, vat_mode=vat_mode, share_percent=share_percent)
