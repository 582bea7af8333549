"""The rest of the machine's rules: clocks, waivers, evaluations and the settlement."""

from __future__ import annotations

from datetime import datetime, timedelta

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from app.db import db
from app.models.holds import SettlementHold
from app.models.payments import Payment as PaymentRow
from app.policy import Actor
from app.workflows import deadlines, evaluations, settlement, settlement_bank, vouchers
from tests.machine import settling
from tests.machine.asking import Asking
from tests.machine.model import Batch, Deal, Payment, Voucher
from tests.machine.stepping import one_of, pick
from tests.settled import Holders, bank_answer, give_invoice

SCORES = dict.fromkeys(evaluations.CRITERIA, 4)
failing = st.sampled_from([(), (), (0,), (1,), (0, 1)])
"""Which suppliers' accounts the bank does not find."""
MOVES = [timedelta(hours=hours) for hours in (1, 1, 1, 15, 24, 24, 6 * 24)]


class Money(Asking):
    @property
    def holders(self) -> Holders:
        return self.stage.holders

    # -- clocks ----------------------------------------------------------------------------------------------

    @rule(by=st.sampled_from(MOVES))
    def time_goes_by(self, by: timedelta) -> None:
        self.now += by

    @precondition(lambda self: self._in("consulting", "billed"))
    @rule(before=st.sampled_from([timedelta(), timedelta(seconds=1)]), sweeping=st.booleans())
    def until_a_deadline(self, before: timedelta, sweeping: bool) -> None:
        """To the next one of a deal, or to the last second before it."""
        self._until([d.due for d in self._in("consulting", "billed")], before, sweeping)

    @precondition(lambda self: len(self.model.payments) > 4)
    @rule(before=st.sampled_from([timedelta(), timedelta(seconds=1)]), sweeping=st.booleans())
    def until_a_voucher_ends(self, before: timedelta, sweeping: bool) -> None:
        self._until([v.due for v in self.model.vouchers.values() if v.state == "usable"], before, sweeping)

    def _until(self, dues: list[datetime | None], before: timedelta, sweeping: bool) -> None:
        ahead = sorted({due for due in dues if due is not None and due - before > self.now})
        if ahead:
            self.now = ahead[0] - before
        if sweeping:
            self._sweep(self.now)

    @precondition(lambda self: self._due_by(self.now))
    @rule(late=st.sampled_from([timedelta(), timedelta(), timedelta(hours=20)]))
    def sweep(self, late: timedelta) -> None:
        """R-TIME-6: for this moment, or for one in the past."""
        self._sweep(self.now - late)

    def _due_by(self, at: datetime) -> bool:
        dues = [d.due for d in self._in("consulting", "billed")]
        dues += [v.due for v in self.model.vouchers.values() if v.state == "usable"]
        return any(due is not None and due <= at for due in dues)

    def _sweep(self, at: datetime) -> None:
        swept = self.attempt_all("sweep", lambda: deadlines.sweep(at=at))
        ended = self.model.sweep(at)
        assert (swept.consultations, swept.bills) == (ended["consulting"], ended["billed"])
        assert (swept.vouchers_revoked, swept.vouchers_expired) == (ended["revoked"], ended["expired"])
        self.tally.update({f"swept: {name}": count for name, count in ended.items()})

    # -- waivers ---------------------------------------------------------------------------------------------

    @precondition(lambda self: len(self.model.payments) > 1)
    @rule(which=pick, what=st.sampled_from(["ask", "decline", "approve", "approve"]))
    def waiver(self, which: int, what: str) -> None:
        """R-VOU-2"""
        asked = [v for v in self.model.vouchers.values() if v.waiver and v.state == "usable"]
        voucher = one_of(which, self._idle() if what == "ask" else asked, list(self.model.vouchers.values()))
        assert voucher is not None
        if what == "ask":
            self._ask_for_a_waiver(voucher)
        else:
            self._decide_on_a_waiver(voucher, approving=what == "approve")

    def _idle(self) -> list[Voucher]:
        usable = [v for v in self.model.vouchers.values() if self.model.unusable(v, self.now) is None]
        return [v for v in usable if not self.model.busy(v)]

    @precondition(lambda self: len(self.model.payments) > 3 and self._idle())
    @rule(which=pick)
    def waive(self, which: int) -> None:
        voucher = one_of(which, self._idle())
        assert voucher is not None
        self._ask_for_a_waiver(voucher)
        self._decide_on_a_waiver(voucher, approving=which % 4 > 0)

    def _ask_for_a_waiver(self, voucher: Voucher) -> None:
        why = self.model.unusable(voucher, self.now)
        why = why or ("voucher.busy" if self.model.busy(voucher) else None)
        actor = self.stage.buyer_of(voucher.company).actor
        if self.attempt("ask for a waiver", why, lambda: vouchers.request_waiver(actor=actor, reason="폐업")):
            voucher.waiver = True

    def _decide_on_a_waiver(self, voucher: Voucher, *, approving: bool) -> None:
        officer = self.stage.budget_officer
        why = None if voucher.waiver and voucher.state == "usable" else "voucher.no_waiver"
        if not approving:
            if self.attempt(
                "decline a waiver",
                why,
                lambda: vouchers.decline_waiver(actor=officer, voucher_id=voucher.key, reason="통화함"),
            ):
                voucher.waiver = False
            return
        why = why or ("voucher.busy" if self.model.busy(voucher) else None)
        approved = self.attempt(
            "approve a waiver", why, lambda: vouchers.approve_waiver(actor=officer, voucher_id=voucher.key)
        )
        if approved:
            self.model.end(voucher, "waived")

    # -- evaluations -----------------------------------------------------------------------------------------

    @precondition(lambda self: self._in("paid"))
    @rule(which=pick)
    def evaluate(self, which: int) -> None:
        paid = [d for d in self._in("paid") if not d.evaluated]
        deal = one_of(which, paid, self._in())
        assert deal is not None
        self._evaluate(deal)

    def _evaluate(self, deal: Deal) -> None:
        why = "evaluation.exists" if deal.evaluated else None
        why = why if deal.state == "paid" else "evaluation.not_paid"
        actor = self.stage.buyer_of(deal.voucher.company).actor
        if self.attempt(
            "evaluate",
            why,
            lambda: evaluations.write(actor=actor, deal_id=deal.key, scores=SCORES, comment="좋습니다."),
        ):
            deal.evaluated = True

    # -- settlement ------------------------------------------------------------------------------------------

    def _unsettled(self) -> list[Payment]:
        return [p for p in self.model.payments.values() if p.state == "paid" and p.line is None]

    @precondition(lambda self: self._unsettled())
    @rule(by=st.integers(0, 1), far=st.sampled_from([0, 1, 2, 5, 5, 5]), failing=failing)
    def settle(self, by: int, far: int, failing: tuple[int, ...]) -> None:
        """The use of all that is paid confirmed, a draft of it, and as many steps on as `far` says."""
        for payment in self._unsettled():
            if not payment.deal.evaluated:
                self._evaluate(payment.deal)
            if settling.wants_invoice(self.model, payment):
                self._send_invoice(payment)
        batch = self._build(by)
        for _ in range(far if batch is not None else 0):
            self._advance(batch, by, failing)
            self.as_the_model_says()

    def _send_invoice(self, payment: Payment) -> None:
        row = db.session.get_one(PaymentRow, payment.key)
        self.attempt_all("send an invoice", lambda: give_invoice(row))
        payment.invoiced = True

    @precondition(lambda self: len(self.model.payments) > 3)
    @rule(by=st.integers(0, 1))
    def draft(self, by: int) -> None:
        """Also where nothing is ripe, or what is ripe stands in a draft already."""
        self._build(by)

    def _build(self, by: int) -> Batch | None:
        officer, today = self.stage.finance[by], self.now.date()
        expected = settling.draft(self.model, today)
        built = self.attempt_all(
            "build",
            lambda: settlement.build(actor=officer, cutoff=today, programme_id=self.stage.programme),
        )
        assert (built.batch is not None) is bool(expected)
        if built.batch is None:
            return None
        keys = {line.supplier_id: line.id for line in built.batch.lines}
        batch = Batch(built.batch.id, drafter=by, submitter=by)
        settling.enter_draft(self.model, batch, keys, today)
        self.tally["built"] += 1
        self.tally["taken back"] += sum(line.clawback > 0 for line in batch.lines)
        self.tally["carried"] += sum(line.carried > 0 for line in batch.lines)
        return batch

    def _open_batches(self) -> list[Batch]:
        return [b for b in self.model.batches.values() if b.state not in ("closed", "discarded")]

    @precondition(lambda self: self._open_batches())
    @rule(which=pick, by=st.integers(0, 1), failing=failing)
    def go_on(self, which: int, by: int, failing: tuple[int, ...]) -> None:
        batch = one_of(which, self._open_batches(), list(self.model.batches.values()))
        assert batch is not None
        self._advance(batch, by, failing)

    def _advance(self, batch: Batch, by: int, failing: tuple[int, ...]) -> None:
        """The next step of a batch, by whoever comes; the approval by a third (R-ROLE-4)."""
        officer = self.stage.finance[by]
        match batch.state:
            case "drafted":
                self._fire("submit", batch, officer)
                batch.submitter = by
            case "submitted":
                had = {batch.drafter, batch.submitter}
                for one in [*had, min({0, 1, 2} - had)]:
                    self._approve(batch, one)
            case "approved" if all(line.state != "planned" for line in batch.lines):
                self._conclude(batch, officer)
            case "approved":
                if self.attempt_all(
                    "export", lambda: settlement_bank.export_bank_file(actor=officer, batch_id=batch.key)
                ):
                    batch.state = "exported"
            case "exported":
                self._import(batch, failing)
            case "reconciled":
                self._fire("close", batch, officer)
            case _:
                self.attempt(
                    "submit what is over",
                    "settlement_batch.submit.state",
                    lambda: settlement.submit(actor=officer, batch_id=batch.key),
                )

    def _conclude(self, batch: Batch, officer: Actor) -> None:
        """All of it is held: there is nothing to send (R-SET-4)."""
        self.attempt(
            "export nothing",
            "settlement.nothing_to_send",
            lambda: settlement_bank.export_bank_file(actor=officer, batch_id=batch.key),
        )
        self.attempt_all("conclude", lambda: settlement.conclude(actor=officer, batch_id=batch.key))
        batch.state = "closed"

    def _fire(self, action: str, batch: Batch, officer: Actor) -> None:
        act = {"submit": settlement.submit, "close": settlement.close}[action]
        self.attempt_all(action, lambda: act(actor=officer, batch_id=batch.key))
        batch.state = settling.NEXT[batch.state]

    def _approve(self, batch: Batch, by: int) -> None:
        why = "same_person" if by in (batch.drafter, batch.submitter) else None
        why = why or ("settlement.changed" if settling.changed(self.model, batch) else None)
        officer = self.stage.finance[by]
        if self.attempt("approve", why, lambda: settlement.approve(actor=officer, batch_id=batch.key)):
            settling.approve(self.model, batch, self.stage.programme)
        elif why == "settlement.changed":
            settlement.send_back(actor=officer, batch_id=batch.key, reason="취소된 결제")
            batch.state = "drafted"
            self._discard(batch, by)

    def _import(self, batch: Batch, failing: tuple[int, ...]) -> None:
        """By another than the drafter (R-ROLE-4)."""
        failed = [self.stage.sellers[n] for n in failing]
        drafter, officer = self.stage.finance[batch.drafter], self.stage.finance[1 - batch.drafter]
        sent = settlement_bank.export_bank_file(actor=officer, batch_id=batch.key).content
        answer = bank_answer(sent, *[seller.account_end for seller in failed])

        def take(by: Actor = officer) -> settlement_bank.Imported:
            return settlement_bank.import_result(
                actor=by, batch_id=batch.key, content=answer, file_name="result.csv"
            )

        self.attempt("import one's own", "same_person", lambda: take(drafter))
        taken = self.attempt_all("import", take)
        settling.enter_result(self.model, batch, {seller.supplier for seller in failed})
        self.tally["held after a failure"] += sum(line.stayed > 0 for line in batch.lines)
        self.tally["paid without what is held"] += sum(line.withheld > 0 for line in batch.lines)
        states = [line.state for line in batch.lines if line.sent]
        assert (taken.paid, taken.failed) == (states.count("paid"), states.count("failed"))
        self.tally.update({f"line {state}": 1 for state in states})
        self.as_the_model_says()
        self.attempt("import again", "settlement.result.taken", take)

    # -- holds -----------------------------------------------------------------------------------------------

    @precondition(lambda self: self._open_batches())
    @rule(which=pick)
    def hold(self, which: int) -> None:
        """R-SET-4: what an open batch is about to pay, or anything else."""
        lines = [line for batch in self._open_batches() for line in batch.lines]
        about = [p for p in self.model.payments.values() if settling.line_now(p) in lines]
        payment = one_of(which, [p for p in about if p.hold is None], list(self.model.payments.values()))
        if payment is not None:
            self._hold(payment)

    def _hold(self, payment: Payment) -> None:
        why = "hold.paid_out" if settling.paid_out(payment) else None
        why = why if payment.state in ("paid", "cancelling") else "hold.state"
        why = "hold.held" if payment.hold is not None else why
        placed = self.attempt("hold", why, lambda: self.holders.place(payment.key))
        if placed is not None:
            payment.hold = placed.id
            self.tally[settling.keep_back(self.model, payment) or "held where it stands"] += 1

    def _held(self) -> list[Payment]:
        return [p for p in self.model.payments.values() if p.hold is not None]

    @precondition(lambda self: self._held())
    @rule(which=pick)
    def let_go(self, which: int) -> None:
        held = self._held()
        self._let_go(held[which % len(held)])

    def _let_go(self, payment: Payment) -> None:
        hold = db.session.get_one(SettlementHold, payment.hold)
        self.attempt_all("let go", lambda: self.holders.release(hold))
        payment.hold = None

    # -- drafts given up -------------------------------------------------------------------------------------

    @precondition(lambda self: any(b.state == "drafted" for b in self.model.batches.values()))
    @rule(which=pick, by=st.integers(0, 1))
    def give_a_draft_up(self, which: int, by: int) -> None:
        drafts = [b for b in self.model.batches.values() if b.state == "drafted"]
        if which % 3 == 0:
            self._discard(drafts[which % len(drafts)], by)

    def _discard(self, batch: Batch, by: int) -> None:
        self.attempt_all(
            "discard",
            lambda: settlement.discard(actor=self.stage.finance[by], batch_id=batch.key, reason="다시"),
        )
        settling.discard(self.model, batch)
