"""What a bill would come to, before it is sent (R-MONEY-2b): plan, quantity, the shares and the tax."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from app import policy
from app.db import db
from app.errors import NotFound
from app.models.catalogue import Plan
from app.models.deals import Deal
from app.models.programme import Programme
from app.policy import Actor, Permission
from app.workflows import deals, shares, vouchers


@dataclass(frozen=True, kw_only=True)
class BillPreview:
    """What a bill would come to, won, with how it was worked out (R-MONEY-2b)."""

    plan: Plan
    quantity: int
    amount: int
    tax: int
    total: int
    parts: shares.Parts
    """As an untouched voucher would split it."""
    tax_inside: int
    """Where no tax is on top; 0 otherwise."""
    lines: list[shares.Working]


def preview(
    *,
    actor: Actor,
    deal_id: int,
    plan_id: int,
    quantity: int,
    period_from: date | None = None,
    period_to: date | None = None,
) -> BillPreview:
    """Reckon a bill without sending it, split by the programme's ratio: the voucher is not the supplier's.

    With a period, that is checked as `bill` would. Raises NotFound, Denied, InvalidInput.
    """
    policy.require(actor, Permission.DEAL_ANSWER)
    deal = db.session.get(Deal, deal_id)
    if deal is None:
        raise NotFound()
    policy.require_own(actor, deal)
    programme = db.session.get_one(Programme, deal.programme_id)
    plan, amount, tax = deals.reckon(deal, programme, plan_id, quantity)
    if period_from and period_to:
        deals.check_period(deal, period_from, period_to)
    return BillPreview(
        plan=plan,
        quantity=quantity,
        amount=amount,
        tax=tax,
        total=amount + tax,
        parts=_untouched(programme, amount),
        tax_inside=0 if tax else shares.supply_and_tax(amount=amount, tax=0).tax,
        lines=working(programme=programme, plan=plan, quantity=quantity, amount=amount, tax=tax),
    )


def working(
    *, programme: Programme, plan: Plan, quantity: int, amount: int, tax: int
) -> list[shares.Working]:
    """How a bill splits by the ratio of an untouched voucher (R-MONEY-2b)."""
    price = shares.Working("청구금액", f"{plan.name} {plan.price:,}원 × {quantity:,} ({plan.unit})", amount)
    grant, share = vouchers.worth(programme)
    parts = _untouched(programme, amount)
    working = shares.explain(
        programme=programme, amount=amount, tax=tax, parts=parts, grant_left=grant, share_left=share
    )
    return [price, *working]


def _untouched(programme: Programme, amount: int) -> shares.Parts:
    grant, share = vouchers.worth(programme)
    return shares.split(amount=amount, grant_left=grant, share_left=share)
