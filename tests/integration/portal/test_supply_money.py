"""The supplier's sales, its later cancellation, and where its money is (R-PAY-6, R-SET-0, R-SET-2)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
from flask.testing import FlaskClient
from openpyxl import load_workbook

from app import clock
from app.db import db
from app.models.catalogue import Supplier
from app.models.holds import HoldSource
from app.models.payments import Payment, PaymentState, SlipKind
from app.models.people import Account
from app.models.programme import Programme
from app.models.vouchers import InstrumentKind
from app.policy import Role
from app.workflows import slips
from tests import factories, money, settled

LogIn = Callable[[Account], FlaskClient]


@pytest.fixture
def supplier(site: Any) -> Supplier:
    return factories.make_supplier()


@pytest.fixture
def programme(site: Any) -> Programme:
    return factories.make_programme()


@pytest.fixture
def seller(supplier: Supplier, log_in_as: LogIn) -> FlaskClient:
    return log_in_as(factories.make_account(Role.SUPPLIER, supplier_id=supplier.id))


def _rows(content: bytes) -> list[tuple[Any, ...]]:
    return list(load_workbook(BytesIO(content)).worksheets[0].iter_rows(values_only=True))


def test_sales_by_period_with_sums_and_papers(
    seller: FlaskClient, supplier: Supplier, programme: Programme
) -> None:
    today = settled.make_paid(programme, supplier, 1_100_000)
    receipt = slips.issue(SlipKind.RECEIPT, payment=today)
    receipt.sha256, receipt.size = "0" * 64, 1
    settled.make_paid(programme, supplier, 550_000, paid_at=clock.now() - timedelta(days=40))
    settled.cancel(settled.make_paid(programme, supplier, 220_000))
    page = seller.get("/supply/sales").text
    for words in ("1,870,000원", "−220,000원", "1,650,000원", "총 <strong>3</strong>건", "결제취소"):
        assert words in page
    assert f'href="/slips/{receipt.id}.pdf"' in page
    # On a narrow screen each cell says its name, for the head has no room.
    assert page.count("<td") == page.count(' data-label="') == 15
    days = clock.today()
    period = f"since={days:%Y.%m.%d}&until={days:%Y.%m.%d}"
    page = seller.get(f"/supply/sales?{period}").text
    assert "총 <strong>2</strong>건" in page and "550,000원" not in page
    exported = seller.get(f"/supply/sales.xlsx?{period}")
    rows = _rows(exported.data)
    assert rows[0][:4] == ("결제일시", "상태", "수요기업", "서비스") and len(rows) == 5
    assert sorted(row[10] for row in rows[1:3]) == [220_000, 1_100_000]
    assert [(row[0], row[10], row[11]) for row in rows[3:]] == [
        ("결제성공 1건", 1_100_000, 0),
        ("결제취소 1건", 220_000, 220_000),
    ]


def test_a_period_that_ends_before_it_begins_is_said_to_be_wrong(seller: FlaskClient) -> None:
    answer = seller.get("/supply/sales?since=2020.12.01&until=2020.11.01")
    assert answer.status_code == 200 and "종료일은 시작일과 같거나 그 뒤여야 합니다." in answer.text


def test_sales_without_any_say_what_to_do(seller: FlaskClient) -> None:
    page = seller.get("/supply/sales").text
    assert (
        "아직 결제된 내역이 없습니다. 수락한 거래에 결제요청을 보내면" in page and "서비스 요청 보기" in page
    )
    assert "조건에 맞는 결제 내역이 없습니다." in seller.get("/supply/sales?q=없음").text


def test_a_sale_opens_into_its_parts(seller: FlaskClient, supplier: Supplier, programme: Programme) -> None:
    payment = settled.make_paid(programme, supplier, 1_100_000)
    page = seller.get(f"/supply/sales/{payment.id}").text
    assert "990,000원" in page and "110,000원" in page and payment.deal.company.name in page


def test_the_later_cancellation_says_its_consequence_and_asks_why(
    site: Any, sandbox: str, log_in_as: LogIn
) -> None:
    """R-PAY-6: the day after, only the supplier may."""
    payer = money.make_payer(sandbox)
    bill = money.make_bill(payer, 1_000_000)
    payment = money.pay(payer, bill)
    assert payment.state is PaymentState.PAID
    client = log_in_as(factories.make_account(Role.SUPPLIER, supplier_id=bill.supplier_id))
    clock.set_offset(timedelta(days=3))
    address = f"/supply/sales/{payment.id}"
    assert f'href="{address}/cancel"' in client.get(address).text
    asked = client.get(f"{address}/cancel").text
    assert "이 결제를 취소할까요?" in asked and "수요기업의 바우처로 돌아갑니다" in asked
    assert "아직 정산되지 않은 결제" in asked
    missing = client.post(f"{address}/cancel")
    assert missing.status_code == 422 and "취소 사유를 입력해 주세요." in missing.text
    assert payment.state is PaymentState.PAID
    done = client.post(f"{address}/cancel", data={"reason": "이용을 시작하지 못함"}, follow_redirects=True)
    assert "결제를 취소했습니다." in done.text and "이용을 시작하지 못함" in done.text
    assert f'href="{address}/cancel"' not in done.text
    again = client.post(f"{address}/cancel", data={"reason": "또"}, follow_redirects=True)
    assert again.status_code == 200


def test_on_the_day_of_payment_the_supplier_waits(site: Any, sandbox: str, log_in_as: LogIn) -> None:
    """R-PAY-6, R-TIME-1: no button and no cancellation until 24:00 Korean time, to the millisecond."""
    payer = money.make_payer(sandbox)
    bill = money.make_bill(payer, 1_000_000)
    payment = money.pay(payer, bill)
    client = log_in_as(factories.make_account(Role.SUPPLIER, supplier_id=bill.supplier_id))
    address = f"/supply/sales/{payment.id}"
    assert payment.paid_at is not None
    midnight = clock.end_of(clock.korean_day(payment.paid_at))
    with clock.at(midnight - timedelta(milliseconds=1)):
        page = client.get(address).text
        assert f"{clock.write_deadline(midnight)}는 수요기업만 취소할 수 있고" in page
        assert f'href="{address}/cancel"' not in page
        assert client.get(f"{address}/cancel").status_code == 302
        refused = client.post(f"{address}/cancel", data={"reason": "재고가 없습니다."})
        assert refused.status_code == 422 and "수요기업만 취소할 수 있습니다." in refused.text
        assert "재고가 없습니다." in refused.text
    assert db.session.get_one(Payment, payment.id, populate_existing=True).state is PaymentState.PAID
    with clock.at(midnight):
        assert f'href="{address}/cancel"' in client.get(address).text
        assert client.post(f"{address}/cancel", data={"reason": "재고가 없습니다."}).status_code == 302
    assert db.session.get_one(Payment, payment.id, populate_existing=True).state is PaymentState.CANCELLED


def test_after_settlement_the_clawback_is_said_first(
    seller: FlaskClient, supplier: Supplier, programme: Programme
) -> None:
    """R-PAY-6: 환수, in won, on the sale and on the page that asks."""
    payment = settled.make_paid(programme, supplier, 2_200_000, paid_at=clock.now() - timedelta(days=30))
    settled.Officers().approved(programme)
    for path in ("", "/cancel"):
        page = seller.get(f"/supply/sales/{payment.id}{path}").text
        assert "다음 정산에서 2,200,000원을 빼고 지급합니다(환수)" in page
    # Its voucher's clocks have struck: the money cannot stay there.
    assert "사업 예산으로 돌아갑니다" in seller.get(f"/supply/sales/{payment.id}/cancel").text


def test_sales_by_tab_and_words(seller: FlaskClient, supplier: Supplier, programme: Programme) -> None:
    """R-PAY-7: what is searched for stays through tabs and into the file; a failed attempt is not there."""
    paid = settled.make_paid(programme, supplier, 1_100_000)
    gone = settled.make_paid(programme, supplier, 220_000)
    settled.cancel(gone)
    failed = settled.make_paid(programme, supplier, 330_000)
    failed.state, failed.failure_text = PaymentState.FAILED, "한도 초과"
    db.session.commit()
    page = seller.get("/supply/sales").text
    assert "총 <strong>2</strong>건" in page and "결제실패" not in page and "330,000원" not in page
    assert seller.get(f"/supply/sales/{failed.id}").status_code == 404
    assert "총 <strong>1</strong>건" in seller.get("/supply/sales?tab=cancelled").text
    words = f"q={paid.approval_number}"
    page = seller.get(f"/supply/sales?tab=paid&{words}").text
    assert paid.deal.company.name in page and gone.deal.company.name not in page
    assert f"tab=paid&amp;{words}" in page and f"{words}&amp;tab=cancelled" in page
    assert "총 <strong>0</strong>건" in seller.get(f"/supply/sales?tab=cancelled&{words}").text
    rows = _rows(seller.get(f"/supply/sales.xlsx?tab=all&{words}").data)
    assert [row[0] for row in rows[2:]] == ["결제성공 1건"] and rows[1][2] == paid.deal.company.name


@pytest.mark.parametrize("method, path", [("GET", ""), ("POST", "/cancel")])
def test_anothers_sale_is_not_there(
    seller: FlaskClient, programme: Programme, method: str, path: str
) -> None:
    other: Payment = settled.make_paid(programme, factories.make_supplier(), 1_100_000)
    data = {"reason": "남의 결제"}
    assert seller.open(f"/supply/sales/{other.id}{path}", method=method, data=data).status_code == 404
    assert other.state is PaymentState.PAID
    assert "총 <strong>0</strong>건" in seller.get("/supply/sales").text


def test_settlement_says_where_each_payment_is(
    seller: FlaskClient, supplier: Supplier, programme: Programme
) -> None:
    """R-SET-1, R-SET-2"""
    long_ago = clock.now() - timedelta(days=30)
    settled.make_paid(programme, supplier, 2_200_000, paid_at=long_ago)
    batch, _ = settled.Officers().exported(programme)
    settled.make_paid(programme, supplier, 330_000, paid_at=long_ago)
    settled.make_paid(programme, supplier, 110_000)
    page = seller.get("/supply/settlement").text
    for words in (
        "정산 진행중",
        "정산 대기",
        "이용확인 대기",
        "440,000원",
        "총 <strong>3</strong>건",
        batch.number,
    ):
        assert words in page
    # Beside the payment that a settlement took up stands the paper that says by how much.
    assert page.count("정산내역서 만드는 중") == 1
    lines = seller.get("/supply/settlement?tab=lines").text
    assert batch.number in lines and "2,200,000원" in lines and "정산내역서 만드는 중" in lines
    places = _rows(seller.get("/supply/settlement.xlsx").data)
    assert [row[3] for row in places[1:]] == [110_000, 330_000, 2_200_000]
    exported = _rows(seller.get("/supply/settlement.xlsx?tab=lines").data)
    assert exported[1][0] == batch.number and exported[1][8] == 2_200_000


def test_a_sale_explains_its_settlement_line_by_line_and_step_by_step(
    seller: FlaskClient, supplier: Supplier, programme: Programme
) -> None:
    """R-SET-1, R-SET-2, R-SET-4: what is met, what is missing, where it stands; not why it is looked at."""
    payment = settled.make_paid(
        programme,
        supplier,
        paid_at=clock.now() - timedelta(days=7),
        instrument=InstrumentKind.ZEROPAY,
    )
    day = clock.write_day(clock.today() + timedelta(days=3))
    page = seller.get(f"/supply/sales/{payment.id}").text
    for words in (
        f"대기: 평가 또는 이용실적 또는 3일 더({day} 24:00), 세금계산서",
        "발급한 뒤 승인번호를 등록해 주세요.",
        "정산 계좌가 확인되었습니다.",
        "공급대금의 진행",
    ):
        assert words in page
    settled.give_invoice(payment)
    settled.Holders().place(payment.id, HoldSource.SUSPICION)
    page = seller.get(f"/supply/sales/{payment.id}").text
    assert "세금계산서가 확인되었습니다." in page and "지급하기 전에 확인하고 있습니다." in page
    assert "의심" not in page and "지급 전 확인" in seller.get("/supply/settlement").text


def test_a_balance_below_zero_is_said_first(
    seller: FlaskClient, supplier: Supplier, programme: Programme
) -> None:
    """R-PAY-6"""
    payment = settled.make_paid(programme, supplier, 500_000, paid_at=clock.now() - timedelta(days=30))
    settled.Officers().settled(programme)
    assert "정산 잔액이 음수입니다" not in seller.get("/supply/settlement").text
    settled.cancel(payment)
    page = seller.get("/supply/settlement").text
    assert "정산 잔액이 음수입니다" in page and "500,000원 많습니다" in page


def test_settlement_shows_nobody_elses(seller: FlaskClient, programme: Programme) -> None:
    settled.make_paid(programme, factories.make_supplier(), 1_100_000)
    page = seller.get("/supply/settlement").text
    assert "정산할 결제가 없습니다." in page and "총 <strong>0</strong>건" in page
    assert "아직 정산한 내역이 없습니다." in seller.get("/supply/settlement?tab=lines").text


def test_home_sums_the_money(seller: FlaskClient, supplier: Supplier, programme: Programme) -> None:
    settled.make_paid(programme, supplier, 1_100_000)
    page = seller.get("/supply").text
    assert "정산 승인 전" in page and "1,100,000원" in page
