"""Which payments are looked at for the tax invoice that they want (R-SET-1, R-MSG-1)."""

from __future__ import annotations

from datetime import date, datetime

import pytest
from sqlalchemy import text

from app import clock
from app.db import db
from app.models.payments import Payment
from app.models.vouchers import InstrumentKind
from app.policy import Role
from app.workflows import tax_invoice_asks, tax_invoices
from app.workflows.tax_invoice_checks import Said
from tests import factories, settled
from tests.plans import by_index_alone

pytestmark = pytest.mark.usefixtures("tx")

PAID = datetime(2020, 11, 3, 15, 0, tzinfo=clock.KST)
UNSEEN = text(
    "SELECT id FROM payment WHERE instrument_kind = 'zeropay' AND state IN ('paid', 'cancelled')"
    " AND invoice_state IS DISTINCT FROM state ORDER BY id"
)


def unseen() -> list[int]:
    return list(db.session.scalars(UNSEEN))


def cancel(payment: Payment) -> None:
    settled.cancel(payment)
    db.session.commit()


def test_what_was_looked_at_is_not_read_again() -> None:
    """Neither what was asked for nor what has its invoice, until the payment is cancelled."""
    programme, supplier = factories.make_programme(), factories.make_supplier()
    seller = factories.make_account(Role.SUPPLIER, supplier_id=supplier.id).actor()
    asked, has_one, cancelled = (
        settled.make_paid(programme, supplier, 1_100_000, paid_at=PAID, instrument=InstrumentKind.ZEROPAY)
        for _ in range(3)
    )
    settled.make_paid(programme, supplier, paid_at=PAID)  # a card's
    db.session.commit()
    with clock.at(datetime(2020, 11, 16, 9, 0, tzinfo=clock.KST)):
        said = Said(
            number=f"20201105{1:016}",
            issued_on=date(2020, 11, 3),
            supply=1_000_000,
            tax=100_000,
            total=1_100_000,
        )
        tax_invoices.enter(actor=seller, payment_id=has_one.id, said=said)
        cancel(cancelled)
        assert unseen() == [asked.id, has_one.id, cancelled.id]
        assert tax_invoice_asks.ask() == 1 and unseen() == []
        cancel(has_one)
        assert unseen() == [has_one.id]
        assert tax_invoice_asks.ask() == 1 and unseen() == []
        cancel(asked)  # no invoice was made: nothing is to be taken back
        assert tax_invoice_asks.ask() == 0 and unseen() == []


def test_an_index_holds_those_that_wait() -> None:
    by_index_alone()
    plan = "\n".join(db.session.scalars(text(f"EXPLAIN {UNSEEN.text}")))
    assert "ix_payment_unasked" in plan, plan
