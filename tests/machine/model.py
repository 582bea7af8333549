"""The money of deals, payments and settlement in plain Python, kept beside the real one (R-MONEY-3).

Dictionaries and sums, no SQL and no import of a rule: what the platform must arrive at, worked out anew.
Amounts in won. What a gateway did is known here at once, also where the platform does not know it yet.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime

DECLINED = ("01", "09")
LOST_YES = ("52", "59", "60")
LOST_NO = ("56", "61")
CANCEL_NO = ("70", "74")
CANCEL_LOST = ("82", "84")
CANCEL_NEVER = ("83",)
BEHAVIOURS = ("", *DECLINED, *LOST_YES, *LOST_NO, *CANCEL_NO, *CANCEL_LOST, *CANCEL_NEVER)

Account = tuple[str, int]
LIVE = ("pending", "paid", "cancelling")
SETTLED = ("approved", "exported", "reconciled", "closed")


@dataclass(eq=False)
class Voucher:
    key: int
    company: int
    budget: int
    first_by: datetime
    full_by: datetime
    state: str = "usable"
    due: datetime | None = None
    waiver: bool = False


@dataclass(eq=False)
class Deal:
    key: int
    voucher: Voucher
    supplier: int
    offering: int
    state: str
    due: datetime | None
    amount: int = 0
    tax: int = 0
    evaluated: bool = False


@dataclass(eq=False)
class Payment:
    key: int
    deal: Deal
    behaviour: str
    grant: int
    share: int
    tax: int
    pressed_at: datetime
    order_id: str
    idempotency_key: str
    state: str = "pending"
    gateway: str = "open"
    """What its gateway's book says: open, charged, returned, none."""
    line: Line | None = None
    clawed: Line | None = None
    mistyped: bool = False
    invoiced: bool = False
    hold: int | None = None
    """The key of what holds it back."""
    stays: list[Stay] = field(default_factory=list)

    @property
    def total(self) -> int:
        return self.grant + self.share + self.tax

    @property
    def day(self) -> date:
        return self.pressed_at.date()


@dataclass(eq=False)
class Line:
    key: int
    batch: Batch
    supplier: int
    gross: int
    fee: int
    clawback: int
    carried: int
    state: str = "planned"
    withheld: int = 0
    """Held after its approval: its batch's transfers are without it."""
    stayed: int = 0
    """Held when its transfer had failed: it is not carried on."""
    carried_into: Line | None = None

    @property
    def net(self) -> int:
        return self.gross + self.carried - self.fee - self.clawback

    @property
    def sent(self) -> int:
        return self.net - self.withheld

    @property
    def rest(self) -> int:
        return self.sent - self.stayed


@dataclass(eq=False)
class Stay:
    """A held payment's part of a line that goes on without it, and the line that pays it later."""

    line: Line
    amount: int
    into: Line | None = None


@dataclass(eq=False)
class Batch:
    key: int
    drafter: int
    submitter: int
    state: str = "drafted"
    lines: list[Line] = field(default_factory=list)


class Model:
    def __init__(self, *, fee_bp: int, use_days: int) -> None:
        self.accounts: Counter[Account] = Counter()
        self.vouchers: dict[int, Voucher] = {}
        self.deals: dict[int, Deal] = {}
        self.payments: dict[int, Payment] = {}
        self.batches: dict[int, Batch] = {}
        self.wallets: Counter[int] = Counter()
        """Certificates that a ZeroPay company bought and has left; companies without one pay by card."""
        self.zeropay: set[int] = set()
        self.fee_bp, self.use_days = fee_bp, use_days

    def move(self, source: Account, target: Account, amount: int) -> None:
        self.accounts[source] -= amount
        self.accounts[target] += amount

    def left(self, voucher: Voucher) -> tuple[int, int]:
        return self.accounts["voucher_grant", voucher.key], self.accounts["voucher_share", voucher.key]

    def of(self, voucher: Voucher, *states: str) -> list[Payment]:
        return [p for p in self.payments.values() if p.deal.voucher is voucher and p.state in states]

    # -- what stands in the way ------------------------------------------------------------------------------

    def unusable(self, voucher: Voucher, now: datetime) -> str | None:
        if voucher.state != "usable":
            return f"voucher.{voucher.state}"
        if voucher.due is not None and now >= voucher.due:
            return "voucher.deadline"
        return "voucher.waiver_requested" if voucher.waiver else None

    def unpayable(self, deal: Deal, now: datetime) -> str | None:
        """Why a press would be refused."""
        if deal.state != "billed":
            return "deal.pay.state"
        if deal.due is not None and now >= deal.due:
            return "deal.late"
        if self.live(deal) is not None:
            return "payment.under_way"
        why = self.unusable(deal.voucher, now)
        return why or ("payment.not_enough" if deal.amount > sum(self.left(deal.voucher)) else None)

    def live(self, deal: Deal) -> Payment | None:
        return next((p for p in self.payments.values() if p.deal is deal and p.state in LIVE), None)

    def busy(self, voucher: Voucher) -> bool:
        """R-VOU-2: a payment is under way, or a bill open."""
        billed = any(d.voucher is voucher and d.state == "billed" for d in self.deals.values())
        return billed or bool(self.of(voucher, "pending", "cancelling"))

    # -- payments --------------------------------------------------------------------------------------------

    def hold(self, payment: Payment) -> None:
        voucher, held = payment.deal.voucher, ("hold", payment.key)
        grant_left, share_left = self.left(voucher)
        payment.grant = payment.deal.amount * grant_left // (grant_left + share_left)
        payment.share = payment.deal.amount - payment.grant
        payment.tax = payment.deal.tax
        self.payments[payment.key] = payment
        self.move(("voucher_grant", voucher.key), held, payment.grant)
        self.move(("voucher_share", voucher.key), held, payment.share)
        self.move(("company_tax", voucher.company), held, payment.tax)

    def confirm(self, payment: Payment, now: datetime) -> None:
        """The gateway gets the press: what it does, and what of it reaches us."""
        company, own = payment.deal.voucher.company, payment.share + payment.tax
        if payment.behaviour in (*DECLINED, *LOST_NO):
            payment.gateway = "none"
        elif company in self.zeropay and self.wallets[company] < own:
            payment.gateway = "none"
            self.fail(payment, now)
            return
        else:
            payment.gateway = "charged"
            if company in self.zeropay:
                self.wallets[company] -= own
        if payment.behaviour in DECLINED:
            self.fail(payment, now)
        elif payment.behaviour not in (*LOST_YES, *LOST_NO):
            self.succeed(payment)

    def succeed(self, payment: Payment) -> None:
        payment.state, payment.deal.state, payment.deal.due = "paid", "paid", None
        self.move(("hold", payment.key), ("payable", payment.deal.supplier), payment.total)
        self._after_payment(payment.deal.voucher)

    def _after_payment(self, voucher: Voucher) -> None:
        if voucher.state != "usable":
            return
        voucher.due = voucher.full_by
        if sum(self.left(voucher)) == 0 and not self.of(voucher, "pending", "cancelling"):
            voucher.state, voucher.due = "spent", None

    def fail(self, payment: Payment, now: datetime) -> None:
        payment.state = "failed"
        self._give_back(payment, ("hold", payment.key), now)

    def _give_back(self, payment: Payment, source: Account, now: datetime) -> None:
        voucher = payment.deal.voucher
        alive = voucher.state in ("usable", "spent")
        grant = ("voucher_grant", voucher.key) if alive else ("agency_budget", voucher.budget)
        share = ("voucher_share", voucher.key) if alive else ("pledge", voucher.company)
        self.move(source, grant, payment.grant)
        self.move(source, share, payment.share)
        self.move(source, ("company_tax", voucher.company), payment.tax)
        if not alive:
            return
        paid = bool(self.of(voucher, "paid", "cancelling"))
        first = not paid and now < voucher.first_by
        due = voucher.first_by if first else voucher.full_by
        if voucher.state == "spent":
            voucher.state, voucher.due = "usable", due
        elif paid or voucher.due != voucher.first_by:
            voucher.due = due

    # -- cancellations ---------------------------------------------------------------------------------------

    def cancel(self, payment: Payment, now: datetime) -> None:
        payment.state = "cancelling"
        if payment.behaviour in CANCEL_NO:
            payment.state = "paid"
            self._after_payment(payment.deal.voucher)
        elif payment.behaviour not in CANCEL_NEVER:
            payment.gateway = "returned"
            company = payment.deal.voucher.company
            if company in self.zeropay:
                self.wallets[company] += payment.share + payment.tax
            if payment.behaviour not in CANCEL_LOST:
                self.cancelled(payment, now)

    def cancelled(self, payment: Payment, now: datetime) -> None:
        payment.state, payment.deal.state = "cancelled", "payment_cancelled"
        self._give_back(payment, ("payable", payment.deal.supplier), now)

    def resolve(self, payments: list[Payment], now: datetime) -> Counter[str]:
        """The gateway is asked about each; what it cannot say yet stays as it is."""
        counts: Counter[str] = Counter()
        for payment in payments:
            if payment.state == "pending" and payment.gateway == "charged":
                self.succeed(payment)
                counts["paid"] += 1
            elif payment.state == "pending" and payment.gateway == "none":
                self.fail(payment, now)
                counts["failed"] += 1
            elif payment.state == "cancelling" and payment.gateway == "returned":
                self.cancelled(payment, now)
                counts["cancelled"] += 1
        return counts

    # -- clocks, waivers -------------------------------------------------------------------------------------

    def sweep(self, at: datetime) -> Counter[str]:
        ended: Counter[str] = Counter()
        for deal in self.deals.values():
            live = self.live(deal)
            if deal.state in ("consulting", "billed") and deal.due is not None and deal.due <= at:
                if live is None or live.state != "pending":
                    ended[deal.state] += 1
                    deal.state = "lapsed"
        for voucher in self.vouchers.values():
            due = voucher.state == "usable" and voucher.due is not None and voucher.due <= at
            if due and not self.of(voucher, "pending", "cancelling"):
                self.end(voucher, "revoked" if voucher.due == voucher.first_by else "expired")
                ended[voucher.state] += 1
        return ended

    def end(self, voucher: Voucher, state: str) -> None:
        grant, share = self.left(voucher)
        voucher.state, voucher.due = state, None
        self.move(("voucher_grant", voucher.key), ("agency_budget", voucher.budget), grant)
        self.move(("voucher_share", voucher.key), ("pledge", voucher.company), share)

    # -- what the platform must show -------------------------------------------------------------------------

    def shows(self) -> dict[tuple[str, int], str]:
        """As `world.Stage.shows` reads it from the database."""
        shown = {account: str(amount) for account, amount in self.accounts.items() if amount}
        shown |= {("deal", d.key): d.state for d in self.deals.values()}
        shown |= {
            ("payment", p.key): f"{p.state} {p.grant}+{p.share}+{p.tax}" for p in self.payments.values()
        }
        shown |= {("voucher", v.key): f"{v.state} {v.due.timestamp():.0f}" if v.due else v.state
                  for v in self.vouchers.values()}  # fmt: skip
        shown |= {("batch", b.key): b.state for b in self.batches.values()}
        lines = [line for batch in self.batches.values() for line in batch.lines]
        shown |= {
            ("line", line.key): (
                f"{line.state} {line.gross}-{line.fee}-{line.clawback}+{line.carried}"
                f" {line.withheld} {line.stayed}"
            )
            for line in lines
        }
        return shown
