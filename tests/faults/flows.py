"""The ways in which money moves, each with the steps at which it is broken."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.faults.browser import Browser
from tests.faults.world import NIGHTLY, World

BYSTANDERS = 3 if NIGHTLY else 1
"""Who else pays at the moment of the blow, with bills of their own, where it strikes them too."""
_PRESS = (
    "payment.hold.locked",
    "payment.hold.written",
    "payment.held",
    "payment.answered",
    "payment.settle.locked",
    "payment.settle.written",
    "payment.settled",
)
PATIENCE = 90.0


@dataclass(frozen=True)
class Blow:
    step: str
    passes: int = 0
    """How often the step is let pass before."""


@dataclass(frozen=True)
class Flow:
    name: str
    role: str
    blows: tuple[Blow, ...]
    zeropay: bool = False


CARD = Flow("card", "web", (Blow("payment.authenticated"), *map(Blow, _PRESS)))
# Its window is opened between two steps of the same name: held, and held once more before it is confirmed.
ZEROPAY = Flow("zeropay", "web", (*map(Blow, _PRESS), Blow("payment.held", 1)), zeropay=True)
CANCEL = Flow(
    "cancel",
    "web",
    (
        Blow("cancellation.intend.written"),
        Blow("cancellation.intended"),
        Blow("cancellation.answered"),
        Blow("cancellation.settle.written"),
        Blow("cancellation.settled"),
    ),
)
RESOLVE = Flow(
    "resolve",
    "worker",
    (
        Blow("resolution.claimed"),
        Blow("resolution.answered"),
        Blow("payment.settle.locked"),
        Blow("payment.settle.written"),
        Blow("cancellation.settle.written"),
    ),
)
OUTBOX = Flow("outbox", "worker", (Blow("outbox.claimed"), Blow("outbox.handled")))
SLIPS = Flow("slips", "worker", (Blow("slips.claimed"), Blow("slips.drawn")))
FLOWS = (CARD, ZEROPAY, CANCEL, RESOLVE, OUTBOX, SLIPS)


@dataclass
class Stage:
    """A victim, a flow, and the bills that are paid meanwhile."""

    world: World
    flow: Flow
    victim: str
    payer: dict[str, Any] = field(init=False)
    browser: Browser = field(init=False)
    others: list[tuple[Browser, list[int]]] = field(default_factory=list)
    bills: list[int] = field(init=False)

    def __post_init__(self) -> None:
        count = len(self.flow.blows)
        self.payer = self.world.payer(count, zeropay=self.flow.zeropay)
        self.browser = self.world.browser(self.payer)
        strikes_all = self.flow.role == "web" and self.victim in ("web", "postgres")
        for _ in range(BYSTANDERS if strikes_all or (NIGHTLY and self.flow.role == "web") else 0):
            other = self.world.payer(count, zeropay=not self.flow.zeropay)
            self.others.append((self.world.browser(other), list(other["deals"])))
        self.bills = [*self.payer["deals"], *(deal for _, deals in self.others for deal in deals)]

    def strike(self, number: int, press: Callable[[], Any]) -> None:
        """Arm the blow, press while others pay, and see that it struck."""
        blow = self.flow.blows[number]
        self.world.arm(blow.step, role=self.flow.role, victim=self.victim, passes=blow.passes)
        errors: list[BaseException] = []

        def guarded(work: Callable[[], Any]) -> None:
            try:
                work()
            except BaseException as error:
                errors.append(error)

        presses = [press, *(_paying(browser, deals[number]) for browser, deals in self.others)]
        threads = [threading.Thread(target=guarded, args=(each,)) for each in presses]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for browser in (self.browser, *(browser for browser, _ in self.others)):
            browser.move()
        if errors:
            raise errors[0]
        self.await_blow(blow.step)
        self.world.kills[self.victim, f"{self.flow.name}"] += 1

    def await_blow(self, step: str) -> None:
        end = time.monotonic() + PATIENCE
        while not self.world.struck(step, role=self.flow.role):
            assert time.monotonic() < end, f"{step} was not reached"
            time.sleep(0.02)
        self.world.clear_blow(step, role=self.flow.role)

    def pay_what_failed(self) -> None:
        """Time goes by; then who was stopped by the fault presses once more."""
        self.world.let_time_pass()
        payers = [
            (self.browser, self.payer["deals"]),
            *((each, each.payer["deals"]) for each, _ in self.others),
        ]
        ends = iter(self.ends())
        for browser, deals in payers:
            for deal in deals:
                if next(ends) == "failed":
                    browser.pay(deal)

    def ends(self) -> list[str]:
        """What became of the last press for each bill."""
        states: dict[str, list[str]] = self.world.call("books.states", deals=self.bills)
        return [(states[str(deal)] or ["never pressed"])[-1] for deal in self.bills]


def _paying(browser: Browser, deal: int) -> Callable[[], Any]:
    return lambda: browser.pay(deal)
