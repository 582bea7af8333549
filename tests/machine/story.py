"""The ways that chance seldom takes, told once by hand with the machine's own rules and its own model."""

from __future__ import annotations

from datetime import timedelta

from app.models.programme import VatMode
from tests.machine import settling
from tests.machine.machine import Money
from tests.machine.model import Payment


def last(machine: Money) -> Payment:
    return list(machine.model.payments.values())[-1]


def bought(machine: Money, who: int, seller: int, behaviour: str = "", quantity: int = 1) -> Payment:
    machine.buy(who=who, seller=seller, quantity=quantity, behaviour=behaviour)
    machine.as_the_model_says()
    return last(machine)


def tell(machine: Money) -> None:
    machine.begin(vat_mode=VatMode.BORNE, share_percent=30)
    machine.as_the_model_says()
    payments_and_answers(machine)
    settled_and_taken_back(machine)
    drafts_given_up(machine)
    waivers_and_deadlines(machine)


def payments_and_answers(machine: Money) -> None:
    """Each answer of a gateway to a press, and each to a cancellation by the company."""
    for behaviour in ("09", "52", "56"):
        bought(machine, 0, 1, behaviour)
        machine.resolve(hinted_only=False)
        machine.as_the_model_says()
    for behaviour in ("", "70", "82"):
        payment = bought(machine, 0, 1, behaviour)
        machine._cancel(payment, "stranger")
        machine._cancel(payment, "supplier")
        machine._cancel(payment, "company")
        machine.as_the_model_says()
        machine.resolve(hinted_only=False)
        machine.as_the_model_says()
    machine._deal(0, 0, 1)
    machine._deal(0, 1, 1)
    for deal in machine._payable()[:2]:
        code = machine._ask(deal, "")
        assert code is not None
    machine._press(machine.codes[-1])
    machine.as_the_model_says()
    for n in range(len(machine.pressed)):
        machine.press_again(which=n, other=True)
        machine.press_again(which=n, other=False)
    machine.call_back(which=0, manner="forged")
    machine._ask_for_a_waiver(next(iter(machine.model.vouchers.values())))
    machine.as_the_model_says()


def settled_and_taken_back(machine: Money) -> None:
    """A transfer that fails is carried on; what is cancelled after its settlement is taken back (환수)."""
    lost, kept = bought(machine, 1, 0, "82"), bought(machine, 1, 1)
    machine.settle(by=0, far=5, failing=(0,))
    machine.as_the_model_says()
    assert lost.line is not None and lost.line.state == "failed"
    assert kept.line is not None and kept.line.state == "paid"
    bought(machine, 1, 0)
    machine.settle(by=1, far=5, failing=())
    machine.as_the_model_says()
    machine.now += timedelta(days=1)
    machine._cancel(lost, "company")
    machine._cancel(lost, "supplier")
    machine.as_the_model_says()
    machine.resolve(hinted_only=False)
    machine._cancel(kept, "supplier")
    machine.as_the_model_says()
    bought(machine, 1, 0, quantity=3)
    machine.settle(by=0, far=5, failing=())
    machine.as_the_model_says()
    assert lost.clawed is not None


def drafts_given_up(machine: Money) -> None:
    """Because something in it was cancelled; because somebody thinks better of it, with what it carried."""
    going = bought(machine, 1, 0)
    machine._evaluate(going.deal)
    batch = machine._build(0)
    assert batch is not None
    machine.as_the_model_says()
    machine._cancel(going, "company")
    for _ in range(2):
        machine._advance(batch, 0, ())
        machine.as_the_model_says()
    assert batch.state == "discarded"
    bought(machine, 1, 0)
    machine.settle(by=0, far=5, failing=(0,))
    bought(machine, 1, 0)
    machine.settle(by=0, far=0, failing=())
    machine.as_the_model_says()
    machine.give_a_draft_up(which=0, by=0)
    machine.as_the_model_says()


def waivers_and_deadlines(machine: Money) -> None:
    """A voucher that is waived, one that is used too late, one that was never used, and bills that lapse."""
    used, waived, unused = machine.model.vouchers.values()
    machine._ask_for_a_waiver(waived)
    machine._decide_on_a_waiver(waived, approving=False)
    machine._ask_for_a_waiver(waived)
    machine._decide_on_a_waiver(waived, approving=True)
    machine.as_the_model_says()
    machine.deal(who=2, seller=0, quantity=1, far="no")
    machine.as_the_model_says()
    asked = machine._deal(2, 0, 1, "asked")
    billed = machine._deal(2, 1, 1)
    given_up = machine._deal(2, 1, 1)
    assert asked is not None and billed is not None and given_up is not None
    machine.withdraw(which=list(machine.model.deals).index(given_up.key) * 4)
    for before in (timedelta(seconds=1), timedelta()):
        machine.until_a_deadline(before=before, sweeping=True)
        machine.as_the_model_says()
    for voucher in (unused, used):
        assert voucher.due is not None
        machine.now = max(machine.now, voucher.due)
        machine.sweep(late=timedelta())
        machine.as_the_model_says()
    machine.now += timedelta(days=1)
    machine.sweep(late=timedelta())
    assert (used.state, waived.state, unused.state) == ("expired", "waived", "revoked")


def tell_of_holds(machine: Money) -> None:
    """By card and by ZeroPay, with its tax invoices: what is held, sent, carried on and let go."""
    machine.begin(vat_mode=VatMode.INCLUDED, share_percent=10)
    machine.buy_certificates(amount=21_000)
    held, free = bought(machine, 2, 0), bought(machine, 0, 1)
    assert held.deal.supplier != free.deal.supplier
    machine.settle(by=0, far=2, failing=())
    _hold_and_go_on(machine, held)
    assert free.line is not None and free.line.state == "paid"
    machine._hold(held)
    machine._hold(free)
    machine._let_go(held)
    machine.as_the_model_says()
    _refused_while_held(machine, held)
    machine.settle(by=1, far=2, failing=())
    _hold_and_go_on(machine, held)
    machine._let_go(held)
    bought(machine, 0, 1)
    machine.settle(by=0, far=5, failing=())
    machine.as_the_model_says()
    last_line = settling.line_now(held)
    assert last_line is not None and last_line is not held.line and last_line.state == "paid"
    _pay_the_others(machine)
    _carry_the_others_on(machine)
    alone = bought(machine, 0, 1)
    machine.settle(by=0, far=2, failing=())
    _hold_and_go_on(machine, alone)


def _pay_the_others(machine: Money) -> None:
    """One of two payments in a line is held: the line is paid without it, the next one pays it."""
    held, free = bought(machine, 0, 1), bought(machine, 0, 1)
    machine.settle(by=0, far=2, failing=())
    _hold_and_go_on(machine, held)
    assert held.line is free.line and settling.paid_out(free) and settling.stays(held)
    machine._let_go(held)
    machine.settle(by=1, far=5, failing=())
    machine.as_the_model_says()
    assert settling.paid_out(held)


def _carry_the_others_on(machine: Money) -> None:
    """Held at the bank, and the transfer fails: what is not held is carried on."""
    held, free = bought(machine, 0, 1), bought(machine, 0, 1)
    machine.settle(by=0, far=3, failing=())
    batch = list(machine.model.batches.values())[-1]
    assert batch.state == "exported"
    machine._hold(held)
    machine._advance(batch, 0, (1,))
    machine.as_the_model_says()
    machine.settle(by=1, far=5, failing=())
    machine.as_the_model_says()
    assert settling.paid_out(free) and settling.stays(held)
    machine._let_go(held)
    machine.settle(by=0, far=5, failing=())
    machine.as_the_model_says()
    assert settling.paid_out(held)


def _hold_and_go_on(machine: Money, payment: Payment) -> None:
    """To the end of its batch, without its line."""
    batch = list(machine.model.batches.values())[-1]
    assert batch.state == "approved"
    machine._hold(payment)
    machine.as_the_model_says()
    while batch.state != "closed":
        machine._advance(batch, 0, ())
        machine.as_the_model_says()


def _refused_while_held(machine: Money, payment: Payment) -> None:
    """A draft that carries it is not approved."""
    machine._evaluate(bought(machine, 0, 0).deal)
    batch = machine._build(0)
    assert batch is not None
    machine._hold(payment)
    for _ in range(2):
        machine._advance(batch, 0, ())
        machine.as_the_model_says()
    assert batch.state == "discarded"
    machine._let_go(payment)
    machine.as_the_model_says()


TALES = (tell, tell_of_holds)
