"""월마감 (R-SET-3a): a closed month takes no entries, what comes later goes to the open one."""

from __future__ import annotations

import io
from datetime import date, datetime, timedelta

import pytest
from openpyxl import load_workbook
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError

from app import clock
from app.db import db, transaction
from app.documents import store
from app.errors import Conflict, Denied, InvalidInput
from app.models.holds import HoldSource
from app.models.ledger import Journal, JournalKind, LedgerAccount, Posting
from app.models.months import AccountingMonth, MonthState
from app.models.payments import PaymentState
from app.models.programme import Programme
from app.models.record import AuditRow
from app.models.statements import StatementSystem
from app.models.vouchers import InstrumentKind
from app.policy import CLOCK, Actor, Role
from app.workflows import ledger, ledger_reads, month_trial, months, settlement, settlement_bank
from tests import factories
from tests.settled import Holders, Officers, bank_answer, cancel, have_file, make_paid

pytestmark = pytest.mark.usefixtures("tx")

SEPTEMBER, OCTOBER, NOVEMBER = date(2020, 9, 1), date(2020, 10, 1), date(2020, 11, 1)
NOW = datetime(2020, 11, 5, 9, 0, tzinfo=clock.KST)


@pytest.fixture(autouse=True)
def _in_november(tx: object) -> object:
    with clock.at(NOW):
        yield


@pytest.fixture
def programme(tx: object) -> Programme:
    made = factories.make_programme()
    enter(made, "september", datetime(2020, 9, 30, 23, 59, tzinfo=clock.KST), 100)
    enter(made, "october", datetime(2020, 10, 1, 0, 0, tzinfo=clock.KST), 20)
    db.session.commit()
    return made


@pytest.fixture
def officers(tx: object) -> list[Actor]:
    people = [factories.make_account(Role.FINANCE_OFFICER).actor() for _ in range(3)]
    db.session.commit()
    return people


def enter(programme: Programme, key: str, at: datetime, amount: int) -> Journal:
    source, target = (LedgerAccount.FUNDING, programme.id), (LedgerAccount.PAYABLE, 10**9)
    with clock.at(at), transaction():
        legs = ledger.move(source, target, amount)
        ledger.post(
            f"t:{programme.id}:{key}", JournalKind.PAYMENT, legs, programme_id=programme.id, actor=CLOCK
        )
    found = select(Journal).where(Journal.event_key == f"t:{programme.id}:{key}")
    return db.session.scalars(found.execution_options(populate_existing=True)).one()


def close(programme: Programme, actor: Actor, month: date) -> AccountingMonth:
    return months.close(actor=actor, programme_id=programme.id, month=month)


def test_what_comes_late_goes_to_the_open_month_with_its_month_on_it(
    programme: Programme, officers: list[Actor]
) -> None:
    kept = close(programme, officers[0], SEPTEMBER)
    assert kept.state is MonthState.CLOSED and kept.closed_by_id == officers[0].id
    late = enter(programme, "late", datetime(2020, 9, 15, 12, 0, tzinfo=clock.KST), 7)
    assert late.belongs_to == SEPTEMBER and late.at == clock.start_of(OCTOBER)
    now = enter(programme, "now", NOW, 3)
    assert now.belongs_to is None and now.at == NOW
    open_month = enter(programme, "open", datetime(2020, 10, 20, tzinfo=clock.KST), 5)
    assert open_month.belongs_to is None and open_month.at.day == 20
    assert months.closed(programme.id, date(2020, 9, 30)) and not months.closed(programme.id, OCTOBER)
    assert ledger.verify() == []
    listed = months.listing(actor=officers[0], programme_id=programme.id)
    assert [(row.month, row.state, row.entries, row.late) for row in listed] == [
        (NOVEMBER, MonthState.OPEN, 1, 0),
        (OCTOBER, MonthState.OPEN, 3, 0),
        (SEPTEMBER, MonthState.CLOSED, 1, 1),
    ]


def test_what_is_closed_is_counted_once(programme: Programme, officers: list[Actor]) -> None:
    """The list reads the journal from the first open month on only (R-SET-3a)."""
    about = {"actor": officers[0], "programme_id": programme.id}

    def read() -> list[tuple[date, int]]:
        return [(row.month, row.entries) for row in months.listing(**about)]

    every = [(NOVEMBER, 0), (OCTOBER, 1), (SEPTEMBER, 1)]
    assert read() == every
    kept = close(programme, officers[0], SEPTEMBER)
    assert kept.entries == 1 and read() == every
    kept.entries = 41  # what is kept is what is shown
    db.session.commit()
    assert read() == [*every[:2], (SEPTEMBER, 41)]
    months.ask_reopen(actor=officers[0], month_id=kept.id, reason="9월에 빠진 기입이 있습니다.")
    assert months.reopen(actor=officers[1], month_id=kept.id).entries is None
    assert read() == every
    enter(programme, "more", datetime(2020, 9, 30, 12, tzinfo=clock.KST), 5)
    assert close(programme, officers[0], SEPTEMBER).entries == 2
    assert read() == [*every[:2], (SEPTEMBER, 2)]


def test_two_closed_months_send_what_is_late_past_both(programme: Programme, officers: list[Actor]) -> None:
    close(programme, officers[0], SEPTEMBER)
    close(programme, officers[0], OCTOBER)
    late = enter(programme, "late", datetime(2020, 8, 31, tzinfo=clock.KST), 7)
    assert late.belongs_to == date(2020, 8, 1) and late.at == clock.start_of(NOVEMBER)
    other = factories.make_programme()
    assert enter(other, "free", datetime(2020, 8, 31, tzinfo=clock.KST), 7).belongs_to is None


def test_the_trial_balance_is_kept_as_it_was(programme: Programme, officers: list[Actor]) -> None:
    kept = close(programme, officers[0], SEPTEMBER)
    close(programme, officers[0], OCTOBER)
    enter(programme, "late", datetime(2020, 9, 15, tzinfo=clock.KST), 7)
    file = months.kept_trial(actor=officers[1], month_id=kept.id)
    assert file.file_name == "시산표_2020-09.xlsx" and store.put(file.content) == kept.trial_sha256
    lines = month_trial.trial(programme.id, SEPTEMBER)
    assert month_trial.file(programme.id, SEPTEMBER, lines) == file.content
    rows = list(load_workbook(io.BytesIO(file.content)).worksheets[0].iter_rows(values_only=True))
    assert rows[1] == ("계정", "전월이월", "당월 들어옴", "당월 나감", "월말 잔액")
    named = {row[0]: row[1:] for row in rows[2:]}
    assert named["정부 재원"] == (0, 0, 100, -100) and named["합계"][3] == 0
    october = {line.account: line for line in month_trial.trial(programme.id, OCTOBER)}
    assert october[LedgerAccount.PAYABLE].brought == 100 and october[LedgerAccount.PAYABLE].balance == 120


def test_a_trial_balance_begins_with_what_the_last_close_kept(
    programme: Programme, officers: list[Actor]
) -> None:
    """The same to the won as over all entries, which are no longer gone through."""
    whole = month_trial.trial(programme.id, OCTOBER)
    close(programme, officers[0], SEPTEMBER)
    assert month_trial.trial(programme.id, OCTOBER) == whole
    db.session.execute(text("UPDATE month_balance SET amount = amount + 7 WHERE account = 'payable'"))
    moved = {line.account: line.brought for line in month_trial.trial(programme.id, OCTOBER)}
    assert moved[LedgerAccount.PAYABLE] == 107, "read from what was kept"
    # Opened again, it is added up again, and kept anew at its next close.
    [kept] = db.session.scalars(select(AccountingMonth))
    months.ask_reopen(actor=officers[1], month_id=kept.id, reason="빠진 기입")
    months.reopen(actor=officers[2], month_id=kept.id)
    assert month_trial.trial(programme.id, OCTOBER) == whole
    close(programme, officers[0], SEPTEMBER)
    assert month_trial.trial(programme.id, OCTOBER) == whole


def test_a_days_trial_balance_begins_there_too(programme: Programme, officers: list[Actor]) -> None:
    days = [None, date(2020, 11, 2), date(2020, 10, 1), date(2020, 9, 30), date(2020, 8, 31)]
    other = factories.make_programme()
    enter(other, "another programme's", datetime(2020, 9, 2, tzinfo=clock.KST), 5)

    def read() -> list[list[month_trial.TrialLine]]:
        return [ledger_reads.trial_balance(actor=officers[0], until=day) for day in days]

    before = read()
    now = {line.account: line for line in before[0]}
    [payable] = db.session.execute(
        select(func.sum(Posting.amount), func.sum(Posting.amount).filter(Posting.amount > 0))
        .join(Journal, Journal.id == Posting.journal_id)
        .where(Posting.account == LedgerAccount.PAYABLE)
    )
    assert (now[LedgerAccount.PAYABLE].balance, now[LedgerAccount.PAYABLE].ever_arrived) == tuple(payable)
    assert sum(line.balance for line in before[1]) == sum(line.brought for line in before[1]) == 0
    close(programme, officers[0], SEPTEMBER)
    assert read() == before
    db.session.execute(text("UPDATE month_balance SET arrived = arrived + 7 WHERE account = 'payable'"))
    changed = [after == was for after, was in zip(read(), before, strict=True)]
    assert changed == [False, False, False, True, True], (
        "read from what was kept, as soon as the month is over"
    )


def test_months_close_in_their_order_and_when_they_are_over(
    programme: Programme, officers: list[Actor]
) -> None:
    for month, words in ((OCTOBER, "앞의 달(2020년 9월)을 먼저"), (NOVEMBER, "아직 끝나지 않았습니다")):
        with pytest.raises(Conflict) as refused:
            close(programme, officers[0], month)
        assert refused.value.code == "month.not_ready" and words in refused.value.text
    close(programme, officers[0], SEPTEMBER)
    with pytest.raises(Conflict) as refused:
        close(programme, officers[1], SEPTEMBER)
    assert refused.value.code == "accounting_month.close.state"


def test_the_month_that_runs_is_not_closed_by_a_clock_ahead(
    programme: Programme, officers: list[Actor]
) -> None:
    """The database's own clock is what entries of the running month go by."""
    ahead = clock.real_now() + timedelta(days=70)
    month = clock.korean_day(clock.real_now()).replace(day=1)
    with clock.at(ahead):
        check = next(
            c
            for c in months.page(actor=officers[0], programme_id=programme.id, month=month).checks
            if c.name == "달의 끝"
        )
        assert check.stops
    db.session.add(
        AccountingMonth(
            programme_id=programme.id, month=month, state=MonthState.CLOSED, closed_at=NOW, last_journal_id=0
        )
    )
    with pytest.raises(IntegrityError, match="is not over"):
        db.session.flush()
    db.session.rollback()


@pytest.mark.parametrize(
    ("state", "word"), [(PaymentState.PENDING, "결과를 모르는"), (PaymentState.CANCELLING, "취소 결과")]
)
def test_what_is_undecided_stands_against_the_close(
    programme: Programme, officers: list[Actor], state: PaymentState, word: str
) -> None:
    payment = make_paid(programme, factories.make_supplier(), 1_000, paid_at=clock.start_of(SEPTEMBER))
    payment.state = state
    payment.cancel_pressed_at = clock.start_of(SEPTEMBER)
    have_file(SEPTEMBER)
    have_file(date(2020, 9, 2))
    db.session.commit()
    checks = months.page(actor=officers[0], programme_id=programme.id, month=SEPTEMBER).checks
    [against] = [check for check in checks if check.stops]
    assert word in against.text and against.link == "/console/unknown/"
    with pytest.raises(Conflict):
        close(programme, officers[0], SEPTEMBER)
    assert db.session.scalars(select(AccountingMonth)).all() == []


def test_a_draft_stands_against_the_close_and_open_work_is_pointed_out(
    programme: Programme, officers: list[Actor]
) -> None:
    make_paid(programme, factories.make_supplier(), 1_000, paid_at=datetime(2020, 9, 2, tzinfo=clock.KST))
    have_file(date(2020, 9, 2))
    have_file(date(2020, 9, 3))
    with clock.at(datetime(2020, 9, 28, tzinfo=clock.KST)):
        built = settlement.build(actor=officers[0], cutoff=date(2020, 9, 27), programme_id=programme.id)
        assert built.batch is not None
        settlement.submit(actor=officers[0], batch_id=built.batch.id)
    db.session.commit()
    with pytest.raises(Conflict) as refused:
        close(programme, officers[0], SEPTEMBER)
    assert "승인하지 않은 정산 1건" in refused.value.text
    with clock.at(datetime(2020, 9, 29, tzinfo=clock.KST)):
        settlement.approve(actor=officers[1], batch_id=built.batch.id)
    checks = months.page(actor=officers[0], programme_id=programme.id, month=SEPTEMBER).checks
    assert not any(check.stops for check in checks)
    assert "‘이체 중’으로 남습니다" in next(check.text for check in checks if check.name == "이체 결과")
    close(programme, officers[0], SEPTEMBER)


def test_what_is_held_and_what_lacks_its_invoice_are_both_counted_in_payments(
    programme: Programme, officers: list[Actor]
) -> None:
    """R-SET-3a, R-SET-4: a payment held twice is one, and one paid after the month is none of its."""
    supplier, zeropay = factories.make_supplier(), InstrumentKind.ZEROPAY
    september = datetime(2020, 9, 2, tzinfo=clock.KST)
    both = make_paid(programme, supplier, 1_000, paid_at=september, instrument=zeropay)
    make_paid(programme, supplier, 1_000, paid_at=september, instrument=zeropay)
    later = make_paid(programme, supplier, 1_000, paid_at=clock.start_of(OCTOBER), instrument=zeropay)
    holders = Holders()
    for payment, source in (
        (both, HoldSource.MANUAL),
        (both, HoldSource.RECONCILIATION),
        (later, HoldSource.MANUAL),
    ):
        holders.place(payment.id, source)
    checks = months.page(actor=officers[0], programme_id=programme.id, month=SEPTEMBER).checks
    left = {check.name: check.left for check in checks}
    assert (left["지급 보류"], left["세금계산서"]) == ("결제 1건", "결제 2건")
    assert (left["일별 명세"], left["대사 차이"]) == ("명세 2건", "")


def test_what_stayed_behind_a_paid_line_is_counted_as_held(
    programme: Programme, officers: list[Actor]
) -> None:
    """R-SET-3a, R-SET-4: its line was paid, and it was not."""
    supplier, september = factories.make_supplier(), datetime(2020, 9, 2, tzinfo=clock.KST)
    held, _ = (make_paid(programme, supplier, amount, paid_at=september) for amount in (1_000, 2_000))
    settlers = Officers()
    batch = settlers.approved(programme)
    Holders().place(held.id)
    sent = settlement_bank.export_bank_file(actor=settlers.approver, batch_id=batch.id).content
    settlement_bank.import_result(
        actor=settlers.approver, batch_id=batch.id, content=bank_answer(sent), file_name="a.csv"
    )
    checks = months.page(actor=officers[0], programme_id=programme.id, month=SEPTEMBER).checks
    assert {check.name: check.left for check in checks}["지급 보류"] == "결제 1건"


LAST = datetime(2020, 9, 30, 23, 50, tzinfo=clock.KST)


@pytest.mark.parametrize(
    ("instrument", "system"),
    [
        (InstrumentKind.CORPORATE_CHECK, StatementSystem.CARD),
        (InstrumentKind.ZEROPAY, StatementSystem.ZEROPAY),
    ],
)
def test_a_month_whose_daily_files_are_not_here_is_not_closed(
    programme: Programme, officers: list[Actor], instrument: InstrumentKind, system: StatementSystem
) -> None:
    """R-SET-3: what the other side has is unknown before; that of midnight stands in the next day's."""
    make_paid(programme, factories.make_supplier(), 1_000, paid_at=LAST, instrument=instrument)
    other = next(each for each in StatementSystem if each is not system)
    for day in (LAST.date(), OCTOBER):
        have_file(day, other)
    have_file(LAST.date(), system)
    db.session.commit()

    def against() -> list[tuple[str, str | None]]:
        checks = months.page(actor=officers[0], programme_id=programme.id, month=SEPTEMBER).checks
        return [(check.name, check.link) for check in checks if check.stops]

    assert against() == [("일별 명세", "/console/statements/?month=2020-09")]
    with pytest.raises(Conflict) as refused:
        close(programme, officers[0], SEPTEMBER)
    assert refused.value.code == "month.not_ready" and "일별 명세 1건을 받지 않아" in refused.value.text
    have_file(OCTOBER, system, matched=False)
    db.session.commit()
    assert [name for name, _ in against()] == ["명세 대조"]
    db.session.execute(text("UPDATE statement_file SET state = 'matched', matched_at = now()"))
    db.session.commit()
    assert against() == []
    assert close(programme, officers[0], SEPTEMBER).state is MonthState.CLOSED


def test_days_without_a_payment_and_other_programmes_need_no_files(
    programme: Programme, officers: list[Actor]
) -> None:
    make_paid(factories.make_programme(), factories.make_supplier(), 1_000, paid_at=LAST)
    payment = make_paid(programme, factories.make_supplier(), 1_000, paid_at=clock.start_of(OCTOBER))
    assert close(programme, officers[0], SEPTEMBER).state is MonthState.CLOSED
    with clock.at(datetime(2020, 10, 9, tzinfo=clock.KST)):
        cancel(payment)
    db.session.commit()
    with pytest.raises(Conflict, match="일별 명세 4건"):
        close(programme, officers[0], OCTOBER)


def test_opening_it_again_needs_two_people_and_a_reason(programme: Programme, officers: list[Actor]) -> None:
    closer, asker, third = officers
    kept = close(programme, closer, SEPTEMBER)
    before = kept.trial_sha256
    db.session.commit()
    with pytest.raises(InvalidInput):
        months.ask_reopen(actor=asker, month_id=kept.id, reason=" ")
    months.ask_reopen(actor=asker, month_id=kept.id, reason="누락된 취소를 기입")
    db.session.commit()
    late = enter(programme, "meanwhile", datetime(2020, 9, 9, tzinfo=clock.KST), 1)
    assert late.belongs_to == SEPTEMBER, "asking opens nothing"
    for person in (asker, closer):
        with pytest.raises(Denied) as refused:
            months.reopen(actor=person, month_id=kept.id)
        assert refused.value.code == "same_person"
    months.reopen(actor=third, month_id=kept.id)
    free = enter(programme, "again", datetime(2020, 9, 10, tzinfo=clock.KST), 2)
    assert free.belongs_to is None and free.at.month == 9
    assert db.session.get_one(Journal, late.id).belongs_to == SEPTEMBER, "what stands later stays there"
    again = close(programme, third, SEPTEMBER)
    assert again.trial_sha256 not in (None, before) and again.reopened_by_id is None
    said = db.session.scalars(
        select(AuditRow).where(AuditRow.entity == "accounting_month").order_by(AuditRow.seq)
    )
    actions = [row.action for row in said]
    assert actions == ["begin", "close", "keep_trial", "ask_reopen", "reopen", "close", "keep_trial"]
    assert ledger.verify() == []


def test_an_earlier_month_is_not_opened_before_the_later(programme: Programme, officers: list[Actor]) -> None:
    first = close(programme, officers[0], SEPTEMBER)
    close(programme, officers[0], OCTOBER)
    db.session.commit()
    with pytest.raises(Conflict) as refused:
        months.ask_reopen(actor=officers[1], month_id=first.id, reason="정정")
    assert refused.value.code == "month.later" and "2020년 10월" in refused.value.text


def test_a_request_is_turned_down_with_why(programme: Programme, officers: list[Actor]) -> None:
    kept = close(programme, officers[0], SEPTEMBER)
    months.ask_reopen(actor=officers[0], month_id=kept.id, reason="정정")
    months.refuse_reopen(actor=officers[1], month_id=kept.id, reason="다음 달에 기입하면 됩니다.")
    assert kept.state is MonthState.CLOSED and months.closed(programme.id, SEPTEMBER)


def test_who_may_not(programme: Programme) -> None:
    for role in (Role.AUDITOR, Role.BUDGET_OFFICER, Role.SUPPLIER):
        with pytest.raises(Denied):
            close(programme, factories.make_actor(role), SEPTEMBER)
    with pytest.raises(Denied):
        months.listing(actor=factories.make_actor(Role.SUPPLIER), programme_id=programme.id)


def test_an_entry_slipped_into_a_closed_month_is_found(programme: Programme, officers: list[Actor]) -> None:
    """Past the trigger, as only the owner of the tables could: `verify` says so."""
    kept = close(programme, officers[0], SEPTEMBER)
    db.session.execute(
        text("UPDATE accounting_month SET last_journal_id = 0 WHERE id = :id"), {"id": kept.id}
    )
    assert ledger.verify() == [f"month {programme.id} 2020-09-01 took an entry after its close"]
