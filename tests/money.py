"""Set-up for tests of the money: a company with a voucher, its bills, its card or wallet."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
from sqlalchemy import event

from app import clock, gateways
from app.db import db, transaction
from app.models.applications import ApplicationState
from app.models.companies import Company
from app.models.deals import Deal, DealState
from app.models.ledger import JournalKind, LedgerAccount
from app.models.payments import CardAuthentication, Payment
from app.models.programme import Programme, VatMode
from app.models.vouchers import Instrument, InstrumentKind, InstrumentState, Voucher
from app.policy import CLOCK, Actor, Role
from app.workflows import card_payments, ledger, unknown_outcomes, vouchers
from sandbox import behaviours
from tests import factories

CARD = "4518420000000007"
EXPIRY = "0927"
WEB = httpx.Client(trust_env=False)
_phones = itertools.count(30_000_001)


@dataclass
class Payer:
    """A demand company that can pay, and the person who does it."""

    actor: Actor
    company: Company
    programme: Programme
    voucher: Voucher
    instrument: Instrument
    sandbox: str

    def left(self) -> tuple[int, int]:
        grant = ledger.balance(LedgerAccount.VOUCHER_GRANT, self.voucher.id)
        return grant, ledger.balance(LedgerAccount.VOUCHER_SHARE, self.voucher.id)


def make_payer(
    sandbox: str,
    *,
    cap: int = 4_000_000,
    kind: InstrumentKind = InstrumentKind.PERSONAL_CHECK,
    issued: bool = True,
    **programme_fields: Any,
) -> Payer:
    """A company with a fresh voucher worth `cap` won and an issued instrument."""
    with transaction():
        programme = factories.make_programme(cap=cap, **programme_fields)
        agency = factories.make_agency()
        budget = factories.make_agency_budget(programme=programme, agency=agency)
        phone = f"010{next(_phones)}"
        company = factories.make_company(
            programme_id=programme.id, agency_id=agency.id, payment_contact_phone=phone
        )
        application = factories.make_application(company=company, state=ApplicationState.APPROVED)
        actor = factories.make_actor(Role.DEMAND, company_id=company.id)
        state = InstrumentState.ISSUED if issued else InstrumentState.CHOSEN
        instrument = factories.make_instrument(company=company, kind=kind, state=state)
        if kind is InstrumentKind.ZEROPAY and issued:
            instrument.issuer_reference = _wallet(company)
        grant, _share = vouchers.worth(programme)
        legs = ledger.move(
            (LedgerAccount.FUNDING, programme.id), (LedgerAccount.AGENCY_BUDGET, budget.id), grant
        )
        key = f"allocation:test:{secrets.token_hex(6)}"
        ledger.post(key, JournalKind.ALLOCATION, legs, programme_id=programme.id, actor=CLOCK)
        [voucher] = vouchers.grant_many(
            [application],
            programme=programme,
            budget_ids={agency.id: budget.id},
            selected_on={application.id: clock.today()},
            actor=CLOCK,
        )
    return Payer(actor, company, programme, voucher, instrument, sandbox)


def _wallet(company: Company) -> str:
    reference = f"test-{secrets.token_hex(6)}"
    wallet = gateways.get().zeropay.open_wallet(
        reference=reference, holder_name=company.name, idempotency_key=reference
    )
    return wallet.wallet_id


def make_bill(payer: Payer, amount: int, *, supplier: Any = None, due_at: datetime | None = None) -> Deal:
    """A deal in 결제요청 for `amount` won, with its tax on top where the programme says so."""
    with transaction():
        offering = factories.make_offering(supplier=supplier, price=amount)
        deal = Deal(
            programme_id=payer.programme.id,
            company_id=payer.company.id,
            supplier_id=offering.supplier_id,
            offering_id=offering.id,
            version_id=offering.current_version_id,
            state=DealState.BILLED,
            memo="상담을 부탁드립니다.",
            requested_at=clock.now(),
            accepted_at=clock.now(),
            billed_at=clock.now(),
            due_at=due_at or clock.now() + timedelta(days=2),
            plan_id=offering.current_version.plans[0].id,
            quantity=1,
            amount=amount,
            tax=amount // 10 if payer.programme.vat_mode is VatMode.BORNE else 0,
            period_from=clock.today(),
            period_to=clock.add_months(clock.today(), 12),
        )
        db.session.add(deal)
        db.session.flush()
        return deal


def supplier_of(deal: Deal) -> Actor:
    with transaction():
        return factories.make_actor(Role.SUPPLIER, supplier_id=deal.supplier_id)


def code_texts(payer: Payer) -> list[str]:
    """The messages with a code that the card company sent to the payment contact, the last one first."""
    answer = WEB.get(f"{payer.sandbox}/messages.json", params={"to": payer.company.payment_contact_phone})
    return [message["text"] for message in answer.json() if "결제 인증번호" in message["text"]]


def code_of(text: str) -> str:
    return text.partition("[신한카드] 결제 인증번호 [")[2][:6]


def code_for(payer: Payer) -> str:
    """The last code that the card company sent to the payment contact."""
    return code_of(code_texts(payer)[0])


def tokens_of(started: Sequence[card_payments.Started]) -> list[str]:
    """Of the bills for which a code was sent."""
    return [each.authentication.token for each in started if each.authentication is not None]


def start(payer: Payer, deal: Deal, *, behaviour: str = "") -> CardAuthentication:
    number = behaviours.card_number(behaviour) if behaviour else CARD
    return card_payments.start_card(actor=payer.actor, deal_id=deal.id, card_number=number, expiry=EXPIRY)


def pay(payer: Payer, deal: Deal, *, behaviour: str = "", key: str | None = None) -> Payment:
    """The whole way by card; `behaviour` is the sandbox's two digits for what shall happen."""
    authentication = start(payer, deal, behaviour=behaviour)
    return press(payer, authentication.token, code_for(payer), key or secrets.token_hex(8))


def press(payer: Payer, token: str, code: str, key: str) -> Payment:
    paid = card_payments.pay_card(actor=payer.actor, token=token, code=code, idempotency_key=key)
    return db.session.get_one(Payment, paid.id)


def book(sandbox: str, order_id: str) -> list[tuple[str, int]]:
    """The sandbox's own book of an order: what was charged and cancelled, won."""
    lines = WEB.get(f"{sandbox}/__ledger").json()
    return [(line["entry"], line["amount"]) for line in lines if line["orderId"] == order_id]


def deposit(payer: Payer, amount: int) -> None:
    """What the company does at its bank: buy certificates through the virtual account."""
    url = f"{payer.sandbox}/zeropay/wallets/{payer.instrument.issuer_reference}"
    assert WEB.post(url, data={"amount": str(amount)}).status_code == 303


def press_in_window(url: str, *, password: str = "123456", button: str = "pay") -> dict[str, str]:
    """What a person does in ZeroPay's window; the parameters that it leads back with."""
    answer = WEB.post(url, data={"password": password, "press": button})
    assert answer.status_code == 303
    return dict(parse_qsl(urlsplit(answer.headers["Location"]).query))


def unknown() -> list[Payment]:
    """As the console lists them."""
    rows = unknown_outcomes.listing(actor=Actor(id=None, role=Role.AUDITOR, name="감사"), size=1_000)
    return [row.payment for row in rows]


def reads_of(work: Callable[[], object]) -> int:
    """How many queries `work` sends, with nothing loaded before."""
    sent: list[str] = []

    def note(_c: object, _cursor: object, statement: str, *_: object) -> None:
        sent.append(statement)

    db.session.expire_all()
    event.listen(db.engine, "before_cursor_execute", note)
    try:
        work()
    finally:
        event.remove(db.engine, "before_cursor_execute", note)
    return len([each for each in sent if each.lstrip().upper().startswith(("SELECT", "WITH"))])


def make_due(*rows: Payment) -> None:
    """Their turn to be asked about has come."""
    with transaction():
        for payment in rows:
            db.session.get_one(Payment, payment.id).ask_again_at = clock.real_now()


def fresh(payment: Payment) -> Payment:
    return db.session.get_one(Payment, payment.id, populate_existing=True)
