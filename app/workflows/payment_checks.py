"""Whether a bill can be paid now, and how it would split (R-INS-4, R-PAY-4, R-PAY-5)."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select

from app import policy
from app.db import db
from app.errors import Conflict
from app.models.deals import Deal
from app.models.ledger import LedgerAccount
from app.models.payments import LIVE, Payment
from app.models.vouchers import Instrument, InstrumentState, Voucher
from app.policy import Actor, Permission
from app.workflows import deals, ledger, shares, vouchers


@dataclass(frozen=True, kw_only=True)
class Bill:
    """What a press would pay, locked and checked; amounts in won."""

    deal: Deal
    voucher: Voucher
    instrument: Instrument
    parts: shares.Parts
    tax: int

    @property
    def total(self) -> int:
        return self.parts.grant + self.parts.share + self.tax


def check_bill(*, actor: Actor, deal_id: int, card: bool) -> Bill:
    """Lock deal, voucher and balances, in this order, and check that the bill can be paid (R-INS-4, R-PAY-5).

    For use inside a transaction. Raises a Refusal that says what is in the way.
    """
    policy.require(actor, Permission.PAYMENT_MAKE)
    deal = deals.lock_billed(deal_id=deal_id, actor=actor)
    if live_payment_of(deal_id) is not None:
        raise Conflict(
            "payment.under_way",
            "이 청구의 결제 결과를 확인하고 있습니다. '서비스 결제 관리'에서 결과를 먼저 확인해 주세요.",
        )
    instrument = _instrument(deal.company_id, card=card)
    voucher = vouchers.usable_for(company_id=deal.company_id, lock=True)
    left = ledger.lock_balances((LedgerAccount.VOUCHER_GRANT, LedgerAccount.VOUCHER_SHARE), voucher.id)
    parts = shares.split(
        amount=deal.amount or 0,
        grant_left=left[LedgerAccount.VOUCHER_GRANT],
        share_left=left[LedgerAccount.VOUCHER_SHARE],
    )
    return Bill(deal=deal, voucher=voucher, instrument=instrument, parts=parts, tax=deal.tax or 0)


def live_payment_of(deal_id: int) -> Payment | None:
    """The deal's payment that is not failed and not cancelled; there is at most one."""
    query = select(Payment).where(Payment.deal_id == deal_id, LIVE)
    return db.session.execute(query).scalar_one_or_none()


def _instrument(company_id: int, *, card: bool) -> Instrument:
    query = select(Instrument).where(Instrument.company_id == company_id)
    instrument = db.session.execute(query).scalar_one_or_none()
    if instrument is None or instrument.state is not InstrumentState.ISSUED:
        raise Conflict(
            "payment.not_issued",
            "결제수단이 아직 발급되지 않았습니다. '바우처 신청'에서 발급 상태를 확인해 주세요.",
        )
    if instrument.kind.is_card is not card:
        raise Conflict(
            "payment.other_instrument",
            f"이 기업의 결제수단은 '{instrument.kind.label}'입니다. 그 결제수단으로 결제해 주세요.",
        )
    return instrument
