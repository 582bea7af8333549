"""What a payment by ZeroPay wants of the company's own certificates, before its window opens (R-INS-4)."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, select

from app.db import db
from app.models.payments import Payment, PaymentState
from app.models.vouchers import InstrumentKind
from app.policy import Actor
from app.workflows import instrument_issue


@dataclass(frozen=True, kw_only=True)
class Certificates:
    """Won."""

    needed: int
    """The company's share and tax of the bills."""
    held: int
    """What the wallet holds."""
    under_way: int
    """The company's part of payments of unknown outcome: they have drawn on the wallet, or may yet."""

    @property
    def to_buy(self) -> int:
        return max(self.needed - self.held, 0)

    @property
    def to_buy_parts(self) -> list[tuple[str, int]]:
        """How `to_buy` was worked out (R-MONEY-2b)."""
        return [("이번 결제의 자부담", self.needed), ("보유한 상품권", -min(self.held, self.needed))]


def needed_for(*, actor: Actor, own: int) -> Certificates | None:
    """For bills of which the company itself pays `own` won. None where ZeroPay cannot say what is held."""
    wallet = instrument_issue.wallet(actor=actor)
    if wallet is None:
        return None
    undecided = (
        Payment.company_id == actor.company_id,
        Payment.state == PaymentState.PENDING,
        Payment.instrument_kind == InstrumentKind.ZEROPAY,
    )
    query = select(func.coalesce(func.sum(Payment.share_part + Payment.tax_part), 0)).where(*undecided)
    return Certificates(needed=own, held=wallet.balance, under_way=int(db.session.scalar(query) or 0))
