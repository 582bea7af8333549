"""Data of papers for the tests and the benches: invented parties, real arithmetic; and how they are drawn."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from app.documents import book
from app.documents.slip_data import (
    BilledRow,
    BillingPaper,
    Parts,
    Party,
    PaymentPaper,
    SettledItem,
    SettlementPaper,
    Stamp,
)
from app.models.payments import SlipKind

STAMP = Stamp(
    number="2020-R-000042",
    issued_on="2020.11.16.(월)",
    code="7K3F-9QXM-2VBT-HN8D",
    url="https://voucher.example.kr/slips/check/7K3F9QXM2VBTHN8D",
    programme="2020년 비대면 서비스 바우처 사업",
    issuer="K-비대면바우처 플랫폼",
    demonstration=True,
)
SUPPLIER = Party(
    business_number="220-81-62517",
    name="㈜한빛화상회의",
    representative="金한빛",
    address="서울특별시 강남구 테헤란로 123, 한빛타워 7층 701호 (역삼동)",
    phone="02-555-0000",
)
BUYER = Party(
    business_number="124-81-00998",
    name="주식회사 뷁쀍상사",
    representative="홍길동",
    address="경기도 수원시 영통구 광교로 42",
)
PAYER = Party(
    business_number="999-82-00007",
    name="창업진흥원",
    representative="홍길동",
    address="세종특별자치시 시연로 1",
)

CANCELLED = {
    "cancelled_at": "2020.11.16.(월) 15:02",
    "cancel_reason": "요금제를 잘못 선택했습니다.",
    "original_number": "2020-R-000042",
}


def numbered(number: int) -> PaymentPaper:
    """A receipt with number, code, buyer and approval of its own: no two alike."""
    code = f"{number:016}"
    return payment(
        stamp=replace(
            STAMP,
            number=f"2020-R-{number:06}",
            code="-".join(code[at : at + 4] for at in range(0, 16, 4)),
            url=f"https://voucher.example.kr/slips/check/{code}",
        ),
        buyer=replace(
            BUYER,
            name=f"주식회사 {_name(number)}상사",
            representative=f"홍{_name(number * 7)}",
            address=f"경기도 수원시 영통구 광교로 {number}",
        ),
        card=f"****-****-****-{number % 10_000:04}",
        approval_number=f"{number:08}",
        order_id=f"KV20-{number:010}-1",
    )


def _name(number: int) -> str:
    """Two of some hundred syllables, as names have them."""
    return chr(0xAC00 + number % 300 * 28) + chr(0xB77C + number % 211 * 4)


def payment(**fields: Any) -> PaymentPaper:
    paper = PaymentPaper(
        stamp=STAMP,
        supplier=SUPPLIER,
        buyer=BUYER,
        paid_at="2020.11.16.(월) 10:24",
        instrument="신한법인체크카드",
        card="****-****-****-1234",
        approval_number="30412789",
        order_id="KV20-0000000042-1",
        item="한빛 화상회의 프로",
        plan="기업형 50인 · 12개월",
        period="2020.11.17.(화) ~ 2021.11.16.(화)",
        quantity=2,
        unit_price=990_000,
        supply=1_800_000,
        tax=180_000,
        total=1_980_000,
        grant=1_782_000,
        share=198_000,
        extra_tax=0,
        tax_inside=True,
    )
    return replace(paper, **fields)


BACK = SettledItem(
    paid_on="2020.09.15.",
    approval_number="29950001",
    invoice_number="202011164100009600000099",
    buyer="주식회사 뷁쀍상사",
    item="한빛 화상회의 프로 (결제취소 환수)",
    note="S2020-0000 정산에서 지급한 금액",
    amount=-22_000,
    supply=-20_000,
    tax=-2_000,
)


def settlement(payments: int = 2, **fields: Any) -> SettlementPaper:
    """Every second payment is by ZeroPay; one is taken back."""
    items = tuple(
        SettledItem(
            paid_on="2020.11.03.",
            approval_number=f"304{n:05}",
            invoice_number=f"2020110341000096{n:08}" if n % 2 == 0 else "",
            buyer=f"주식회사 시험상사{n}",
            item="한빛 화상회의 프로 (기업형 50인)",
            amount=110_000,
            supply=100_000,
            tax=10_000,
        )
        for n in range(1, payments + 1)
    ) + (BACK,)
    gross = 110_000 * payments
    paper = SettlementPaper(
        stamp=replace(STAMP, number="2020-S-000003"),
        supplier=SUPPLIER,
        payer=PAYER,
        batch="S2020-0001",
        cutoff="2020.11.15.(일)",
        approved_on="2020.11.16.(월)",
        bank="신한은행",
        account="110-***-***456",
        holder="㈜한빛화상회의",
        items=items,
        gross=gross,
        carried=50_000,
        fee=3_000,
        clawback=22_000,
        total=gross + 25_000,
    )
    return replace(paper, **fields)


def billing(count: int = 3, **fields: Any) -> BillingPaper:
    """Every second payment is cancelled."""
    rows = tuple(
        BilledRow(
            paid_at="2020.11.16. 10:24",
            service=f"한빛 화상회의 {n}",
            supplier="㈜한빛화상회의",
            business_number="220-81-62517",
            approval_number=f"{n:08}",
            supply=1_000_000,
            vat=100_000,
            grant=990_000,
            share=110_000,
            tax=0,
            total=1_100_000,
            cancelled_on="11.17." if n % 2 == 0 else "",
        )
        for n in range(1, count + 1)
    )
    back = count // 2
    paper = BillingPaper(
        stamp=replace(STAMP, number="2020-B-000007"),
        company=BUYER,
        period="2020.11.01. ~ 2020.11.30.",
        search="",
        rows=rows,
        paid=Parts(grant=990_000 * count, share=110_000 * count, tax=0),
        cancelled=Parts(grant=990_000 * back, share=110_000 * back, tax=0),
        total=1_100_000 * (count - back),
    )
    return replace(paper, **fields)


PAPERS: dict[SlipKind, Any] = {
    SlipKind.RECEIPT: payment(),
    SlipKind.STATEMENT: payment(),
    SlipKind.CANCELLATION: payment(**CANCELLED),
    SlipKind.SETTLEMENT: settlement(),
    SlipKind.BILLING: billing(),
}
"""One of each kind."""


def draw(kind: SlipKind, paper: PaymentPaper | SettlementPaper | BillingPaper) -> bytes:
    return book.draw_one(kind, paper.dump())
