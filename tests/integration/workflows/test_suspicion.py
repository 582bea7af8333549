"""R-SET-4: what looks wrong is seen with its evidence; a score opens a case, and a person alone decides."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, text

from app import clock
from app.db import db, transaction
from app.errors import Conflict, Denied, InvalidInput, NotFound
from app.models.abuse import AbuseCategory, AbuseReport
from app.models.holds import HoldState, SettlementHold
from app.models.payments import Payment, PaymentState
from app.models.programme import Programme
from app.models.record import Notice
from app.models.suspicion import SignalKind, Suspicion, SuspicionSignal, SuspicionState
from app.models.vouchers import InstrumentKind, InstrumentState, Voucher
from app.policy import Actor, Role
from app.workflows import abuse, company_edits, holds, record, suspicion, suspicion_reads, suspicion_sql
from app.workflows.settlement import conclude
from tests import factories
from tests.money import reads_of
from tests.settled import Holders, Officers, cancel, make_paid

pytestmark = pytest.mark.usefixtures("tx")

STREET = "서울특별시 강남구 테헤란로 1"


@pytest.fixture
def programme(tx: object) -> Programme:
    return factories.make_programme()


@pytest.fixture
def manager(tx: object) -> Actor:
    return factories.make_actor(Role.PROGRAMME_MANAGER)


def _paid(programme: Programme, *, supplier: Any = None, **company: Any) -> Payment:
    buyer = factories.make_company(programme_id=programme.id, **company)
    return make_paid(programme, supplier or factories.make_supplier(), company=buyer)


def _alike(programme: Programme, n: int = 1) -> Payment:
    """A buyer whose mobile phone is the supplier's contact: enough for a case."""
    phone = f"0107777{n:04}"
    supplier = factories.make_supplier(contact_name="담당", contact_phone=phone)
    return _paid(programme, supplier=supplier, phone=phone, phone_index=company_edits.phone_index(phone))


def _signals(payment: Payment) -> dict[SignalKind, SuspicionSignal]:
    rows = db.session.scalars(select(SuspicionSignal).where(SuspicionSignal.payment_id == payment.id))
    return {row.kind: row for row in rows}


def _cases() -> list[Suspicion]:
    return list(db.session.scalars(select(Suspicion).order_by(Suspicion.id)))


def test_an_ordinary_payment_gives_no_signal(programme: Programme) -> None:
    payment = _paid(programme)
    assert suspicion.look() == suspicion.Looked(0, 0, 0)
    assert _signals(payment) == {} and _cases() == []


def test_look_alikes_open_a_case_and_its_payment_is_held(programme: Programme) -> None:
    payment = _alike(programme)
    assert suspicion.look() == suspicion.Looked(signals=1, opened=1, held=1)
    signal = _signals(payment)[SignalKind.LOOKALIKE]
    assert signal.evidence == {"alike": ["phone"]} and signal.weight == 3
    [case] = _cases()
    assert (case.state, case.score, case.decided_by_id) == (SuspicionState.OPEN, 3, None)
    assert (case.company_id, case.supplier_id) == (payment.company_id, payment.supplier_id)
    [hold] = db.session.scalars(select(SettlementHold))
    assert (hold.payment_id, hold.state, hold.placed_by_id) == (payment.id, HoldState.PLACED, None)
    # Nobody outside is told what is suspected.
    assert not [text for text in db.session.scalars(select(Notice.text)) if "의심" in text]


def test_looked_again_nothing_is_added(programme: Programme) -> None:
    _alike(programme)
    suspicion.look()
    assert suspicion.look() == suspicion.Looked(0, 0, 0)
    assert len(_cases()) == 1 and db.session.scalar(select(func.count(SettlementHold.id))) == 1


def test_an_address_alone_opens_nothing_however_often(programme: Programme) -> None:
    """The postal address and the network address together are still an address."""
    supplier = factories.make_supplier(address=STREET)
    buyer = factories.make_company(programme_id=programme.id, address="서울특별시 강남구  테헤란로 1")
    people = [
        factories.make_account(Role.DEMAND, company_id=buyer.id),
        factories.make_account(Role.SUPPLIER, supplier_id=supplier.id),
    ]
    for person in people:
        record.write("account", person.id, "sign_in", actor=person.actor("203.0.113.7"))
    payments = [make_paid(programme, supplier, company=buyer) for _ in range(3)]
    looked = suspicion.look()
    assert (looked.opened, looked.held) == (0, 0) and looked.signals == 3
    for payment in payments:
        signal = _signals(payment)[SignalKind.ADDRESS]
        assert signal.weight == 2 and signal.suspicion_id is None
        assert signal.evidence == {"postal": True, "network": True}, "no address in the clear"
    assert _cases() == [] and not holds.held_now(payments[0].id)


def test_what_is_empty_on_both_sides_is_nothing_in_common(programme: Programme) -> None:
    nothing = {"address": "", "email": "", "representative": ""}
    supplier = factories.make_supplier(**nothing, account_holder="")
    payment = _paid(programme, supplier=supplier, contact_email="", **nothing)
    assert suspicion.look() == suspicion.Looked(0, 0, 0) and _signals(payment) == {}


def test_an_address_adds_to_what_else_is_seen(programme: Programme) -> None:
    holder = factories.make_supplier(address=STREET, account_holder="주식회사 한집")
    payment = _paid(programme, supplier=holder, name="주식회사 한집", address=STREET)
    assert suspicion.look().opened == 1
    assert {kind: row.weight for kind, row in _signals(payment).items()} == {
        SignalKind.LOOKALIKE: 2,
        SignalKind.ADDRESS: 1,
    }
    assert [case.score for case in _cases()] == [3]


def test_a_network_address_of_many_companies_says_nothing(programme: Programme) -> None:
    supplier = factories.make_supplier()
    seller = factories.make_account(Role.SUPPLIER, supplier_id=supplier.id)
    record.write("account", seller.id, "sign_in", actor=seller.actor("198.51.100.9"))
    for _ in range(suspicion.MOST_FROM_ONE_ADDRESS + 1):
        payment = _paid(programme, supplier=supplier)
        buyer = factories.make_account(Role.DEMAND, company_id=payment.company_id)
        record.write("account", buyer.id, "sign_in", actor=buyer.actor("198.51.100.9"))
    assert suspicion.look().signals == 0


def _whole_voucher(payment: Payment, *, granted: int, issued_before: timedelta) -> None:
    voucher = db.session.get_one(Voucher, payment.voucher_id)
    voucher.granted_grant, voucher.granted_share = granted - granted // 10, granted // 10
    company = db.session.get_one(factories.Company, payment.company_id)
    factories.make_instrument(
        company=company,
        kind=InstrumentKind.CORPORATE_CHECK,
        state=InstrumentState.ISSUED,
        issued_at=payment.pressed_at - issued_before,
    )


@pytest.mark.parametrize(
    ("granted", "minutes", "seen"),
    [(1_100_000, 10, True), (1_200_000, 29, True), (1_300_000, 10, False), (1_100_000, 30, False)],
)
def test_the_whole_voucher_within_minutes_of_its_issue(
    programme: Programme, granted: int, minutes: int, seen: bool
) -> None:
    """Nine tenths of what was granted count as the whole, less than half an hour as minutes."""
    payment = _paid(programme)
    _whole_voucher(payment, granted=granted, issued_before=timedelta(minutes=minutes))
    assert suspicion.look().opened == int(seen)
    if seen:
        evidence = _signals(payment)[SignalKind.FAST].evidence
        assert evidence == {"amount": 1_100_000, "granted": granted, "payments": 1, "minutes": minutes}


def test_a_round_trip_between_the_same_parties(programme: Programme) -> None:
    """Two firms buy from each other with the state's money: both payments are seen, each from its side."""
    one = factories.make_supplier()
    other = factories.make_supplier()
    there = _paid(programme, supplier=other, business_number=one.business_number)
    back = _paid(programme, supplier=one, business_number=other.business_number)
    looked = suspicion.look()
    assert (looked.signals, looked.opened, looked.held) == (2, 2, 2)
    assert _signals(there)[SignalKind.ROUND_TRIP].evidence == {"back": [back.id], "amount": back.total}
    assert _signals(back)[SignalKind.ROUND_TRIP].evidence == {"back": [there.id], "amount": there.total}


def _report(**about: Any) -> AbuseReport:
    filed = abuse.file(category=AbuseCategory.KICKBACK, about="어느 기업", body="돈을 돌려받았습니다.")
    report = abuse.follow(number=filed.number, code=filed.code)
    for name, value in about.items():
        setattr(report, name, value)
    db.session.flush()
    return report


def test_a_report_about_both_opens_a_case_and_about_one_does_not(programme: Programme) -> None:
    payment, other = _paid(programme), _paid(programme)
    report = _report(company_id=payment.company_id, supplier_id=payment.supplier_id)
    _report(supplier_id=other.supplier_id)
    assert suspicion.look().opened == 1
    assert _signals(payment)[SignalKind.REPORTED].evidence == {"reports": [report.id]}
    assert _signals(other)[SignalKind.REPORTED].suspicion_id is None


def test_more_of_the_same_pair_joins_the_open_case(programme: Programme) -> None:
    first = _alike(programme)
    suspicion.look()
    company = db.session.get_one(factories.Company, first.company_id)
    supplier = db.session.get_one(factories.Supplier, first.supplier_id)
    second = make_paid(programme, supplier, company=company)
    assert suspicion.look() == suspicion.Looked(signals=1, opened=0, held=1)
    [case] = _cases()
    assert case.score == 3, "the same kind counts once"
    assert _signals(second)[SignalKind.LOOKALIKE].suspicion_id == case.id


def test_what_the_bank_has_already_is_not_looked_at(programme: Programme) -> None:
    officers = Officers()
    payment = _alike(programme)
    payment.paid_at = clock.now() - timedelta(days=11)
    officers.exported(programme)
    assert suspicion.look() == suspicion.Looked(0, 0, 0)


def test_cleared_by_a_person_the_money_waits_for_another(programme: Programme, manager: Actor) -> None:
    payment = _alike(programme)
    suspicion.look()
    [case] = _cases()
    db.session.commit()
    with pytest.raises(InvalidInput):
        suspicion.clear(actor=manager, suspicion_id=case.id, reason=" ")
    suspicion.clear(actor=manager, suspicion_id=case.id, reason="같은 사람이 두 곳의 대표 전화를 맡음")
    assert (case.state, case.decided_by_id) == (SuspicionState.CLEARED, manager.id)
    [hold] = db.session.scalars(select(SettlementHold))
    assert (hold.state, hold.asked_by_id) == (HoldState.ASKED, manager.id)
    db.session.commit()
    with pytest.raises(Denied):
        holds.release(actor=manager, hold_id=hold.id)
    holds.release(actor=factories.make_actor(Role.FINANCE_OFFICER), hold_id=hold.id)
    assert not holds.held_now(payment.id)
    # Seen and decided: the clock does not begin anew.
    assert suspicion.look() == suspicion.Looked(0, 0, 0)


def test_confirmed_the_payment_stays_held(programme: Programme, manager: Actor) -> None:
    payment = _alike(programme)
    suspicion.look()
    [case] = _cases()
    suspicion.confirm(actor=manager, suspicion_id=case.id, reason="결제액을 돌려받은 입금증")
    assert case.state is SuspicionState.CONFIRMED and holds.held_now(payment.id)
    db.session.commit()
    with pytest.raises(Conflict):
        suspicion.clear(actor=manager, suspicion_id=case.id, reason="다시 봄")


def test_while_nobody_has_decided_the_hold_cannot_be_asked_free(programme: Programme, manager: Actor) -> None:
    _alike(programme)
    suspicion.look()
    [hold] = db.session.scalars(select(SettlementHold))
    db.session.commit()
    with pytest.raises(Conflict) as refused:
        holds.ask_release(actor=manager, hold_id=hold.id, reason="급함")
    assert refused.value.code == "hold.undecided"
    assert db.session.get_one(SettlementHold, hold.id).state is HoldState.PLACED


def test_a_score_never_decides(programme: Programme) -> None:
    """However much is seen, and however long it lies, the case stays open."""
    payment = _alike(programme)
    _whole_voucher(payment, granted=1_100_000, issued_before=timedelta(minutes=1))
    _report(company_id=payment.company_id, supplier_id=payment.supplier_id)
    suspicion.look()
    [case] = _cases()
    assert case.score == 9
    clock.set_offset(timedelta(days=365))
    suspicion.look()
    assert db.session.get_one(Suspicion, case.id).state is SuspicionState.OPEN
    assert payment.state.value == "paid"


@pytest.mark.parametrize("role", [Role.FINANCE_OFFICER, Role.AUDITOR, Role.DEMAND, Role.SUPPLIER])
def test_only_the_programme_manager_decides(programme: Programme, role: Role) -> None:
    _alike(programme)
    suspicion.look()
    [case] = _cases()
    actor = factories.make_actor(role)
    db.session.commit()
    for verb in (suspicion.clear, suspicion.confirm):
        with pytest.raises((Denied, NotFound)):
            verb(actor=actor, suspicion_id=case.id, reason="이유")
    with pytest.raises(Denied):
        suspicion.take(actor=actor, suspicion_id=case.id)
    assert case.state is SuspicionState.OPEN


def test_the_queue_is_ordered_by_score_and_age(programme: Programme, manager: Actor) -> None:
    low = [_alike(programme, n) for n in range(3)]
    high = _alike(programme, 9)
    _whole_voucher(high, granted=1_100_000, issued_before=timedelta(minutes=1))
    suspicion.look()
    rows = suspicion_reads.listing(actor=manager)
    assert [row.case.company_id for row in rows] == [high.company_id, *(p.company_id for p in low)]
    assert [row.case.score for row in rows] == [6, 3, 3, 3]
    assert rows[0].kinds == [SignalKind.LOOKALIKE, SignalKind.FAST] and rows[0].amount == 1_100_000
    following = suspicion_reads.listing(actor=manager, after=rows[1].id, size=5)
    assert [row.id for row in following] == [rows[2].id, rows[3].id]
    assert [row.id for row in suspicion_reads.listing(actor=manager, kind=SignalKind.FAST)] == [rows[0].id]
    name = rows[2].case.supplier.name
    assert [row.id for row in suspicion_reads.listing(actor=manager, q=name)] == [rows[2].id]


def test_a_case_shows_its_evidence_in_a_fixed_number_of_queries(programme: Programme, manager: Actor) -> None:
    payment = _alike(programme)
    suspicion.look()
    [case] = _cases()
    one = reads_of(lambda: suspicion_reads.page(actor=manager, suspicion_id=case.id))
    company = db.session.get_one(factories.Company, payment.company_id)
    supplier = db.session.get_one(factories.Supplier, payment.supplier_id)
    for _ in range(4):
        make_paid(programme, supplier, company=company)
    suspicion.look()
    assert reads_of(lambda: suspicion_reads.page(actor=manager, suspicion_id=case.id)) == one
    page = suspicion_reads.page(actor=manager, suspicion_id=case.id)
    [card] = page.cards
    assert card.sentences == ["수요기업의 휴대전화와 공급기업의 전화번호가 같습니다."]
    assert len(card.payments) == len(page.payments) == len(page.holds) == 5
    assert [side.same for side in page.sides] == [False, False, False, True, False, False]
    rows = reads_of(lambda: suspicion_reads.listing(actor=manager))
    for n in range(3):
        _alike(programme, 20 + n)
    suspicion.look()
    assert reads_of(lambda: suspicion_reads.listing(actor=manager)) == rows


def test_confirmed_nobody_lets_it_go_until_the_payment_is_cancelled(
    programme: Programme, manager: Actor
) -> None:
    """R-SET-4: two people do not undo what a person found."""
    payment = _alike(programme)
    suspicion.look()
    [case], [hold] = _cases(), list(db.session.scalars(select(SettlementHold)))
    suspicion.confirm(actor=manager, suspicion_id=case.id, reason="결제액을 돌려받은 입금증")
    db.session.commit()
    for state in (PaymentState.PAID, PaymentState.CANCELLING):
        payment.state = state
        db.session.commit()
        with pytest.raises(Conflict) as refused:
            holds.ask_release(actor=manager, hold_id=hold.id, reason="급함")
        assert refused.value.code == "hold.confirmed" and f"{case.id}번" in refused.value.text
    payment.state = PaymentState.PAID
    cancel(payment)
    assert holds.ask_release(actor=manager, hold_id=hold.id, reason="취소함").state is HoldState.ASKED


def test_confirmed_after_the_release_was_asked_for_it_is_not_given(
    programme: Programme, manager: Actor
) -> None:
    """A later case about the same payment; what a still later one clears stays held by the confirmed."""
    payment = _alike(programme)
    suspicion.look()
    suspicion.clear(actor=manager, suspicion_id=_cases()[0].id, reason="같은 사람이 전화를 맡음")
    _report(company_id=payment.company_id, supplier_id=payment.supplier_id)
    suspicion.look()
    suspicion.confirm(actor=manager, suspicion_id=_cases()[1].id, reason="입금증")
    [hold] = db.session.scalars(select(SettlementHold))
    second = factories.make_actor(Role.FINANCE_OFFICER)
    db.session.commit()
    with pytest.raises(Conflict) as refused:
        holds.release(actor=second, hold_id=hold.id)
    assert refused.value.code == "hold.confirmed"
    holds.refuse_release(actor=second, hold_id=hold.id, reason="부정 확인")
    _whole_voucher(payment, granted=1_100_000, issued_before=timedelta(minutes=1))
    suspicion.look()
    assert suspicion.clear(actor=manager, suspicion_id=_cases()[2].id, reason="급한 일").state
    assert db.session.get_one(SettlementHold, hold.id).state is HoldState.PLACED


def test_the_trail_is_read_from_where_the_last_days_begin(programme: Programme) -> None:
    person = factories.make_account(Role.DEMAND)
    for _ in range(5):
        record.write("account", person.id, "sign_in", actor=person.actor("203.0.113.7"))
    rows = db.session.execute(text("SELECT id, recorded_at FROM audit_row ORDER BY id")).all()

    def read(since: Any) -> list[int]:
        first = db.session.execute(suspicion_sql.FIRST_ROW, {"since": since}).scalar_one()
        return [row.id for row in rows if row.id >= first]

    assert len(read(rows[0].recorded_at - timedelta(days=1))) == len(rows)
    assert read(rows[-1].recorded_at + timedelta(days=1)) == []
    for row in rows:
        assert read(row.recorded_at) == [one.id for one in rows if one.recorded_at >= row.recorded_at]


def test_what_stayed_behind_a_paid_line_is_looked_at_before_it_is_paid(programme: Programme) -> None:
    """R-SET-4: its money is here still."""
    payment = _alike(programme)
    with transaction():
        payment.paid_at = clock.now() - timedelta(days=12)
    officers = Officers()
    batch = officers.approved(programme)
    hold = Holders().place(payment.id)
    conclude(actor=officers.approver, batch_id=batch.id)
    Holders().release(hold)
    assert suspicion.look() == suspicion.Looked(signals=1, opened=1, held=1)
    assert holds.held_now(payment.id)
