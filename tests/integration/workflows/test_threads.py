"""The thread of a deal: who writes, when, what is told and kept (R-DEAL-2a, R-FILE-1, R-AUD-0, R-AUD-1)."""

from __future__ import annotations

import hashlib
import itertools
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, func, select

from app import clock
from app.db import db
from app.errors import Conflict, Denied, InvalidInput, NotFound
from app.models.catalogue import OfferingState, SupplierState
from app.models.deals import Deal, DealState
from app.models.record import AuditRow, Notice, OutboxMessage
from app.models.threads import DealFile, DealMessage, DealSide
from app.policy import CLOCK, Role
from app.workflows import deadlines, deals, deals_next, deals_reads, threads, threads_reads
from app.workflows.deals_reads import DealFilter, DealTab
from tests import factories
from tests.integration.workflows.joining import PDF
from tests.market import ANSWER_DUE, MONDAY, Market, make_market, mark_paid

_tokens = itertools.count(1)


@pytest.fixture
def market(tx: Flask) -> Any:
    with clock.at(MONDAY):
        made = make_market()
        db.session.commit()
        yield made


@pytest.fixture
def deal(market: Market) -> Deal:
    return ask(market)


def ask(market: Market, **fields: Any) -> Deal:
    wanted = {"offering_id": market.offering.id, "memo": "견적 부탁드립니다."} | fields
    deal = deals.request(actor=market.buyer, **wanted)
    db.session.commit()
    return deal


def send(actor: Any, deal: Deal, text: str = "안녕하세요.", **fields: Any) -> DealMessage:
    wanted = {"token": f"form-{next(_tokens)}", "text": text} | fields
    message = threads.post(actor=actor, deal_id=deal.id, **wanted)
    db.session.commit()
    return message


def count(model: Any) -> int:
    return db.session.scalar(select(func.count()).select_from(model)) or 0


def test_both_sides_write_and_read_in_order(market: Market, deal: Deal) -> None:
    send(market.buyer, deal, "  몇 명까지 쓸 수 있나요?\r\n급합니다.  ")
    send(market.seller, deal, "백 명까지입니다.")
    for actor, own in ((market.buyer, DealSide.COMPANY), (market.seller, DealSide.SUPPLIER)):
        view = threads_reads.thread(actor=actor, deal_id=deal.id)
        assert [row.text for row in view.messages] == [
            "몇 명까지 쓸 수 있나요?\n급합니다.",
            "백 명까지입니다.",
        ]
        assert (view.total, view.own, view.may_write, view.closed) == (2, own, True, None)


@pytest.mark.parametrize("writer, told", [("buyer", "supplier"), ("seller", "company")])
def test_the_other_side_is_told_once_for_each_message(
    market: Market, deal: Deal, writer: str, told: str
) -> None:
    """R-MSG-1"""
    message = send(getattr(market, writer), deal, files=[("견적.pdf", PDF)])
    key = f"deal_message:{message.id}"
    (notice,) = db.session.scalars(select(Notice).where(Notice.key == key))
    assert (notice.company_id is None, notice.supplier_id is None) == (told != "company", told != "supplier")
    assert deal.offering.name in notice.text and "첨부파일 1개" in notice.text
    assert notice.link == (f"/supply/deals/{deal.id}" if told == "supplier" else f"/deals/{deal.id}")
    assert db.session.scalar(select(func.count()).where(OutboxMessage.key == key)) == 1
    send(getattr(market, writer), deal)
    assert db.session.scalar(select(func.count()).where(Notice.key.like("deal_message:%"))) == 2


def test_the_trail_proves_the_text_without_repeating_it(market: Market, deal: Deal) -> None:
    """R-AUD-1"""
    message = send(market.buyer, deal, "비밀스러운 견적", files=[("견적.pdf", PDF)])
    (row,) = db.session.scalars(
        select(AuditRow).where(AuditRow.entity == "deal_message", AuditRow.entity_id == message.id)
    )
    assert row.change["text_sha256"][1] == hashlib.sha256("비밀스러운 견적".encode()).hexdigest()
    assert row.change["files_sha256"][1] == [hashlib.sha256(PDF).hexdigest()]
    assert "비밀스러운" not in str(row.change) and (row.actor_id, row.action) == (market.buyer.id, "send")


def test_the_same_form_pressed_twice_sends_once(market: Market, deal: Deal) -> None:
    first = send(market.buyer, deal, token="one")
    again = send(market.buyer, deal, token="one", files=[("견적.pdf", PDF)])
    assert again.id == first.id and count(DealMessage) == 1 and count(DealFile) == 0
    assert db.session.scalar(select(func.count()).where(Notice.key.like("deal_message:%"))) == 1
    # Of another side, or of another deal, the same word is another form.
    send(market.seller, deal, token="one")
    other = ask(market, offering_id=factories.make_offering(supplier=market.supplier).id)
    send(market.buyer, other, token="one")
    assert count(DealMessage) == 3


@pytest.mark.parametrize(
    "text, files, code, field",
    [
        ("  ", [], "thread.empty", "text"),
        ("가" * 2001, [], "thread.text", "text"),
        ("파일", [("a.pdf", PDF)] * 6, "thread.files", "files"),
        ("파일", [("a.pdf", b"MZ not a paper")], "document.type", "files"),
        ("파일", [("a.pdf", b"")], "document.empty", "files"),
        ("파일", [("a.pdf", PDF + b"0" * 10 * 1024 * 1024)], "document.size", "files"),
        ("파일", [("a.pdf", PDF), ("virus.exe.png", b"\x89PNG nothing")], "document.type", "files"),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_nothing_is_sent(
    market: Market, deal: Deal, text: str, files: list[tuple[str, bytes]], code: str, field: str
) -> None:
    """R-FILE-1: a file is what its content says."""
    with pytest.raises(InvalidInput) as refusal:
        send(market.buyer, deal, text, files=files)
    assert refusal.value.code == code and list(refusal.value.fields) == [field]
    if field == "files" and len(files) < 6:
        assert refusal.value.text.startswith(f"{files[-1][0]}: ")
    assert count(DealMessage) == 0


def test_the_longest_text_and_five_files_are_taken(market: Market, deal: Deal) -> None:
    message = send(market.buyer, deal, "가" * 2000, files=[(f"{n}.pdf", PDF) for n in range(5)])
    assert len(message.text) == 2000 and [file.file_name for file in message.files] == [
        f"{n}.pdf" for n in range(5)
    ]
    assert send(market.buyer, deal, "", files=[("a.pdf", PDF)]).text == ""


def test_nobody_writes_to_or_reads_anothers_deal(market: Market, deal: Deal) -> None:
    """R-ROLE-1"""
    message = send(market.buyer, deal, files=[("견적.pdf", PDF)])
    strangers = [
        factories.make_actor(Role.SUPPLIER),
        factories.make_actor(Role.DEMAND),
        factories.make_actor(Role.REVIEWER),
    ]
    db.session.commit()
    for stranger in strangers:
        for act in (
            lambda who=stranger: threads_reads.thread(actor=who, deal_id=deal.id),
            lambda who=stranger: threads_reads.file_for(
                actor=who, deal_id=deal.id, file_id=message.files[0].id
            ),
            lambda who=stranger: threads.post(actor=who, deal_id=deal.id, text="끼어들기", token="x"),
        ):
            with pytest.raises((NotFound, Denied)):
                act()
    with pytest.raises(Denied):
        threads.post(actor=factories.make_actor(Role.AUDITOR), deal_id=deal.id, text="감사", token="x")
    with pytest.raises(NotFound):
        threads.post(actor=market.buyer, deal_id=0, text="없는 거래", token="x")
    assert count(DealMessage) == 1


def test_a_file_is_of_its_own_deal_only(market: Market, deal: Deal) -> None:
    """Another deal of the same company opens no file of this one."""
    file = send(market.buyer, deal, files=[("견적.pdf", PDF)]).files[0]
    other = ask(market, offering_id=factories.make_offering().id)
    with pytest.raises(NotFound):
        threads_reads.file_for(actor=market.buyer, deal_id=other.id, file_id=file.id)


def test_only_a_look_by_staff_is_recorded(market: Market, deal: Deal) -> None:
    """R-AUD-0"""
    file = send(market.buyer, deal, files=[("견적.pdf", PDF)]).files[0]
    auditor = factories.make_actor(Role.AUDITOR)
    looks = select(AuditRow).where(AuditRow.entity == "deal_file")
    for actor in (market.buyer, market.seller):
        handed = threads_reads.file_for(actor=actor, deal_id=deal.id, file_id=file.id)
        assert (handed.content, handed.content_type, handed.file_name) == (PDF, "application/pdf", "견적.pdf")
    assert db.session.scalars(looks).all() == []
    for _ in range(2):
        threads_reads.file_for(actor=auditor, deal_id=deal.id, file_id=file.id)
    rows = db.session.scalars(looks.order_by(AuditRow.id)).all()
    assert [(row.actor_id, row.action, row.entity_id) for row in rows] == [(auditor.id, "read", file.id)] * 2
    assert rows[0].change["deal_id"] == [None, deal.id]


ENDS = ("turned_down", "withdrawn", "lapsed")


def end(market: Market, deal: Deal, how: str) -> datetime:
    if how == "turned_down":
        deals.turn_down(actor=market.seller, deal_id=deal.id, reason="자리가 없습니다.")
    elif how == "withdrawn":
        deals.withdraw(actor=market.buyer, deal_id=deal.id)
    else:
        deadlines.sweep(at=ANSWER_DUE)
    db.session.commit()
    db.session.refresh(deal)
    assert deal.closed_at is not None
    return deal.closed_at


@pytest.mark.parametrize("how", ENDS)
def test_an_ended_deal_is_talked_about_for_thirty_days_and_then_only_read(
    market: Market, deal: Deal, how: str
) -> None:
    closed_at = end(market, deal, how)
    last = clock.end_of(clock.korean_day(closed_at + timedelta(days=30)))
    with clock.at(last - timedelta(seconds=1)):
        send(market.seller, deal, "다음 달에는 자리가 있습니다.")
        view = threads_reads.thread(actor=market.buyer, deal_id=deal.id)
        assert view.may_write and view.until == last
    with clock.at(last):
        with pytest.raises(Conflict, match="메시지를 더 보낼 수 없습니다") as refusal:
            send(market.buyer, deal)
        assert refusal.value.code == "thread.closed"
        view = threads_reads.thread(actor=market.buyer, deal_id=deal.id)
        assert not view.may_write and view.closed and len(view.messages) == 1


def test_a_paid_deal_stays_open_and_a_cancelled_payment_ends_it(market: Market, deal: Deal) -> None:
    deals.accept(actor=market.seller, deal_id=deal.id)
    deals.bill(actor=market.seller, deal_id=deal.id, **market.bill_terms())
    mark_paid(deal_id=deal.id, actor=CLOCK)
    with clock.at(MONDAY + timedelta(days=300)):
        send(market.buyer, deal, "로그인이 되지 않습니다.")
        deals.mark_payment_cancelled(deal_id=deal.id, actor=CLOCK, reason="공급기업이 요청한 취소입니다.")
        send(market.seller, deal, "취소했습니다.")
    with clock.at(MONDAY + timedelta(days=332)), pytest.raises(Conflict):
        send(market.buyer, deal)


def test_a_suspended_supplier_still_writes_about_open_deals(market: Market, deal: Deal) -> None:
    """R-CAT-5: without harming open deals."""
    market.supplier.state = SupplierState.SUSPENDED
    market.offering.state = OfferingState.SUSPENDED
    db.session.commit()
    assert send(market.seller, deal, "계속 진행합니다.").side is DealSide.SUPPLIER
    assert send(market.buyer, deal, "감사합니다.").side is DealSide.COMPANY


def test_a_long_thread_is_read_by_pages(market: Market, deal: Deal) -> None:
    for n in range(threads_reads.PAGE + 3):
        db.session.add(
            DealMessage(
                deal_id=deal.id, side=DealSide.COMPANY, author_name="홍길동", text=f"{n}", at=clock.now()
            )
        )
    db.session.commit()
    last = threads_reads.thread(actor=market.seller, deal_id=deal.id)
    assert [row.text for row in last.messages] == [str(n) for n in range(3, threads_reads.PAGE + 3)]
    first = threads_reads.thread(actor=market.seller, deal_id=deal.id, before=last.earlier)
    assert [row.text for row in first.messages] == ["0", "1", "2"] and first.earlier is None


def test_lists_say_where_the_other_side_wrote_last(market: Market, deal: Deal) -> None:
    quiet = ask(market, offering_id=factories.make_offering(supplier=market.supplier).id)
    send(market.seller, deal, "답변입니다.")

    def new(actor: Any) -> dict[int, bool]:
        rows = deals_reads.tab_rows(actor=actor, tab=DealTab.CONSULTING)
        return {row.deal.id: row.new_message for row in rows}

    only = DealFilter(new_message=True)
    assert new(market.buyer) == {deal.id: True, quiet.id: False}
    assert new(market.seller) == {deal.id: False, quiet.id: False}
    found = deals_reads.tab_rows(actor=market.buyer, tab=DealTab.CONSULTING, wanted=only)
    assert [row.deal.id for row in found] == [deal.id]
    assert deals_reads.by_deadline(actor=market.seller, tab=DealTab.CONSULTING, wanted=only) == []
    assert (threads_reads.waiting(actor=market.buyer), threads_reads.waiting(actor=market.seller)) == (1, 0)
    send(market.buyer, deal, "고맙습니다.")
    assert not any(new(market.buyer).values()) and new(market.seller)[deal.id]
    assert [row.deal.id for row in deals_reads.with_new_messages(actor=market.seller)] == [deal.id]
    assert deals_reads.with_new_messages(actor=market.buyer) == []
    with pytest.raises(Denied):
        deals_reads.with_new_messages(actor=factories.make_actor(Role.AUDITOR))


def test_the_inbox_is_narrowed_by_deadline_service_and_name(market: Market, deal: Deal) -> None:
    second = factories.make_offering(supplier=market.supplier, name="재택근무 도구")
    later = ask(market, offering_id=second.id)
    later.due_at = deal.due_at + timedelta(days=3) if deal.due_at else None
    db.session.commit()

    def ids(**fields: Any) -> list[int]:
        rows = deals_reads.by_deadline(
            actor=market.seller, tab=DealTab.CONSULTING, wanted=DealFilter(**fields)
        )
        return [row.deal.id for row in rows]

    assert ids() == [deal.id, later.id]
    assert ids(offering_id=second.id) == ids(q="재택근무") == [later.id] and ids(q="없는 이름") == []
    assert ids(soon=True) == []
    with clock.at(ANSWER_DUE - timedelta(hours=2)):
        assert ids(soon=True) == [deal.id]
    assert deals_reads.own_offerings(actor=market.seller) == sorted(
        [(market.offering.id, market.offering.name), (second.id, second.name)], key=lambda row: row[1]
    )
    assert deals_reads.own_offerings(actor=factories.make_actor(Role.SUPPLIER)) == []


def test_a_list_costs_the_same_however_many_rows_and_messages(market: Market) -> None:
    def queries() -> int:
        db.session.commit()
        db.session.expire_all()
        seen: list[str] = []

        def note(*arguments: Any) -> None:
            seen.append(arguments[2])

        event.listen(db.engine, "before_cursor_execute", note)
        try:
            rows = deals_reads.by_deadline(actor=market.seller, tab=DealTab.CONSULTING)
            assert [(row.deal.company.name, row.deal.offering.name, row.new_message) for row in rows]
        finally:
            event.remove(db.engine, "before_cursor_execute", note)
        return len(seen)

    send(market.buyer, ask(market))
    few = queries()
    for _ in range(4):
        other = ask(market, offering_id=factories.make_offering(supplier=market.supplier).id)
        send(market.buyer, other)
    assert queries() == few


@pytest.mark.parametrize("side", DealSide)
def test_every_state_has_its_next_step_for_each_side(side: DealSide) -> None:
    """R-DEAL-1"""
    sentences = {deals_next.next_step(Deal(state=state), side) for state in DealState}
    assert len(sentences) == len(DealState) and all(text.endswith(".") for text in sentences)
    late = deals_next.next_step(Deal(state=DealState.BILLED), side, late=True)
    paying = deals_next.next_step(Deal(state=DealState.BILLED), side, late=True, paying=True)
    assert "기한이 지" in late and "확인하고 있습니다" in paying
