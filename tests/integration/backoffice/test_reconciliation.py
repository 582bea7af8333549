"""대사: the day board, a file's page, the queue of differences and what is done there (R-SET-3)."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from openpyxl import load_workbook
from sqlalchemy import select

from app import clock
from app.db import db
from app.models.holds import SettlementHold
from app.models.payments import Payment
from app.models.people import Account
from app.models.statements import Bucket, ItemState, ReconAct, ReconItem, StatementFile, StatementSystem
from app.policy import Role
from app.workflows import statements
from tests import factories, settled
from tests.integration.workflows.joining import PDF
from tests.integration.workflows.reconciling import DAY, File, Row, begin, charge, days, items, take
from tests.money import reads_of

pytestmark = pytest.mark.usefixtures("site")
Browser = Callable[[Account], FlaskClient]
NOW = clock.start_of(DAY) + timedelta(days=6, hours=9)
BOARD, QUEUE = "/console/statements/", "/console/reconciliation/"
NOTE = "카드사에 확인했습니다."


@pytest.fixture(autouse=True)
def _now(site: Any) -> Any:
    with clock.at(NOW):
        begin()
        yield


@pytest.fixture
def paid() -> Payment:
    at = clock.start_of(DAY) + timedelta(hours=10)
    with clock.at(at):
        payment = settled.make_paid(
            factories.make_programme(), factories.make_supplier(), 300_000, paid_at=at
        )
    db.session.commit()
    return payment


@pytest.fixture
def desk(log_in_as: Browser) -> FlaskClient:
    return log_in_as(_officer())


def _officer(role: Role = Role.FINANCE_OFFICER) -> Account:
    account = factories.make_account(role)
    db.session.commit()
    return account


def page(browser: FlaskClient, address: str) -> str:
    answer = browser.get(address)
    assert answer.status_code == 200, answer.text[:2000]
    return answer.text


def upload(browser: FlaskClient, file: File, name: str = "card.csv") -> Any:
    data = {"file": (io.BytesIO(file.content()), name)}
    return browser.post(f"{BOARD}take", data=data, content_type="multipart/form-data")


def press(browser: FlaskClient, item: ReconItem, action: str, **more: str) -> Any:
    data = {"note": NOTE, "confirmed": "1"} | more
    return browser.post(f"{QUEUE}{item.id}/{action}", data=data)


def fresh(item: ReconItem) -> ReconItem:
    return db.session.get_one(ReconItem, item.id, populate_existing=True)


# -- files ---------------------------------------------------------------------------------------------------


def test_the_board_shows_both_books_of_each_day(desk: FlaskClient, paid: Payment) -> None:
    days([charge(paid)], [Row("77777777", 55_000, clock.start_of(DAY) + timedelta(days=1))])
    text = page(desk, BOARD)
    assert "2020.11.10." in text and "300,000원" in text and "55,000원" in text
    assert text.count("대조 완료") == 2 and "없음" in text
    assert page(desk, f"{BOARD}?month=2020-10").count("대조 완료") == 0
    book = load_workbook(io.BytesIO(desk.get(f"{BOARD}?format=xlsx").data))
    rows = list(book.active.iter_rows(values_only=True))
    assert len(rows) == 1 + 2 * 16


def test_the_board_says_why_a_file_is_missing(desk: FlaskClient) -> None:
    statements._failed(StatementSystem.CARD, DAY, "합계 줄의 건수는 2건인데 실제로는 1건입니다.")
    text = page(desk, BOARD)
    assert "받지 못함" in text and "실제로는 1건입니다" in text


def test_uploading_a_file_matches_it_at_once(desk: FlaskClient, paid: Payment) -> None:
    bad = [["D", "보류", "2020-11-10 10:00:00", "00000002", *["1"] * 9]]
    file = File(
        rows=[charge(paid), Row("77777777", 55_000, clock.start_of(DAY))],
        raw=bad,
        trailer=["T", "3", "355000", "0"],
    )
    answer = upload(desk, file)
    assert answer.status_code == 302
    taken = db.session.scalars(select(StatementFile)).one()
    text = page(desk, answer.headers["Location"])
    assert "3건을 받아 1건이 맞았습니다. 새로 생긴 차이 1건, 읽지 못한 행 1건" in text
    assert "거래 구분" in text and "자동 대조" in text and paid.order_id in text
    assert f"차이 {items()[0].id}번" in text
    only = page(desk, f"{BOARD}{taken.id}?show=open")
    assert "77777777" in only and paid.order_id not in only
    assert desk.get(f"{BOARD}{taken.id}/original").data == file.content()
    assert desk.get(f"{BOARD}{taken.id}?format=csv").status_code == 200
    assert desk.get(f"{BOARD}999999").status_code == 404


@pytest.mark.parametrize("again", [True, False], ids=["the-same-file", "another-of-the-day"])
def test_a_file_is_taken_once(desk: FlaskClient, paid: Payment, again: bool) -> None:
    upload(desk, File(rows=[charge(paid)]))
    answer = upload(desk, File(rows=[charge(paid)] if again else []))
    assert answer.status_code == 422 and "이미 받" in answer.text
    assert len(db.session.scalars(select(StatementFile)).all()) == 1


def test_a_file_that_does_not_hold_says_why(desk: FlaskClient) -> None:
    answer = upload(desk, File(trailer=["T", "1", "0", "0"]))
    assert answer.status_code == 422
    assert "합계 줄의 건수는 1건인데 실제로는 0건입니다" in answer.text
    assert desk.post(f"{BOARD}take", data={}).status_code == 422


# -- the queue -----------------------------------------------------------------------------------------------


def test_the_queue_has_tabs_counts_and_filters_in_the_address(desk: FlaskClient, paid: Payment) -> None:
    days([charge(paid, amount=300_100), Row("77777777", 55_000, clock.start_of(DAY))], [])
    text = page(desk, QUEUE)
    assert "금액 차이" in text and "77777777" in text and paid.order_id in text
    assert "차액 합계 <strong>55,100원" in text
    amount = page(desk, f"{QUEUE}?bucket=amount")
    assert paid.order_id in amount and "77777777" not in amount
    assert 'name="bucket" value="amount"' in amount
    assert "조건에 맞는 차이가 없습니다" in page(desk, f"{QUEUE}?system=zeropay")
    assert "77777777" in page(desk, f"{QUEUE}?q=7777&shown=all&whose=nobody&since=2020.11.10.")
    book = load_workbook(io.BytesIO(desk.get(f"{QUEUE}?bucket=amount&format=xlsx").data))
    rows = list(book.active.iter_rows(values_only=True))
    assert len(rows) == 2 and rows[1][1] == "금액 차이" and 100 in rows[1]


def test_old_ones_stand_out(desk: FlaskClient, paid: Payment) -> None:
    with clock.at(NOW - timedelta(days=4)):
        days([], [])
    text = page(desk, QUEUE)
    assert "오래됨" in text and "3일 넘게 처리하지 않은 건이 1건" in text
    assert "4일" in page(desk, f"{QUEUE}?old=1")


def test_ticked_ones_get_an_owner(desk: FlaskClient, paid: Payment) -> None:
    days([Row("77777777", 55_000, clock.start_of(DAY))], [])
    other = _officer(Role.PROGRAMME_MANAGER)
    ids = [item.id for item in items()]
    back = f"{QUEUE}?bucket=only_ours"
    answer = desk.post(f"{QUEUE}assign", data={"id": ids, "owner": other.id, "back": back})
    assert answer.headers["Location"] == back
    assert {item.owner_id for item in items()} == {other.id} and len(ids) == 2
    answer = desk.post(f"{QUEUE}assign", data={"id": ids[:1], "owner": "", "of_item": "1"})
    assert answer.headers["Location"] == f"{QUEUE}{ids[0]}"
    assert items()[0].owner_id != other.id
    assert "선택해 주세요" in desk.post(f"{QUEUE}assign", data={}, follow_redirects=True).text


# -- one difference ------------------------------------------------------------------------------------------


@pytest.fixture
def missing(paid: Payment) -> ReconItem:
    days([], [])
    [item] = items()
    assert item.bucket is Bucket.ONLY_OURS
    return item


def test_a_difference_shows_both_sides_and_its_links(
    desk: FlaskClient, paid: Payment, missing: ReconItem
) -> None:
    text = page(desk, f"{QUEUE}{missing.id}")
    assert "우리만 있음" in text and "명세에 맞는 행이 없습니다" in text
    for link in (f"/console/payments/{paid.id}", f"/console/deals/{paid.deal_id}"):
        assert link in text
    assert desk.get(f"{QUEUE}999999").status_code == 404


def test_evidence_then_close(desk: FlaskClient, missing: ReconItem) -> None:
    assert "혼자서는 종결할 수 없습니다" in press(desk, missing, "close").text
    data = {"evidence-file": (io.BytesIO(PDF), "회신.pdf"), "evidence-note": "카드사 회신"}
    answer = desk.post(f"{QUEUE}{missing.id}/evidence", data=data, content_type="multipart/form-data")
    assert answer.status_code == 302
    act = db.session.scalars(select(ReconAct)).one()
    file = desk.get(f"{QUEUE}evidence/{act.id}")
    assert (file.data, file.content_type) == (PDF, "application/pdf")
    assert press(desk, missing, "close").status_code == 302
    assert fresh(missing).state is ItemState.CLOSED
    text = page(desk, f"{QUEUE}{missing.id}")
    assert "종결한 건입니다" in text and NOTE in text and "회신.pdf" in text


def test_closing_with_evidence_asks_with_the_sums(desk: FlaskClient, missing: ReconItem) -> None:
    """R-SET-3: alone and at once, so the question says what ends and by which paper."""
    data = {"evidence-file": (io.BytesIO(PDF), "회신.pdf"), "evidence-note": "카드사 회신"}
    desk.post(f"{QUEUE}{missing.id}/evidence", data=data, content_type="multipart/form-data")
    facts = "명세 없음, 우리 장부 300,000원, 차액 −300,000원. 증빙: 회신.pdf."
    assert facts in page(desk, f"{QUEUE}{missing.id}")
    asked = desk.post(f"{QUEUE}{missing.id}/close", data={"note": NOTE})
    assert facts in asked.text and NOTE in asked.text and "업무 메뉴" in asked.text
    assert fresh(missing).state is ItemState.OPEN


def test_a_cancellation_is_negative_and_a_closed_one_names_who_closed_it(
    desk: FlaskClient, log_in_as: Browser, paid: Payment
) -> None:
    cancelled = Row(str(paid.approval_number), 300_000, clock.start_of(DAY), is_cancel=True)
    days([charge(paid), cancelled], [])
    [item] = items()
    assert item.bucket is Bucket.CANCEL_MISSING
    text = page(desk, f"{QUEUE}{item.id}")
    assert "−300,000원" in text and "취소 없음 (결제 300,000원, 결제성공)" in text
    queue = page(desk, QUEUE)
    assert "−300,000원" in queue and "없음</td>" in queue
    press(desk, item, "propose")
    closer = _officer()
    press(log_in_as(closer), item, "confirm")
    assert f"<dt>종결</dt><dd>{closer.name}</dd>" in page(desk, f"{QUEUE}{item.id}")
    closed = page(desk, f"{QUEUE}?shown=closed")
    assert f"{closer.name}<br>" in closed and "없음</td>" not in closed


def test_two_people_close_it(desk: FlaskClient, log_in_as: Browser, missing: ReconItem) -> None:
    assert press(desk, missing, "propose").status_code == 302
    assert "종결을 요청한 사람은 확인할 수 없습니다" in page(desk, f"{QUEUE}{missing.id}")
    press(desk, missing, "confirm")
    assert fresh(missing).state is ItemState.PROPOSED
    second = log_in_as(_officer())
    asked = second.post(f"{QUEUE}{missing.id}/confirm", data={"note": NOTE})
    assert "이 차이를 종결할까요?" in asked.text and NOTE in asked.text
    assert "업무 메뉴" in asked.text and "우리 장부 300,000원" in asked.text
    assert press(second, missing, "confirm").status_code == 302
    assert fresh(missing).state is ItemState.CLOSED
    assert press(second, missing, "reopen").status_code == 302
    assert fresh(missing).state is ItemState.OPEN


def test_a_note_is_needed_and_what_was_typed_stays(desk: FlaskClient, missing: ReconItem) -> None:
    answer = press(desk, missing, "propose", note="")
    assert answer.status_code == 422 and fresh(missing).state is ItemState.OPEN
    answer = press(desk, missing, "close", note="내가 적은 내용")
    assert answer.status_code == 409 and "내가 적은 내용" in answer.text
    data = {"evidence-file": (io.BytesIO(b"MZ"), "회신.pdf"), "evidence-note": "적은 설명"}
    answer = desk.post(f"{QUEUE}{missing.id}/evidence", data=data, content_type="multipart/form-data")
    assert answer.status_code == 422 and "적은 설명" in answer.text and "PDF, JPEG, PNG" in answer.text


def test_hold_and_asking_the_supplier(desk: FlaskClient, paid: Payment, missing: ReconItem) -> None:
    asked = desk.post(f"{QUEUE}{missing.id}/hold", data={"note": NOTE})
    assert "지급을 보류할까요?" in asked.text and db.session.scalars(select(SettlementHold)).all() == []
    assert press(desk, missing, "hold").status_code == 302
    assert db.session.scalars(select(SettlementHold)).one().payment_id == paid.id
    assert "지급 보류 중" in page(desk, f"{QUEUE}{missing.id}")
    assert press(desk, missing, "ask_supplier").status_code == 302
    assert "공급기업 문의" in page(desk, f"{QUEUE}{missing.id}")


def test_asking_the_gateway(desk: FlaskClient, sandbox: str, missing: ReconItem) -> None:
    answer = desk.post(f"{QUEUE}{missing.id}/ask_gateway", data={"note": NOTE}, follow_redirects=True)
    assert "결제 기관에 없는 주문입니다." in answer.text


def test_two_differences_are_matched_by_two_people(
    desk: FlaskClient, log_in_as: Browser, paid: Payment, missing: ReconItem
) -> None:
    take(File(DAY + timedelta(days=2), rows=[charge(paid, approval="99999999", order="")]))
    theirs = items()[-1]
    assert "거래 연결" in page(desk, f"{QUEUE}{missing.id}")
    data = {"match-other": str(theirs.id), "match-note": "승인번호 오기"}
    nothing = desk.post(f"{QUEUE}{missing.id}/match", data=data | {"match-other": ""})
    assert nothing.status_code == 422 and "연결할 건을 선택해 주세요" in nothing.text
    assert desk.post(f"{QUEUE}{missing.id}/match", data=data).status_code == 302
    assert press(log_in_as(_officer()), theirs, "confirm").status_code == 302
    assert items() == []
    assert "담당자 연결" in page(desk, f"{BOARD}{theirs.line.file_id}")


# -- who -----------------------------------------------------------------------------------------------------


def test_the_auditor_reads_everything_and_changes_nothing(log_in_as: Browser, missing: ReconItem) -> None:
    auditor = log_in_as(_officer(Role.AUDITOR))
    for address in (BOARD, QUEUE, f"{QUEUE}{missing.id}"):
        text = page(auditor, address)
        assert "받아서 대조하기" not in text and "종결 요청</button>" not in text
    for action in ("propose", "close", "hold", "ask_gateway", "ask_supplier", "match", "evidence"):
        assert press(auditor, missing, action).status_code == 403
    assert auditor.post(f"{QUEUE}assign", data={"id": missing.id}).status_code == 403
    assert upload(auditor, File()).status_code == 403
    assert fresh(missing).state is ItemState.OPEN and fresh(missing).owner_id is None


@pytest.mark.parametrize("role", [Role.REVIEWER, Role.MANAGER, Role.SYSTEM_ADMIN])
def test_who_sees_none_of_it(log_in_as: Browser, missing: ReconItem, role: Role) -> None:
    browser = log_in_as(_officer(role))
    for address in (BOARD, QUEUE, f"{QUEUE}{missing.id}"):
        assert browser.get(address).status_code == 403


def test_the_number_of_queries_does_not_grow_with_the_rows(desk: FlaskClient, paid: Payment) -> None:
    days([Row(f"7777000{n}", 55_000 + n, clock.start_of(DAY)) for n in range(2)], [])
    few = [reads_of(lambda a=a: desk.get(a)) for a in (BOARD, QUEUE)]
    rows = [Row(f"8888000{n}", 55_000 + n, clock.start_of(DAY)) for n in range(9)]
    take(File(DAY + timedelta(days=2), rows=rows))
    assert [reads_of(lambda a=a: desk.get(a)) for a in (BOARD, QUEUE)] == few
