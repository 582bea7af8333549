"""Usage reports: whose, which months, the file, what is told, and what is due (R-SET-1a)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from io import BytesIO
from typing import Any

import pytest
from flask import Flask
from openpyxl import Workbook
from sqlalchemy import event, select

from app import clock
from app.db import db
from app.errors import Conflict, Denied, InvalidInput, NotFound
from app.models.catalogue import Supplier
from app.models.deals import Deal, DealState
from app.models.payments import Payment, PaymentState
from app.models.programme import Programme
from app.models.record import AuditRow, Notice
from app.models.usage import UsageReport, UsageSource
from app.policy import Actor, Role
from app.workflows import usage_reads, usage_reports
from app.workflows.usage_reads import UsageState
from tests import factories, settled

NOW = datetime(2020, 11, 16, 9, 0, tzinfo=clock.KST)
SEPTEMBER, OCTOBER, NOVEMBER = date(2020, 9, 1), date(2020, 10, 1), date(2020, 11, 1)
HEADING = "거래번호,이용월,로그인 횟수,마지막 이용일"


class World:
    def __init__(self) -> None:
        self.programme: Programme = factories.make_programme()
        self.supplier: Supplier = factories.make_supplier()
        self.seller: Actor = factories.make_actor(Role.SUPPLIER, supplier_id=self.supplier.id)
        db.session.commit()

    def paid(self, month: int = 9, day: int = 10, supplier: Supplier | None = None, **fields: Any) -> Deal:
        at = datetime(2020, month, day, 14, 0, tzinfo=clock.KST)
        payment = settled.make_paid(self.programme, supplier or self.supplier, 300_000, paid_at=at)
        deal = db.session.get_one(Deal, payment.deal_id)
        for name, value in fields.items():
            setattr(deal, name, value)
        db.session.commit()
        return deal

    def report(self, deal: Deal, month: date = OCTOBER, logins: int = 12, day: int | None = 20) -> Any:
        used = day and month.replace(day=day)
        return usage_reports.report(
            actor=self.seller, deal_id=deal.id, month=month, logins=logins, last_used_on=used or None
        )

    def take(self, text: str, encoding: str = "utf-8") -> Any:
        content = f"{HEADING}\n{text}".encode(encoding)
        found = usage_reports.sift(actor=self.seller, content=content)
        return usage_reports.report_file(actor=self.seller, content=content, digest=found.digest)

    def sift(self, text: str) -> usage_reports.Sifted:
        return usage_reports.sift(actor=self.seller, content=f"{HEADING}\n{text}".encode())


@pytest.fixture
def world(tx: Flask) -> Iterator[World]:
    with clock.at(NOW):
        yield World()


def held(deal: Deal, month: date = OCTOBER) -> tuple[int, date | None, UsageSource]:
    row = db.session.scalars(
        select(UsageReport).filter_by(deal_id=deal.id, month=month).execution_options(populate_existing=True)
    ).one()
    return row.logins, row.last_used_on, row.source


def trail(deal: Deal) -> list[AuditRow]:
    rows = select(AuditRow).filter_by(entity="usage_report", entity_id=deal.id).order_by(AuditRow.seq)
    return list(db.session.scalars(rows))


def told(deal: Deal) -> list[str]:
    return list(db.session.scalars(select(Notice.text).filter_by(company_id=deal.company_id)))


def test_a_report_is_kept_and_the_trail_keeps_what_was_said_before(world: World) -> None:
    deal = world.paid()
    assert world.report(deal, logins=12) == usage_reports.Written(new=1, changed=0, unchanged=0)
    assert world.report(deal, logins=30) == usage_reports.Written(new=0, changed=1, unchanged=0)
    assert held(deal) == (30, date(2020, 10, 20), UsageSource.FORM)
    first, second = trail(deal)
    assert first.change["2020-10 logins"] == [None, 12]
    assert second.change["2020-10 logins"] == [12, 30] and second.actor_id == world.seller.id
    row = db.session.scalars(select(UsageReport)).one()
    assert (row.supplier_id, row.company_id) == (deal.supplier_id, deal.company_id)


def test_the_same_again_changes_nothing(world: World) -> None:
    deal = world.paid()
    world.report(deal)
    assert world.report(deal) == usage_reports.Written(new=0, changed=0, unchanged=1)
    assert len(trail(deal)) == 1


def test_nobody_is_told_but_of_less_use_than_was_said(world: World) -> None:
    deal = world.paid()
    world.report(deal, logins=12)
    world.report(deal, logins=30)
    assert told(deal) == []
    world.report(deal, logins=8)
    assert len(told(deal)) == 1 and "2020년 10월 로그인 30회 → 8회" in told(deal)[0]
    world.report(deal, logins=8, day=4)
    assert "마지막 이용일 2020.10.20. → 2020.10.04." in told(deal)[1]
    world.report(deal, logins=0, day=None)
    assert len(told(deal)) == 3


@pytest.mark.parametrize(
    "month, logins, day, field",
    [
        (OCTOBER, -1, None, "logins"),
        (OCTOBER, 1_000_001, date(2020, 10, 20), "logins"),
        (OCTOBER, 5, None, "last_used_on"),
        (OCTOBER, 0, date(2020, 10, 20), "last_used_on"),
        (OCTOBER, 5, date(2020, 11, 1), "last_used_on"),
        (NOVEMBER, 5, date(2020, 11, 17), "last_used_on"),  # tomorrow
        (date(2020, 12, 1), 0, None, "month"),  # has not come
        (date(2020, 8, 1), 0, None, "month"),  # before it was paid
    ],
)
def test_what_cannot_be_is_refused_by_field(
    world: World, month: date, logins: int, day: date | None, field: str
) -> None:
    deal = world.paid(month=9)
    with pytest.raises(InvalidInput) as refusal:
        usage_reports.report(
            actor=world.seller, deal_id=deal.id, month=month, logins=logins, last_used_on=day
        )
    assert list(refusal.value.fields) == [field]
    assert db.session.query(UsageReport).count() == 0 and not trail(deal)


def test_the_first_month_is_the_korean_one_of_the_payment(world: World) -> None:
    """Paid at 08:00 of 1 October in Korea, which is 30 September in Greenwich (R-TIME-1)."""
    deal = world.paid()
    payment = db.session.scalars(select(Payment).filter_by(deal_id=deal.id)).one()
    payment.paid_at = datetime(2020, 10, 1, 8, 0, tzinfo=clock.KST)
    deal.period_from = date(2020, 10, 1)
    db.session.commit()
    with pytest.raises(InvalidInput):
        world.report(deal, SEPTEMBER)
    assert world.report(deal, OCTOBER).new == 1
    db.session.delete(db.session.scalars(select(UsageReport)).one())
    db.session.commit()
    assert usage_reads.missing(actor=world.seller) == {OCTOBER: 1}


def test_only_a_paid_deal_is_reported(world: World) -> None:
    deal = world.paid()
    world.report(deal)
    deal.state = DealState.PAYMENT_CANCELLED
    payment = db.session.scalars(select(Payment).filter_by(deal_id=deal.id)).one()
    payment.state = PaymentState.CANCELLED
    db.session.commit()
    with pytest.raises(Conflict) as refusal:
        world.report(deal, NOVEMBER, 3, 5)
    assert refusal.value.code == "usage.not_paid"
    history = usage_reads.history(actor=world.seller, deal_id=deal.id)
    assert not history.open and [each.logins for each in history.months] == [12]


def test_anothers_deal_is_not_there(world: World) -> None:
    stranger = factories.make_supplier()
    deal = world.paid(supplier=stranger)
    with pytest.raises(NotFound):
        world.report(deal)
    with pytest.raises(NotFound):
        usage_reads.history(actor=world.seller, deal_id=deal.id)
    assert [fault.column for fault in world.sift(f"{deal.id},2020-10,5,2020-10-20").faults] == ["거래번호"]
    with pytest.raises(Denied):
        usage_reports.sift(actor=factories.make_actor(Role.DEMAND), content=b"")


def test_both_sides_and_the_lead_agency_see_it(world: World) -> None:
    deal = world.paid()
    world.report(deal)
    readers = [
        world.seller,
        factories.make_actor(Role.DEMAND, company_id=deal.company_id),
        factories.make_actor(Role.AUDITOR),
    ]
    for reader in readers:
        found = usage_reads.of_deal(actor=reader, deal=deal)
        assert found is not None and (found.logins, found.last_used_on) == (12, date(2020, 10, 20))
    with pytest.raises(NotFound):
        usage_reads.of_deal(actor=factories.make_actor(Role.DEMAND), deal=deal)
    with pytest.raises(NotFound):
        usage_reads.of_deal(actor=factories.make_actor(Role.REVIEWER), deal=deal)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp949"])
def test_a_file_is_one_decision(world: World, encoding: str) -> None:
    one, two = world.paid(), world.paid(month=10)
    text = f'{one.id},2020-09,"1,200",2020-09-30\n{one.id},2020.10,3,2020.10.05\n{two.id},2020-10,0,\n'
    assert world.take(text, encoding) == usage_reports.Written(new=3, changed=0, unchanged=0)
    assert held(one, SEPTEMBER) == (1200, date(2020, 9, 30), UsageSource.FILE)
    assert held(two) == (0, None, UsageSource.FILE)
    (row,) = trail(one)  # both months of a deal in one row of its chain
    assert row.change["2020-09 logins"] == [None, 1200] and row.change["2020-10 logins"] == [None, 3]
    assert world.take(text, encoding) == usage_reports.Written(new=0, changed=0, unchanged=3)
    assert len(trail(one)) == 1 and not told(one)


def test_each_row_is_taken_or_refused_with_its_place_and_reason(world: World) -> None:
    deal = world.paid()
    cancelled = world.paid(state=DealState.PAYMENT_CANCELLED)
    rows = [
        f"{deal.id},2020-10,5,2020-10-20",  # 2: good
        f"{deal.id},2020-10,6,2020-10-21",  # 3: twice
        f"{deal.id},2020-09,=1+1,2020-09-20",  # 4: a formula
        f"{deal.id},2020-09,1.5,2020-09-20",  # 5
        f"{deal.id},9월,1,2020-09-20",  # 6
        f"{deal.id},2020-09,1,어제",  # 7
        f"{deal.id},2020-08,1,2020-08-20",  # 8: before the payment
        f"{cancelled.id},2020-10,1,2020-10-20",  # 9
        "99999999999999999999,2020-10,1,2020-10-20",  # 10: no key can be so long
        f"{deal.id},2020-11,,",  # 11: left blank
        f"{deal.id},,7,",  # 12
    ]
    found = world.sift("\n".join(rows))
    assert [(fault.row, fault.column) for fault in found.faults] == [
        (3, "이용월"),
        (4, "로그인 횟수"),
        (5, "로그인 횟수"),
        (6, "이용월"),
        (7, "마지막 이용일"),
        (8, "이용월"),
        (9, "거래번호"),
        (10, "거래번호"),
        (12, "이용월"),
    ]
    assert "2행에 같은" in found.faults[0].reason and "시작하는 값" in found.faults[1].reason
    assert "'결제취소' 상태" in found.faults[6].reason
    assert (len(found.reports), found.new, found.blank) == (1, 1, 1)


def test_a_spreadsheets_own_days_and_numbers_are_read(world: World) -> None:
    deal = world.paid()
    book = Workbook()
    book.active.append(["수요기업", *HEADING.split(",")])
    book.active.append(["아무개", deal.id, date(2020, 10, 1), 7, date(2020, 10, 31)])
    book.active.append(["아무개", deal.id, "2020-09", "=2+2", date(2020, 9, 30)])
    out = BytesIO()
    book.save(out)
    found = usage_reports.sift(actor=world.seller, content=out.getvalue())
    assert [(each.month, each.logins) for each in found.reports] == [(OCTOBER, 7)]
    assert [(fault.row, fault.column) for fault in found.faults] == [(3, "로그인 횟수")]


def test_a_file_without_its_heading_says_what_it_lacks(world: World) -> None:
    with pytest.raises(InvalidInput) as refusal:
        usage_reports.sift(actor=world.seller, content="거래번호,이용월\n1,2020-10\n".encode())
    assert refusal.value.code == "intake.heading" and "로그인 횟수, 마지막 이용일" in refusal.value.text


def test_nothing_is_taken_in_but_what_was_looked_at(world: World) -> None:
    one, two = world.paid(), world.paid()
    content = f"{HEADING}\n{one.id},2020-10,5,2020-10-20\n{two.id},2020-10,5,2020-10-20\n".encode()
    seen = usage_reports.sift(actor=world.seller, content=content)
    two.state = DealState.PAYMENT_CANCELLED
    db.session.commit()
    with pytest.raises(Conflict) as refusal:
        usage_reports.report_file(actor=world.seller, content=content, digest=seen.digest)
    assert refusal.value.code == "usage.file.changed"
    assert db.session.query(UsageReport).count() == 0


def test_a_file_of_faults_alone_is_refused(world: World) -> None:
    with pytest.raises(Conflict) as refusal:
        world.take("1,2020-10,5,2020-10-20")
    assert refusal.value.code == "usage.file.nothing"


def test_many_lowered_months_of_a_deal_are_told_once(world: World) -> None:
    deal = world.paid(month=7)
    months = ["2020-07", "2020-08", "2020-09", "2020-10"]
    world.take("\n".join(f"{deal.id},{month},9,{month}-20" for month in months))
    world.take("\n".join(f"{deal.id},{month},4,{month}-20" for month in months))
    (text,) = told(deal)
    assert "2020년 7월 로그인 9회 → 4회" in text and text.endswith("외 1개월")


def test_a_report_is_due_when_its_month_has_ended(world: World) -> None:
    """From the later of payment and beginning of use, until the use ends; each month on its own."""
    early = world.paid(month=8)
    world.paid(month=9, day=28, period_from=date(2020, 10, 3))
    world.paid(month=8, period_to=date(2020, 9, 30))
    world.paid(month=11, day=2)
    world.report(early, OCTOBER)
    august = date(2020, 8, 1)
    assert usage_reads.missing(actor=world.seller) == {august: 2, SEPTEMBER: 2, OCTOBER: 1}
    rows = usage_reads.month_rows(actor=world.seller, month=OCTOBER)
    S = UsageState
    assert [row.state for row in rows] == [S.OUTSIDE, S.MISSING, S.REPORTED]
    assert [row.state for row in usage_reads.month_rows(actor=world.seller, month=NOVEMBER)] == [
        S.RUNNING,
        S.OUTSIDE,
        S.RUNNING,
        S.RUNNING,
    ]
    counts = usage_reads.month_counts(actor=world.seller, month=OCTOBER)
    assert (counts.total, counts.reported, counts.missing) == (3, 1, 1)
    only = usage_reads.month_rows(actor=world.seller, month=OCTOBER, only_missing=True)
    assert [row.state for row in only] == [S.MISSING]
    assert usage_reads.month_choices(actor=world.seller) == [NOVEMBER, OCTOBER, SEPTEMBER, august]
    assert usage_reads.history(actor=world.seller, deal_id=early.id).missing == [august, SEPTEMBER]


def test_the_months_rows_go_on_by_keyset(world: World) -> None:
    ids = [world.paid().id for _ in range(3)]
    first = usage_reads.month_rows(actor=world.seller, month=OCTOBER, size=2)
    rest = usage_reads.month_rows(actor=world.seller, month=OCTOBER, size=2, before=first[-1].id)
    assert [row.id for row in [*first, *rest]] == ids[::-1]


def test_the_latest_month_of_each_deal(world: World) -> None:
    one, two = world.paid(), world.paid()
    world.report(one, SEPTEMBER)
    world.report(one, OCTOBER)
    found = usage_reads.latest([one.id, two.id])
    assert {key: row.month for key, row in found.items()} == {one.id: OCTOBER}
    assert usage_reads.latest([]) == {}


def test_a_file_takes_as_many_statements_whatever_its_rows(world: World) -> None:
    def statements(rows: int, logins: int) -> int:
        deals = [world.paid() for _ in range(rows)]
        content = "\n".join([HEADING, *(f"{d.id},2020-10,{logins},2020-10-20" for d in deals)]).encode()
        digest = usage_reports.sift(actor=world.seller, content=content).digest
        run: list[str] = []
        listen = lambda *args: run.append(args[2])  # noqa: E731
        event.listen(db.engine, "before_cursor_execute", listen)
        usage_reports.report_file(actor=world.seller, content=content, digest=digest)
        event.remove(db.engine, "before_cursor_execute", listen)
        return len(run)

    assert statements(1, 3) == statements(6, 4) <= 10
