"""R-MONEY-2, 2a, 2b, R-PAY-5, R-INS-4: what bills would take, before anything is pressed."""

from __future__ import annotations

import pytest
from flask import Flask

from app import gateways
from app.errors import NotFound
from app.models.programme import VatMode
from app.models.vouchers import InstrumentKind
from app.workflows import bill_splits, certificates, zeropay_payments
from tests import money

pytestmark = pytest.mark.usefixtures("tx")


def ids(payer: money.Payer, *amounts: int) -> list[int]:
    return [money.make_bill(payer, amount).id for amount in amounts]


def test_each_bill_is_worked_out_from_what_those_above_it_leave(sandbox: str) -> None:
    """The preview is what the payments then take, to the won."""
    payer = money.make_payer(sandbox, cap=1_000_003)
    deals = [money.make_bill(payer, amount) for amount in (333_337, 333_331, 333_335)]
    found = bill_splits.splits(actor=payer.actor, deal_ids=[deal.id for deal in deals])
    assert [bill.left for bill in found.bills] == [1_000_003, 666_666, 333_335]
    assert [bill.after for bill in found.bills] == [666_666, 333_335, 0]
    assert (found.total, found.after, found.enough) == (1_000_003, 0, True)
    assert (found.grant, found.share) == (payer.voucher.granted_grant, payer.voucher.granted_share)
    assert "남은 정부지원금" in found.bills[1].lines[1].working
    for deal, bill in zip(deals, found.bills, strict=True):
        payment = money.pay(payer, deal)
        assert bill.parts == (payment.grant_part, payment.share_part)
        assert bill.own == payment.share_part + payment.tax_part


def test_a_bill_that_does_not_fit_says_so_and_leaves_its_room_to_the_next(sandbox: str) -> None:
    payer = money.make_payer(sandbox, cap=1_000_000)
    found = bill_splits.splits(actor=payer.actor, deal_ids=ids(payer, 600_000, 500_000, 400_000, 2_000_000))
    assert [bill.parts is not None for bill in found.bills] == [True, False, True, False]
    refusal = found.bills[1].refusal
    assert refusal is not None and refusal.code == "payment.not_enough"
    assert "앞의 청구를 결제하면 바우처 잔액이 400,000원만 남아" in refusal.text
    too_big = found.bills[3].refusal
    assert too_big is not None and "앞의 청구" not in too_big.text
    assert (found.asked, found.total, found.after, found.enough) == (3_500_000, 1_000_000, 0, False)


def test_a_bill_alone_that_does_not_fit_blames_no_other(sandbox: str) -> None:
    payer = money.make_payer(sandbox, cap=1_000_000)
    [deal_id] = ids(payer, 1_000_001)
    bill = bill_splits.bill_split(actor=payer.actor, deal_id=deal_id)
    assert bill is not None and bill.refusal is not None
    assert bill.refusal.text.startswith("바우처 잔액 1,000,000원이 결제할 금액 1,000,001원보다 적습니다.")
    assert (bill.own, bill.after) == (0, 1_000_000)


def test_tax_on_top_is_summed_beside_the_shares(sandbox: str) -> None:
    """R-MONEY-2a"""
    payer = money.make_payer(sandbox, company_share_percent=30, vat_mode=VatMode.BORNE)
    found = bill_splits.splits(actor=payer.actor, deal_ids=ids(payer, 1_800_000, 200_000))
    assert (found.grant, found.share, found.tax) == (1_400_000, 600_000, 200_000)
    assert (found.total, found.own, found.after) == (2_200_000, 800_000, 2_000_000)


def test_anothers_bills_are_not_there(sandbox: str) -> None:
    payer, other = money.make_payer(sandbox), money.make_payer(sandbox)
    deal_ids = ids(payer, 100_000)
    assert bill_splits.splits(actor=other.actor, deal_ids=deal_ids).bills == []
    with pytest.raises(NotFound):
        bill_splits.bill_split(actor=other.actor, deal_id=deal_ids[0])


def test_certificates_that_are_still_to_be_bought(
    sandbox: str, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R-INS-4: what a payment under way may still draw is said beside it."""
    payer = money.make_payer(sandbox, kind=InstrumentKind.ZEROPAY)
    money.deposit(payer, 60_000)
    wanted = certificates.needed_for(actor=payer.actor, own=50_000)
    assert wanted is not None and (wanted.needed, wanted.held, wanted.to_buy) == (50_000, 60_000, 0)
    zeropay_payments.start_zeropay(
        actor=payer.actor,
        deal_id=money.make_bill(payer, 300_000).id,
        idempotency_key="under way",
        return_url="http://platform.example/",
    )
    wanted = certificates.needed_for(actor=payer.actor, own=50_000)
    assert wanted is not None and (wanted.under_way, wanted.to_buy) == (30_000, 0)
    more = certificates.needed_for(actor=payer.actor, own=75_000)
    assert more is not None and more.to_buy == 15_000 == sum(won for _, won in more.to_buy_parts)
    monkeypatch.setitem(app.config, "ZEROPAY_URL", "http://127.0.0.1:9/zeropay")
    down = gateways.Gateways.build(gateways.settings_from(app.config))
    monkeypatch.setattr(gateways, "_configured", [down])
    assert certificates.needed_for(actor=payer.actor, own=50_000) is None


def test_the_number_of_queries_does_not_grow(sandbox: str) -> None:
    payer = money.make_payer(sandbox)
    few, many = ids(payer, 100_000), ids(payer, *[100_000] * 5)
    once = money.reads_of(lambda: bill_splits.splits(actor=payer.actor, deal_ids=few))
    assert money.reads_of(lambda: bill_splits.splits(actor=payer.actor, deal_ids=many)) == once
