"""The model's settlement (R-SET-1, R-SET-2, R-SET-4): drafts, approvals, holds, what the bank answers."""

from __future__ import annotations

from datetime import date, timedelta

from tests.machine.model import SETTLED, Batch, Line, Model, Payment

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
    """The line that pays it, or the last of those that took it over."""
    line = payment.line
    while line is not None and line.carried_into is not None:
        line = line.carried_into
    return line


def held_in(model: Model, line: Line) -> bool:
    """Whether a payment that this line would pay, in it or through what it carries, is held."""
    return any(p.hold is not None and line_now(p) is line for p in model.payments.values())


def hold_back(model: Model, payment: Payment) -> bool:
    """A line that was approved and not sent leaves the transfers, its money goes back."""
    line = line_now(payment)
    if line is None or line.batch.state != "approved" or line.state != "planned":
        return False
    line.state, line.left_out = "held", True
    model.move(("transfer", line.key), ("payable", line.supplier), line.net)
    return True


def let_go(model: Model, payment: Payment) -> None:
    line = line_now(payment)
    if line is not None and line.state == "held" and not held_in(model, line):
        line.state = "failed"


def to_take_back(model: Model) -> list[Payment]:
    """Cancelled after it was settled, and in no later line."""
    return [
        p
        for p in model.payments.values()
        if p.state == "cancelled" and p.line and p.line.batch.state in SETTLED and p.clawed is None
    ]


def draft(model: Model, today: date) -> dict[int, tuple[list[Payment], list[Payment], list[Line]]]:
    """By supplier, of those to whom something would be paid: payments, clawbacks, failed transfers."""
    failed = [
        line
        for line in lines_of(model)
        if line.state == "failed" and line.carried_into is None and not held_in(model, line)
    ]
    parts = ripe(model, today), to_take_back(model)
    suppliers = {p.deal.supplier for part in parts for p in part} | {line.supplier for line in failed}
    found = {}
    for supplier in sorted(suppliers):
        paid, back = ([p for p in part if p.deal.supplier == supplier] for part in parts)
        carried = [line for line in failed if line.supplier == supplier]
        gross, clawback = sum(p.total for p in paid), sum(p.total for p in back)
        net = gross + sum(c.net for c in carried) - gross * model.fee_bp // 10000 - clawback
        if net > 0:
            found[supplier] = (paid, back, carried)
    return found


def enter_draft(model: Model, batch: Batch, keys: dict[int, int], today: date) -> None:
    """`keys`: the key of each supplier's line, as the database gave it."""
    for supplier, (paid, back, carried) in draft(model, today).items():
        gross = sum(p.total for p in paid)
        line = Line(
            key=keys[supplier],
            batch=batch,
            supplier=supplier,
            gross=gross,
            fee=gross * model.fee_bp // 10000,
            clawback=sum(p.total for p in back),
            carried=sum(c.net for c in carried),
        )
        batch.lines.append(line)
        for payment in paid:
            payment.line = line
        for payment in back:
            payment.clawed = line
        for failed in carried:
            failed.state, failed.carried_into = "carried", line
    model.batches[batch.key] = batch


def discard(model: Model, batch: Batch) -> None:
    batch.state = "discarded"
    for payment in model.payments.values():
        payment.line = None if payment.line in batch.lines else payment.line
        payment.clawed = None if payment.clawed in batch.lines else payment.clawed
    for line in lines_of(model):
        if line.carried_into in batch.lines:
            line.state, line.carried_into = "failed", None
    batch.lines = []


def changed(model: Model, batch: Batch) -> bool:
    """Whether something in it was cancelled since, is being cancelled, or is held."""
    cancelled = any(p.line in batch.lines and p.state != "paid" for p in model.payments.values() if p.line)
    return cancelled or any(held_in(model, line) for line in batch.lines)


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
        model.move(("transfer", line.key), target, line.net)
