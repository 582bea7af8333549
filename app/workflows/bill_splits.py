"""What paying bills would take: the split and tax of each, with its working (R-MONEY-2, 2a, 2b, R-PAY-5).

Of several bills each is worked out from what is left after those before it, as they are paid one by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Row, select

from app import policy
from app.db import db
from app.errors import NotFound, Refusal
from app.models.deals import Deal
from app.models.programme import Programme
from app.policy import Actor, Permission
from app.workflows import shares, vouchers


@dataclass(frozen=True, kw_only=True)
class BillSplit:
    """One bill, won."""

    deal_id: int
    amount: int
    """What the voucher would pay."""
    tax: int
    left: int
    """What the voucher holds before this bill."""
    parts: shares.Parts | None
    """None where the voucher does not hold enough; `refusal` says so."""
    refusal: Refusal | None
    lines: list[shares.Working]

    @property
    def total(self) -> int:
        return self.amount + self.tax

    @property
    def own(self) -> int:
        """The company's share and tax."""
        return self.parts.share + self.tax if self.parts else 0

    @property
    def after(self) -> int:
        """What the voucher holds after this bill."""
        return self.left - self.amount if self.parts else self.left


@dataclass(frozen=True, kw_only=True)
class Splits:
    """Bills in the order of their payment; sums in won, of those that the voucher holds enough for."""

    bills: list[BillSplit]
    left: int
    """What the voucher holds now."""

    @property
    def fitting(self) -> list[BillSplit]:
        return [bill for bill in self.bills if bill.parts is not None]

    @property
    def enough(self) -> bool:
        return len(self.fitting) == len(self.bills)

    @property
    def asked(self) -> int:
        """What all bills together come to, whether the voucher holds it or not."""
        return sum(bill.total for bill in self.bills)

    @property
    def total(self) -> int:
        return sum(bill.total for bill in self.fitting)

    @property
    def grant(self) -> int:
        return sum(bill.parts.grant for bill in self.bills if bill.parts)

    @property
    def share(self) -> int:
        return sum(bill.parts.share for bill in self.bills if bill.parts)

    @property
    def tax(self) -> int:
        return sum(bill.tax for bill in self.fitting)

    @property
    def own(self) -> int:
        return self.share + self.tax

    @property
    def after(self) -> int:
        return self.left - self.grant - self.share

    def of(self, deal_id: int) -> BillSplit:
        return next(bill for bill in self.bills if bill.deal_id == deal_id)


_COLUMNS = (Deal.id, Deal.company_id, Deal.supplier_id, Deal.programme_id, Deal.amount, Deal.tax)


def bill_split(*, actor: Actor, deal_id: int) -> BillSplit | None:
    """How a bill would split now, to its company; None where nothing is billed. Raises NotFound."""
    policy.require(actor, Permission.DEMAND_VIEW)
    deal = db.session.execute(select(*_COLUMNS).where(Deal.id == deal_id)).one_or_none()
    if deal is None:
        raise NotFound()
    policy.require_own(actor, deal)
    return _split_all([deal], deal.company_id).bills[0] if deal.amount is not None else None


def splits(*, actor: Actor, deal_ids: Sequence[int]) -> Splits:
    """How the company's bills would split, paid in this order; what is not its own or no bill is left out."""
    policy.require(actor, Permission.PAYMENT_MAKE)
    own = (Deal.id.in_(deal_ids), Deal.company_id == actor.company_id, Deal.amount.is_not(None))
    found = {deal.id: deal for deal in db.session.execute(select(*_COLUMNS).where(*own))}
    deals = [found[each] for each in dict.fromkeys(deal_ids) if each in found]
    return _split_all(deals, actor.company_id or 0)


def _split_all(deals: Sequence[Row[int, int, int, int, int | None, int | None]], company_id: int) -> Splits:
    voucher = vouchers.of_company(company_id)
    now = shares.Parts(*vouchers.left(voucher)) if voucher else shares.Parts(0, 0)
    left, bills = now, []
    for deal in deals:
        programme = db.session.get_one(Programme, deal.programme_id)
        bill = _split_one(deal.id, deal.amount, deal.tax or 0, programme, left=left, whole=sum(now))
        bills.append(bill)
        if bill.parts is not None:
            left = shares.Parts(left.grant - bill.parts.grant, left.share - bill.parts.share)
    return Splits(bills=bills, left=sum(now))


def _split_one(
    deal_id: int, amount: int, tax: int, programme: Programme, *, left: shares.Parts, whole: int
) -> BillSplit:
    try:
        parts = shares.split(amount=amount, grant_left=left.grant, share_left=left.share)
    except Refusal as refusal:
        return BillSplit(
            deal_id=deal_id,
            amount=amount,
            tax=tax,
            left=sum(left),
            parts=None,
            refusal=_taken_by_others(amount, sum(left)) if amount <= whole else refusal,
            lines=[],
        )
    lines = shares.explain(
        programme=programme,
        amount=amount,
        tax=tax,
        parts=parts,
        grant_left=left.grant,
        share_left=left.share,
    )
    return BillSplit(
        deal_id=deal_id, amount=amount, tax=tax, left=sum(left), parts=parts, refusal=None, lines=lines
    )


def _taken_by_others(amount: int, left: int) -> Refusal:
    return Refusal(
        "payment.not_enough",
        f"함께 고른 앞의 청구를 결제하면 바우처 잔액이 {left:,}원만 남아 {amount:,}원을 결제할 수 없습니다. "
        "앞의 청구를 빼고 다시 선택하거나, 공급기업에 금액 조정을 요청해 주세요.",
    )
