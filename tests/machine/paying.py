"""The rules of payments: by card with a code, or in ZeroPay's window (R-PAY-1, R-PAY-4)."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from app.workflows import card_payments, zeropay_payments
from sandbox import behaviours
from tests import money
from tests.machine.dealing import Dealing, quantity, seller
from tests.machine.model import BEHAVIOURS, Deal, Payment
from tests.machine.stepping import one_of, pick
from tests.machine.world import Buyer

RETURN = "http://localhost/pay/zeropay/return"
WRONG_TRIES = 5
behaviour = st.sampled_from((*[""] * 16, *BEHAVIOURS))


@dataclass(eq=False)
class Code:
    """A code that was sent for a bill."""

    deal: Deal
    buyer: Buyer
    behaviour: str
    token: str
    code: str
    tries: int = 0
    dead: bool = False
    """Its order was decided at the gateway: no later press of it is confirmed."""


@dataclass(eq=False)
class Window:
    """ZeroPay's window for a payment; `params` lead back from it once something was pressed."""

    payment: Payment
    buyer: Buyer
    url: str
    params: dict[str, str] = field(default_factory=dict)
    approved: bool = False


class Paying(Dealing):
    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.codes: list[Code] = []
        self.pressed: dict[int, Code] = {}
        self.windows: list[Window] = []

    # -- by card ---------------------------------------------------------------------------------------------

    @rule(who=pick, seller=seller, quantity=quantity, behaviour=behaviour)
    def buy(self, who: int, seller: int, quantity: int, behaviour: str) -> None:
        """From the request to the payment, the commonest of all ways."""
        deal = self._deal(who, seller, quantity)
        if deal is not None and deal.state == "billed":
            self._pay(deal, behaviour)

    @rule(who=pick, seller=seller, behaviours=st.lists(behaviour, min_size=2, max_size=3))
    def buy_more(self, who: int, seller: int, behaviours: list[str]) -> None:
        """Several in a row, so that there is money to settle and to give back."""
        for n, behaviour in enumerate(behaviours):
            self.buy(who + n, seller, 1 + n, behaviour)
            self.as_the_model_says()

    @precondition(lambda self: self._payable())
    @rule(which=pick, behaviour=behaviour)
    def pay(self, which: int, behaviour: str) -> None:
        """The whole way in one go, where nothing is in the way."""
        deal = one_of(which, self._payable(), self._in())
        if deal is not None:
            self._pay(deal, behaviour)

    def _pay(self, deal: Deal, behaviour: str) -> None:
        if deal.voucher.company in self.model.zeropay:
            window = self._open_window(deal)
            if window is not None:
                self._press_in(window, behaviour, "pay")
                self._come_back(window)
        else:
            code = self._ask(deal, behaviour)
            if code is not None:
                self._press(code)

    def _payable(self) -> list[Deal]:
        return [d for d in self._in("billed") if self.model.unpayable(d, self.now) is None]

    @precondition(lambda self: self._payable())
    @rule(which=pick, behaviour=behaviour)
    def ask_for_a_code(self, which: int, behaviour: str) -> None:
        deal = one_of(which, self._payable(), self._in())
        if deal is not None and deal.voucher.company not in self.model.zeropay:
            self._ask(deal, behaviour)

    def _ask(self, deal: Deal, behaviour: str) -> Code | None:
        buyer = self.stage.buyer_of(deal.voucher.company)
        number = behaviours.card_number(behaviour) if behaviour else money.CARD
        sent = self.attempt(
            "ask for a code",
            self.model.unpayable(deal, self.now),
            lambda: card_payments.start_card(
                actor=buyer.actor, deal_id=deal.key, card_number=number, expiry=money.EXPIRY
            ),
        )
        if sent is None:
            return None
        self.codes.append(Code(deal, buyer, behaviour, sent.token, self.stage.code_for(buyer)))
        return self.codes[-1]

    def _alive(self) -> list[Code]:
        return [code for code in self.codes if self.model.unpayable(code.deal, self.now) is None]

    @precondition(lambda self: self._alive() or len(self.codes) > 4)
    @rule(which=pick, wrong=st.booleans())
    def press(self, which: int, wrong: bool) -> None:
        """Later: the bill may have lapsed, the voucher may be empty, the code may be typed wrong."""
        code = one_of(which, self._alive(), self.codes)
        assert code is not None
        self._press(code, wrong=wrong)

    def _press(self, code: Code, *, wrong: bool = False) -> None:
        key, typed = secrets.token_hex(8), code.code
        if wrong:
            typed = f"{(int(code.code) + 1) % 1_000_000:06d}"
        why = "payment.order_over" if self._given_up(code) else None
        why = why or self.model.unpayable(code.deal, self.now)
        paid = self.attempt("press", why, lambda: self._pay_card(code, typed, key))
        if paid is None:
            return
        payment = Payment(
            paid.id,
            code.deal,
            code.behaviour,
            0,
            0,
            0,
            self.now,
            self.stage.order_of(paid.id),
            idempotency_key=key,
        )
        self.model.hold(payment)
        self.pressed[payment.key] = code
        if code.dead or wrong:
            code.tries += 0 if code.dead else 1
            payment.mistyped = not code.dead and code.tries < WRONG_TRIES
            code.dead |= code.tries >= WRONG_TRIES
            payment.gateway = "none"
            self.model.fail(payment, self.now)
        else:
            code.dead = True
            self.model.confirm(payment, self.now)
        self.tally[f"pressed: {payment.state}"] += 1

    def _given_up(self, code: Code) -> bool:
        """An earlier press of its order failed for good: it may be charged yet, and is no later one's."""
        earlier = [self.model.payments[key] for key, other in self.pressed.items() if other is code]
        return any(payment.state == "failed" and not payment.mistyped for payment in earlier)

    def _pay_card(self, code: Code, typed: str, key: str) -> Any:
        return card_payments.pay_card(
            actor=code.buyer.actor, token=code.token, code=typed, idempotency_key=key
        )

    @precondition(lambda self: self.pressed)
    @rule(which=pick, other=st.booleans())
    def press_again(self, which: int, other: bool) -> None:
        """The same key once more changes nothing; with another bill it is refused (R-PAY-4)."""
        payment = self.model.payments[list(self.pressed)[which % len(self.pressed)]]
        code = self.pressed[payment.key]
        why = None
        if other:
            others = [c for c in self.codes if c.deal is not code.deal and c.buyer is code.buyer]
            if not others:
                return
            code, why = others[which % len(others)], "payment.key_of_another"
        again = self.attempt(
            "press again", why, lambda: self._pay_card(code, code.code, payment.idempotency_key)
        )
        assert again is None or again.id == payment.key

    # -- by ZeroPay ------------------------------------------------------------------------------------------

    @precondition(lambda self: sum(self.model.wallets.values()) < 10_000)
    @rule(amount=st.sampled_from([1_000, 7_000, 21_000]))
    def buy_certificates(self, amount: int) -> None:
        for buyer in self.stage.buyers:
            if buyer.zeropay:
                self.stage.deposit(buyer, amount)
                self.model.wallets[buyer.company] += amount

    def _by_zeropay(self) -> list[Deal]:
        return [d for d in self._in("billed") if d.voucher.company in self.model.zeropay]

    @precondition(lambda self: self._by_zeropay())
    @rule(which=pick)
    def open_a_window(self, which: int) -> None:
        deal = one_of(which, self._by_zeropay())
        assert deal is not None
        self._open_window(deal)

    def _open_window(self, deal: Deal) -> Window | None:
        buyer, key = self.stage.buyer_of(deal.voucher.company), secrets.token_hex(8)
        opened = self.attempt(
            "open a window",
            self.model.unpayable(deal, self.now),
            lambda: zeropay_payments.start_zeropay(
                actor=buyer.actor, deal_id=deal.key, idempotency_key=key, return_url=RETURN
            ),
        )
        if opened is None:
            return None
        paid = opened.payment
        payment = Payment(
            paid.id, deal, "", 0, 0, 0, self.now, self.stage.order_of(paid.id), idempotency_key=key
        )
        self.model.hold(payment)
        assert opened.url is not None
        self.windows.append(Window(payment, buyer, opened.url))
        return self.windows[-1]

    @precondition(lambda self: any(not window.params for window in self.windows))
    @rule(which=pick, behaviour=behaviour, button=st.sampled_from(["pay", "pay", "cancel"]))
    def press_in_the_window(self, which: int, behaviour: str, button: str) -> None:
        open_ = [window for window in self.windows if not window.params]
        self._press_in(open_[which % len(open_)], behaviour, button)

    def _press_in(self, window: Window, behaviour: str, button: str) -> None:
        password = behaviours.password(behaviour) if behaviour else "123456"
        window.params = money.press_in_window(window.url, password=password, button=button)
        window.approved = button == "pay"
        window.payment.behaviour = behaviour
        if not window.approved:
            window.payment.gateway = "none"

    @precondition(lambda self: any(window.params for window in self.windows))
    @rule(which=pick)
    def come_back(self, which: int) -> None:
        """Also a second time, or long after the outcome was known."""
        back = [window for window in self.windows if window.params]
        undecided = [window for window in back if window.payment.state == "pending"]
        window = one_of(which, undecided, back)
        assert window is not None
        self._come_back(window)

    def _come_back(self, window: Window) -> None:
        payment = window.payment
        self.attempt_all(
            "come back",
            lambda: zeropay_payments.finish_zeropay(actor=window.buyer.actor, params=window.params),
        )
        if payment.state == "pending" and payment.gateway == "open":
            self.model.confirm(payment, self.now)
        elif payment.state == "pending":
            # The same confirm again has the answer of the first.
            self.model.resolve([payment], self.now)
        self.tally[f"pressed: {payment.state}"] += 1
