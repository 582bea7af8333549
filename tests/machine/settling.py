"""The model's settlement (R-SET-1, R-SET-2, R-SET-4): drafts, approvals, holds, what the bank answers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from tests.machine.model import SETTLED, Batch, Line, Model, Payment, Stay

NEXT = {
    "drafted": "submitted",
    "submitted": "approved",
    "approved": "exported",
    "exported": "reconciled",
    "reconciled": "closed",
}


def lines_of(model: Model) -> list[Line]:
    return [line for batch in model.batches.values() for line in batch.lines]


def ripe(model: Model, today: date) -> list[Payment]:
    """Paid, its use confirmed, by ZeroPay with its invoice, not held, in no line."""
    used = today - timedelta(days=model.use_days)
    return [
        p
        for p in model.payments.values()
        if p.state == "paid" and p.line is None and (p.day <= used or p.deal.evaluated)
        if not wants_invoice(model, p) and p.hold is None
    ]


def wants_invoice(model: Model, payment: Payment) -> bool:
    return payment.deal.voucher.company in model.zeropay and not payment.invoiced


def line_now(payment: Payment) -> Line | None:
    """The line that pays it, or the last of those that took it over, or where it stayed behind."""
    line = payment.line
    while line is not None:
        stay = next((stay for stay in payment.stays if stay.line is line), None)
        following = line.carried_into if stay is None else stay.into
        if following is None:
            return line
        line = following
    return None


def stays(payment: Payment) -> bool:
    """Whether the line goes, or went, on without it."""
    return any(stay.into is None for stay in payment.stays)


def paid_out(payment: Payment) -> bool:
    line = line_now(payment)
    return line is not None and not stays(payment) and (line.state == "paid" or line.rest == 0)


def held_in(model: Model, line: Line) -> bool:
    """Whether a payment that this line would pay, in it or through what it carries, is held. What was
    cancelled makes good what is taken back for it."""
    held = [p for p in model.payments.values() if p.hold is not None and p.state != "cancelled"]
    return any(line_now(p) is line and not stays(p) for p in held)


def keep_back(model: Model, payment: Payment) -> str:
    """What was approved and not sent leaves the transfer, its money goes back; of what failed it is not
    carried on. Tells which of the two it was."""
    line = line_now(payment)
    if line is None or stays(payment):
        return ""
    part = min(_worth(payment), line.rest)
    if line.batch.state == "approved" and line.state in ("planned", "held"):
        line.withheld += part
        line.state = "planned" if line.sent else "held"
        model.move(("transfer", line.key), ("payable", line.supplier), part)
        what = "held back"
    elif line.state == "failed":
        line.stayed += part
        what = "held after a failure"
    else:
        return ""
    payment.stays.append(Stay(line, part))
    return what


def _worth(payment: Payment) -> int:
    """Less its share of the fee; where it had stayed behind before, what it was worth then."""
    if payment.stays:
        return payment.stays[-1].amount
    if payment.line is None:
        raise ValueError("in no line")
    return payment.total - payment.total * payment.line.fee // payment.line.gross


def keep_back_in(model: Model, lines: list[Line]) -> None:
    """Their money has just come back."""
    for payment in model.payments.values():
        if payment.hold is not None and line_now(payment) in lines:
            keep_back(model, payment)


def let_go(payments: list[Payment]) -> list[tuple[Payment, Stay]]:
    """What stayed behind and may go on: nothing holds it any more, or it makes good its own cancellation.
    What is being cancelled waits for its answer."""
    return [
        (p, stay)
        for p in payments
        for stay in p.stays
        if stay.into is None and stay.amount
        if p.state == "cancelled" or p.state == "paid" and p.hold is None
    ]


def to_take_back(model: Model) -> list[Payment]:
    """Cancelled after it was settled, and in no later line."""
    return [
        p
        for p in model.payments.values()
        if p.state == "cancelled" and p.line and p.line.batch.state in SETTLED and p.clawed is None
    ]


@dataclass
class Draft:
    """What a supplier would get: payments, clawbacks, failed transfers, and what had been held."""

    paid: list[Payment]
    back: list[Payment]
    failed: list[Line]
    freed: list[Stay]

    @property
    def gross(self) -> int:
        return sum(p.total for p in self.paid)

    @property
    def clawback(self) -> int:
        return sum(p.total for p in self.back)

    @property
    def carried(self) -> int:
        return sum(line.rest for line in self.failed) + sum(stay.amount for stay in self.freed)

    def fee(self, bp: int) -> int:
        return self.gross * bp // 10000

    def net(self, bp: int) -> int:
        return self.gross + self.carried - self.fee(bp) - self.clawback


def draft(model: Model, today: date) -> dict[int, Draft]:
    """By supplier, of those to whom something would be paid."""
    failed = [
        line for line in lines_of(model) if line.state == "failed" and not line.carried_into and line.rest
    ]
    freed = let_go(list(model.payments.values()))
    paid, back = ripe(model, today), to_take_back(model)
    suppliers = {p.deal.supplier for part in (paid, back, [p for p, _ in freed]) for p in part}
    found = {}
    for supplier in sorted(suppliers | {line.supplier for line in failed}):
        mine = Draft(
            [p for p in paid if p.deal.supplier == supplier],
            [p for p in back if p.deal.supplier == supplier],
            [line for line in failed if line.supplier == supplier],
            [stay for p, stay in freed if p.deal.supplier == supplier],
        )
        if mine.net(model.fee_bp) > 0:
            found[supplier] = mine
    return found


def enter_draft(model: Model, batch: Batch, keys: dict[int, int], today: date) -> None:
    """`keys`: the key of each supplier's line, as the database gave it."""
    for supplier, mine in draft(model, today).items():
        line = Line(
            key=keys[supplier],
            batch=batch,
            supplier=supplier,
            gross=mine.gross,
            fee=mine.fee(model.fee_bp),
            clawback=mine.clawback,
            carried=mine.carried,
        )
        batch.lines.append(line)
        for payment in mine.paid:
            payment.line = line
        for payment in mine.back:
            payment.clawed = line
        for failed in mine.failed:
            failed.state, failed.carried_into = "carried", line
        for stay in mine.freed:
            stay.into = line
    model.batches[batch.key] = batch


def discard(model: Model, batch: Batch) -> None:
    batch.state = "discarded"
    for payment in model.payments.values():
        payment.line = None if payment.line in batch.lines else payment.line
        payment.clawed = None if payment.clawed in batch.lines else payment.clawed
        for stay in payment.stays:
            stay.into = None if stay.into in batch.lines else stay.into
    again = [line for line in lines_of(model) if line.carried_into in batch.lines]
    for line in again:
        line.state, line.carried_into = "failed", None
    batch.lines = []
    keep_back_in(model, again)


def changed(model: Model, batch: Batch) -> bool:
    """Whether something in it was cancelled since, is being cancelled, or is held."""
    inside = [p for p in model.payments.values() if line_now(p) in batch.lines and not stays(p)]
    fresh = [p for p in inside if p.line in batch.lines or p.stays]
    cancelled = any(p.state == "cancelled" for p in inside if p.clawed is None)
    under_way = any(p.state == "cancelling" for p in fresh)
    return cancelled or under_way or any(held_in(model, line) for line in batch.lines)


def approve(model: Model, batch: Batch, programme: int) -> None:
    batch.state = "approved"
    for line in batch.lines:
        model.move(("payable", line.supplier), ("transfer", line.key), line.net)
        model.move(("payable", line.supplier), ("fee", programme), line.fee)


def enter_result(model: Model, batch: Batch, failing: set[int]) -> None:
    """The bank's answer; `failing`: the suppliers to whose accounts nothing came."""
    batch.state = "reconciled"
    for line in batch.lines:
        if line.state != "planned":
            continue
        good = line.supplier not in failing
        line.state = "paid" if good else "failed"
        target = ("paid_out" if good else "payable", line.supplier)
        model.move(("transfer", line.key), target, line.sent)
    keep_back_in(model, [line for line in batch.lines if line.state == "failed"])
