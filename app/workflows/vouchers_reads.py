"""What the screens show of vouchers (R-VOU-1, R-MONEY-2b). Amounts in won."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select

from app import policy
from app.db import db
from app.models.ledger import LedgerAccount
from app.models.payments import Payment, PaymentState
from app.models.vouchers import Voucher
from app.policy import Actor, Permission
from app.workflows import ledger, vouchers


@dataclass(frozen=True)
class Parts:
    grant: int
    share: int

    @property
    def total(self) -> int:
        return self.grant + self.share


@dataclass(frozen=True, kw_only=True)
class VoucherOverview:
    """`granted = spent + held + left + returned`, part by part."""

    voucher: Voucher
    granted: Parts
    spent: Parts
    held: Parts
    left: Parts
    returned: Parts
    first_payment_by: datetime
    full_use_by: datetime
    due_at: datetime | None


def overview(*, actor: Actor) -> VoucherOverview | None:
    """Of the actor's own company; None before 승인."""
    voucher = vouchers.of_company(actor.company_id) if actor.company_id else None
    return _overview(voucher) if voucher else None


def _overview(voucher: Voucher) -> VoucherOverview:
    sums = {
        state: Parts(int(grant), int(share))
        for state, grant, share in db.session.execute(
            select(Payment.state, func.sum(Payment.grant_part), func.sum(Payment.share_part))
            .where(Payment.voucher_id == voucher.id)
            .group_by(Payment.state)
        )
    }
    nothing = Parts(0, 0)
    held = sums.get(PaymentState.PENDING, nothing)
    paid, cancelling = (sums.get(s, nothing) for s in (PaymentState.PAID, PaymentState.CANCELLING))
    spent = Parts(paid.grant + cancelling.grant, paid.share + cancelling.share)
    left = Parts(*vouchers.left(voucher))
    granted = Parts(voucher.granted_grant, voucher.granted_share)
    returned = Parts(
        granted.grant - spent.grant - held.grant - left.grant,
        granted.share - spent.share - held.share - left.share,
    )
    return VoucherOverview(
        voucher=voucher,
        granted=granted,
        spent=spent,
        held=held,
        left=left,
        returned=returned,
        first_payment_by=voucher.first_payment_by,
        full_use_by=voucher.full_use_by,
        due_at=voucher.due_at,
    )


def left_of(*, actor: Actor, voucher_ids: Sequence[int]) -> dict[int, Parts]:
    """What is left on many vouchers, won, in two queries. Raises Denied."""
    policy.require(actor, Permission.BUDGET_VIEW)
    grants = ledger.balances(LedgerAccount.VOUCHER_GRANT, voucher_ids)
    shares = ledger.balances(LedgerAccount.VOUCHER_SHARE, voucher_ids)
    return {key: Parts(grants[key], shares[key]) for key in voucher_ids}
