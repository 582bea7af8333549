"""The short way of a hold and `check_bill` say the same of every bill (R-INS-4, R-PAY-4, R-PAY-5)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from app import clock
from app.db import db, run_plain, transaction
from app.errors import Refusal
from app.models.deals import Deal, DealState
from app.models.vouchers import InstrumentState, VoucherState
from app.policy import Actor, Role
from app.workflows import payments, payments_sql
from app.workflows.payment_checks import check_bill
from tests import factories, money
from tests.money import Payer

pytestmark = pytest.mark.usefixtures("tx")

PAST = "'2001-01-01T00:00:00+09:00'"
DEAL, VOUCHER = "WHERE id = :deal", "WHERE id = :voucher"
INSTRUMENT = "WHERE company_id = :company"
UNUSUAL = {
    f"{table} that is {state.value}": f"UPDATE {table} SET state = '{state.value}' {where}"
    for table, where, usual in (
        ("deal", DEAL, DealState.BILLED),
        ("instrument", INSTRUMENT, InstrumentState.ISSUED),
        ("voucher", VOUCHER, VoucherState.USABLE),
    )
    for state in type(usual)
    if state is not usual
} | {
    "a bill whose time is over": f"UPDATE deal SET due_at = {PAST} {DEAL}",
    "another kind of instrument": f"UPDATE instrument SET kind = 'zeropay' {INSTRUMENT}",
    "a voucher whose time is over": f"UPDATE voucher SET due_at = {PAST} {VOUCHER}",
    "a waiver asked for": f"UPDATE voucher SET waiver_requested_at = {PAST} {VOUCHER}",
}


def locked(deal: Deal) -> Any:
    about = {"deal_id": deal.id, "idempotency_key": "another", "order_id": "another"}
    return run_plain(payments_sql.LOCK_BILL, about).one()


def both(actor: Actor, deal: Deal) -> tuple[Any, Any]:
    """What each says: the split, or None where it is not to be paid like this."""
    with transaction():
        short = payments._plain_split(actor, locked(deal), card=True)
        try:
            return short, check_bill(actor=actor, deal_id=deal.id, card=True).parts
        except Refusal:
            return short, None


@pytest.fixture
def payer(sandbox: str) -> Payer:
    return money.make_payer(sandbox)


def test_a_plain_bill_splits_alike(payer: Payer) -> None:
    short, long = both(payer.actor, money.make_bill(payer, 1_234_567))
    assert short == long
    assert short is not None and short.grant + short.share == 1_234_567


@pytest.mark.parametrize("change", UNUSUAL.values(), ids=UNUSUAL)
def test_what_is_unusual_goes_the_long_way_and_is_refused(payer: Payer, change: str) -> None:
    deal = money.make_bill(payer, 110_000)
    keys = {"deal": deal.id, "company": payer.company.id, "voucher": payer.voucher.id}
    with transaction():
        named = {name: key for name, key in keys.items() if f":{name}" in change}
        assert db.session.execute(text(change), named).rowcount == 1
        db.session.expire_all()
    assert both(payer.actor, deal) == (None, None)


def test_a_bill_under_way_goes_the_long_way(payer: Payer) -> None:
    deal = money.make_bill(payer, 110_000)
    payments.hold(actor=payer.actor, deal_id=deal.id, idempotency_key="first", order_id="first", card=True)
    assert both(payer.actor, deal) == (None, None)


def test_anothers_bill_goes_the_long_way(payer: Payer) -> None:
    stranger = factories.make_actor(Role.DEMAND, company_id=factories.make_company().id)
    assert both(stranger, money.make_bill(payer, 110_000)) == (None, None)


def test_more_than_is_left_is_refused_by_both(payer: Payer) -> None:
    deal = money.make_bill(payer, sum(payer.left()) + 1, due_at=clock.now() + timedelta(days=1))
    with transaction():
        for judge in (
            lambda: payments._plain_split(payer.actor, locked(deal), card=True),
            lambda: check_bill(actor=payer.actor, deal_id=deal.id, card=True),
        ):
            with pytest.raises(Refusal):
                judge()
