"""The rules of deals: asked, answered, billed, withdrawn (domain section 7)."""

from __future__ import annotations

from datetime import datetime

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from app import clock
from app.models.programme import VatMode
from app.workflows import deals
from tests.machine import world
from tests.machine.model import Deal
from tests.machine.stepping import Stepping, one_of, pick

seller = st.sampled_from([0, 0, 0, 1])
quantity = st.integers(0, 8)
"""0: all that is left of the voucher."""
OPEN = ("consulting", "accepted", "billed")


class Dealing(Stepping):
    @rule(
        who=pick, seller=seller, quantity=quantity, far=st.sampled_from(["billed", "billed", "asked", "no"])
    )
    def deal(self, who: int, seller: int, quantity: int, far: str) -> None:
        self._deal(who, seller, quantity, far)

    def _deal(self, who: int, seller: int, quantity: int, far: str = "billed") -> Deal | None:
        """거래상담, and at once as far as `far` goes; quantity 0 is all that is left of the voucher."""
        buyer = self.stage.buyers[who % len(self.stage.buyers)]
        sold = self.stage.sellers[seller]
        voucher = self.model.vouchers[buyer.voucher]
        why = self.model.unusable(voucher, self.now)
        asked = [d for d in self._in("consulting") if d.voucher is voucher and d.offering == sold.offering]
        if why is None and any(self.now < _due(d) for d in asked):
            why = "deal.open_consultation"
        made = self.attempt(
            "request", why, lambda: deals.request(actor=buyer.actor, offering_id=sold.offering, memo="상담")
        )
        if made is None:
            return None
        deal = Deal(made.id, voucher, sold.supplier, sold.offering, "consulting", made.due_at)
        self.model.deals[deal.key] = deal
        if far == "no":
            self.attempt_all(
                "turn_down", lambda: deals.turn_down(actor=sold.actor, deal_id=deal.key, reason="어렵습니다.")
            )
            deal.state, deal.due = "turned_down", None
        elif far == "billed":
            self._accept(deal)
            self._bill(deal, quantity)
        return deal

    def _accept(self, deal: Deal) -> None:
        seller, why = self.stage.seller_of(deal.supplier), self._unanswerable(deal, "consulting", "accept")
        if self.attempt("accept", why, lambda: deals.accept(actor=seller.actor, deal_id=deal.key)):
            deal.state, deal.due = "accepted", None

    def _unanswerable(self, deal: Deal, state: str, action: str) -> str | None:
        if deal.state != state:
            return f"deal.{action}.state"
        return "deal.late" if deal.due is not None and self.now >= deal.due else None

    def _bill(self, deal: Deal, quantity: int) -> None:
        seller = self.stage.seller_of(deal.supplier)
        price = world.PRICES[self.stage.sellers.index(seller)]
        quantity = quantity or max(1, sum(self.model.left(deal.voucher)) // price)
        why = self._unanswerable(deal, "accepted", "bill")
        if why is None and price * quantity > world.CAP:
            why = "deal.amount"
        billed = self.attempt(
            "bill",
            why,
            lambda: deals.bill(
                actor=seller.actor,
                deal_id=deal.key,
                plan_id=seller.plan,
                quantity=quantity,
                period_from=self.now.date(),
                period_to=clock.add_months(self.now.date(), 6),
            ),
        )
        if billed:
            deal.state, deal.due, deal.amount = "billed", billed.due_at, price * quantity
            deal.tax = deal.amount // 10 if self.stage.vat_mode is VatMode.BORNE else 0

    @precondition(lambda self: self._in("consulting", "accepted"))
    @rule(which=pick, quantity=quantity, accepting=st.booleans())
    def answer(self, which: int, quantity: int, accepting: bool) -> None:
        deal = one_of(which, self._in("consulting", "accepted"), self._in())
        if deal is not None and (accepting or deal.state == "consulting"):
            self._accept(deal)
        elif deal is not None:
            self._bill(deal, quantity)

    def _in(self, *states: str) -> list[Deal]:
        return [d for d in self.model.deals.values() if not states or d.state in states]

    @precondition(lambda self: self._in(*OPEN))
    @rule(which=pick)
    def withdraw(self, which: int) -> None:
        deal = one_of(which, self._in())
        assert deal is not None
        buyer, live = self.stage.buyer_of(deal.voucher.company), self.model.live(deal)
        why = None
        if deal.state not in OPEN:
            why = "deal.withdraw.state"
        elif deal.due is not None and self.now >= deal.due:
            why = "deal.late"
        elif live is not None and live.state == "pending":
            why = "deal.payment_pending"
        if self.attempt("withdraw", why, lambda: deals.withdraw(actor=buyer.actor, deal_id=deal.key)):
            deal.state, deal.due = "withdrawn", None


def _due(deal: Deal) -> datetime:
    assert deal.due is not None
    return deal.due
