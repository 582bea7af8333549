"""A voucher's clocks and ends. Payments are set up as rows with the ledger entries that they bring along."""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta

import pytest

from app import clock
from app.db import db, transaction
from app.errors import Conflict, Denied, InvalidInput
from app.models.applications import ApplicationState
from app.models.deals import Deal, DealState
from app.models.ledger import JournalKind, LedgerAccount
from app.models.payments import Payment, PaymentState
from app.models.vouchers import InstrumentKind, Voucher
from app.models.vouchers import VoucherState as State
from app.policy import CLOCK, Actor, Role
from app.workflows import budget, ledger, record, vouchers, vouchers_reads, waiver_reads
from app.workflows.ledger import move
from app.workflows.vouchers import VOUCHER
from tests import factories
from tests.integration.workflows import joining

pytestmark = pytest.mark.usefixtures("tx")
NOW = datetime(2020, 11, 16, 9, 0, tzinfo=clock.KST)
FIRST = datetime(2020, 12, 17, tzinfo=clock.KST)
FULL = datetime(2021, 7, 17, tzinfo=clock.KST)
BUDGET = LedgerAccount.AGENCY_BUDGET
_serial = itertools.count(1)


@pytest.fixture
def stage(tx: object) -> joining.Stage:
    return joining.set_stage(vouchers=3, year=2020)


def granted(stage: joining.Stage) -> tuple[Voucher, Actor]:
    company = factories.make_company(programme_id=stage.programme.id, agency_id=stage.agency.id)
    application = factories.make_application(company=company, state=ApplicationState.SCREENED)
    person = factories.make_actor(Role.DEMAND, company_id=company.id)
    db.session.commit()
    with clock.at(NOW):
        return budget.confirm_one(actor=stage.officer, application_id=application.id), person


def deal_of(voucher: Voucher, state: DealState) -> Deal:
    offering = factories.make_offering()
    deal = Deal(
        programme_id=voucher.programme_id, company_id=voucher.company_id, supplier_id=offering.supplier_id,
        offering_id=offering.id, version_id=offering.current_version_id, state=state, memo="상담",
        requested_at=NOW,
    )  # fmt: skip
    db.session.add(deal)
    db.session.flush()
    return deal


def press(voucher: Voucher, grant: int, share: int) -> Payment:
    """A payment whose outcome is open, its money on hold."""
    deal = deal_of(voucher, DealState.CONSULTING)
    n = next(_serial)
    payment = Payment(
        programme_id=voucher.programme_id, deal_id=deal.id, voucher_id=voucher.id,
        company_id=voucher.company_id,
        supplier_id=deal.supplier_id, instrument_kind=InstrumentKind.ZEROPAY, state=PaymentState.PENDING,
        idempotency_key=f"press-{n}", order_id=f"order-{n}", grant_part=grant, share_part=share, tax_part=0,
        pressed_at=clock.now(),
    )  # fmt: skip
    db.session.add(payment)
    db.session.flush()
    legs = move((LedgerAccount.VOUCHER_GRANT, voucher.id), (LedgerAccount.HOLD, payment.id), grant)
    legs += move((LedgerAccount.VOUCHER_SHARE, voucher.id), (LedgerAccount.HOLD, payment.id), share)
    ledger.post(f"hold:{n}", JournalKind.HOLD, legs, programme_id=voucher.programme_id, actor=CLOCK)
    db.session.commit()
    return payment


def settle(voucher: Voucher, payment: Payment, *, paid: bool = True) -> None:
    """The outcome, as the payment's verbs bring it: ledger, state, then the voucher."""
    total = payment.grant_part + payment.share_part
    hold = (LedgerAccount.HOLD, payment.id)
    with transaction():
        legs = move(hold, (LedgerAccount.PAYABLE, payment.supplier_id), total)
        if not paid:
            legs = move(hold, (LedgerAccount.VOUCHER_GRANT, voucher.id), payment.grant_part)
            legs += move(hold, (LedgerAccount.VOUCHER_SHARE, voucher.id), payment.share_part)
        kind = JournalKind.PAYMENT if paid else JournalKind.RELEASE
        ledger.post(f"settle:{payment.id}", kind, legs, programme_id=voucher.programme_id, actor=CLOCK)
        payment.state = PaymentState.PAID if paid else PaymentState.FAILED
        locked = vouchers.require_voucher(voucher.company_id)
        (vouchers.after_payment if paid else vouchers.after_cancellation)(locked)


def cancel(voucher: Voucher, payment: Payment) -> None:
    supplier = (LedgerAccount.PAYABLE, payment.supplier_id)
    with transaction():
        legs = move(supplier, (LedgerAccount.VOUCHER_GRANT, voucher.id), payment.grant_part)
        legs += move(supplier, (LedgerAccount.VOUCHER_SHARE, voucher.id), payment.share_part)
        ledger.post(
            f"cancel:{payment.id}",
            JournalKind.CANCELLATION,
            legs,
            programme_id=voucher.programme_id,
            actor=CLOCK,
        )
        payment.state = PaymentState.CANCELLED
        vouchers.after_cancellation(vouchers.require_voucher(voucher.company_id))


def sweep(at: datetime) -> vouchers.Swept:
    found = vouchers.sweep(at=at)
    db.session.expire_all()
    return found


def test_the_first_payment_ends_the_first_clock(stage: joining.Stage) -> None:
    """R-TIME-5"""
    voucher, _ = granted(stage)
    with clock.at(NOW):
        settle(voucher, press(voucher, 900, 100))
    assert (voucher.due_at, voucher.state) == (FULL, State.USABLE)
    assert sweep(FIRST) == vouchers.Swept([], [])


def test_without_a_first_payment_it_is_taken_back(stage: joining.Stage) -> None:
    """R-VOU-1, R-TIME-6: at the stroke, not a moment before; a second sweep changes nothing."""
    voucher, _ = granted(stage)
    before = ledger.balance(BUDGET, stage.budget.id)
    assert sweep(FIRST - timedelta(microseconds=1)).revoked == []
    assert sweep(FIRST).revoked == [voucher.id]
    assert sweep(FIRST + timedelta(days=400)) == vouchers.Swept([], [])
    assert (voucher.state, voucher.due_at) == (State.REVOKED, None)
    assert ledger.balance(BUDGET, stage.budget.id) == before + 3_600_000
    assert ledger.balance(LedgerAccount.PLEDGE, voucher.company_id) == 0
    assert ledger.verify() == [] and record.verify() == []
    with pytest.raises(Conflict, match="voucher.revoked"):
        vouchers.usable_for(company_id=voucher.company_id)


def test_what_is_not_used_up_in_time_expires(stage: joining.Stage) -> None:
    """R-VOU-1: a late sweep judges by the deadline."""
    voucher, person = granted(stage)
    with clock.at(NOW):
        settle(voucher, press(voucher, 1_800_000, 200_000))
    assert sweep(FULL + timedelta(days=30)).expired == [voucher.id]
    shown = vouchers_reads.overview(actor=person)
    assert shown is not None and voucher.state is State.EXPIRED
    assert (shown.spent.total, shown.left.total, shown.returned.total) == (2_000_000, 0, 2_000_000)


def test_an_answer_after_the_deadline_but_before_the_sweep_is_late(stage: joining.Stage) -> None:
    """R-TIME-6"""
    voucher, _ = granted(stage)
    with clock.at(FIRST - timedelta(seconds=1)):
        assert vouchers.usable_for(company_id=voucher.company_id).id == voucher.id
    with clock.at(FIRST), pytest.raises(Conflict, match="voucher.deadline"):
        vouchers.usable_for(company_id=voucher.company_id)


@pytest.mark.parametrize("paid", [True, False])
def test_a_payment_in_flight_is_waited_for(stage: joining.Stage, paid: bool) -> None:
    """R-VOU-3: what counts is when the person pressed."""
    voucher, _ = granted(stage)
    with clock.at(FIRST - timedelta(seconds=1)):
        payment = press(voucher, 900, 100)
    assert sweep(FIRST).revoked == []
    with clock.at(FIRST + timedelta(minutes=1)):
        settle(voucher, payment, paid=paid)
    assert sweep(FIRST + timedelta(minutes=2)).revoked == ([] if paid else [voucher.id])
    assert ledger.verify() == []


def test_spent_to_the_last_won_and_usable_again_after_a_cancellation(stage: joining.Stage) -> None:
    """R-VOU-1, R-PAY-6"""
    voucher, person = granted(stage)
    with clock.at(NOW):
        settle(voucher, press(voucher, 900_000, 100_000))
        last = press(voucher, 2_700_000, 300_000)
        settle(voucher, last)
        assert (voucher.state, voucher.due_at) == (State.SPENT, None)
        with pytest.raises(Conflict, match="voucher.spent"):
            vouchers.usable_for(company_id=voucher.company_id)
        cancel(voucher, last)
    assert (voucher.state, voucher.due_at) == (State.USABLE, FULL)
    shown = vouchers_reads.overview(actor=person)
    assert shown is not None
    assert (shown.spent.grant, shown.spent.share, shown.left.total) == (900_000, 100_000, 3_000_000)


def test_an_open_payment_keeps_an_empty_voucher_from_being_spent(stage: joining.Stage) -> None:
    """R-PAY-4: the money on hold may come back."""
    voucher, person = granted(stage)
    with clock.at(NOW):
        open_ = press(voucher, 1_800_000, 200_000)
        settle(voucher, press(voucher, 1_800_000, 200_000))
    assert voucher.state is State.USABLE
    shown = vouchers_reads.overview(actor=person)
    assert shown is not None and (shown.held.total, shown.left.total) == (2_000_000, 0)
    with clock.at(NOW):
        settle(voucher, open_, paid=False)
    assert (voucher.state, voucher.due_at) == (State.USABLE, FULL)
    assert ledger.verify() == []


def test_the_only_payment_cancelled_in_time_lets_the_first_clock_run_on(stage: joining.Stage) -> None:
    """R-TIME-5, R-PAY-6"""
    voucher, _ = granted(stage)
    with clock.at(NOW):
        payment = press(voucher, 900, 100)
        settle(voucher, payment)
        cancel(voucher, payment)
    assert voucher.due_at == FIRST
    assert sweep(FIRST).revoked == [voucher.id]


def test_waiver_is_asked_for_and_approved(stage: joining.Stage) -> None:
    """R-VOU-2"""
    voucher, person = granted(stage)
    with clock.at(NOW):
        with pytest.raises(InvalidInput, match="reason_missing"):
            vouchers.request_waiver(actor=person, reason="")
        vouchers.request_waiver(actor=person, reason="사업을 접습니다.")
        with pytest.raises(Conflict, match="voucher.waiver_requested"):
            vouchers.usable_for(company_id=voucher.company_id)
        assert [v.id for v in waiver_reads.waiting(actor=stage.officer)] == [voucher.id]
        with pytest.raises(Denied):
            vouchers.approve_waiver(actor=person, voucher_id=voucher.id)
        vouchers.approve_waiver(actor=stage.officer, voucher_id=voucher.id)
        with pytest.raises(Conflict):
            vouchers.approve_waiver(actor=stage.officer, voucher_id=voucher.id)
    assert (voucher.state, voucher.due_at, sum(vouchers.left(voucher))) == (State.WAIVED, None, 0)
    assert ledger.balance(BUDGET, stage.budget.id) == 3 * 3_600_000
    assert ledger.verify() == []


def test_a_declined_waiver_leaves_the_voucher_usable(stage: joining.Stage) -> None:
    """R-VOU-2"""
    voucher, person = granted(stage)
    with clock.at(NOW):
        vouchers.request_waiver(actor=person, reason="실수")
        vouchers.decline_waiver(actor=stage.officer, voucher_id=voucher.id, reason="기업과 통화하여 취소")
        assert vouchers.usable_for(company_id=voucher.company_id).waiver_requested_at is None
        with pytest.raises(Conflict, match="voucher.no_waiver"):
            vouchers.approve_waiver(actor=stage.officer, voucher_id=voucher.id)


def test_no_waiver_while_a_payment_or_a_bill_is_open(stage: joining.Stage) -> None:
    """R-VOU-2"""
    voucher, person = granted(stage)
    with clock.at(NOW):
        payment = press(voucher, 900, 100)
        with pytest.raises(Conflict, match="voucher.busy"):
            vouchers.request_waiver(actor=person, reason="포기")
        settle(voucher, payment)
        vouchers.request_waiver(actor=person, reason="포기")
        bill = deal_of(voucher, DealState.BILLED)
        db.session.commit()
        with pytest.raises(Conflict, match="voucher.busy"):
            vouchers.approve_waiver(actor=stage.officer, voucher_id=voucher.id)
        bill.state = DealState.WITHDRAWN
        db.session.commit()
        vouchers.approve_waiver(actor=stage.officer, voucher_id=voucher.id)
    assert voucher.state is State.WAIVED


def test_before_approval_there_is_none(stage: joining.Stage) -> None:
    company = factories.make_company()
    with pytest.raises(Conflict, match="voucher.none"):
        vouchers.usable_for(company_id=company.id)


@pytest.mark.parametrize("edge", VOUCHER.edges, ids=lambda e: e.action)
def test_each_move_is_refused_from_every_other_state(edge: object) -> None:
    """R-VOU-1: 포기, 회수 and 만료 are final."""
    for state in set(State) - {e.source for e in VOUCHER.of(edge.action)}:  # type: ignore[attr-defined]
        with pytest.raises(Conflict) as refusal:
            VOUCHER.pick(edge.action, state)  # type: ignore[attr-defined]
        assert state.label in refusal.value.text
    assert not [e for e in VOUCHER.edges if e.source in (State.WAIVED, State.REVOKED, State.EXPIRED)]
