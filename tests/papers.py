"""Data of papers for the tests: invented parties, real arithmetic; and how they are drawn and read."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import replace
from typing import Any

import pypdfium2

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


CANCELLED = {
    "cancelled_at": "2020.11.16.(월) 15:02",
    "cancel_reason": "요금제를 잘못 선택했습니다.",
    "original_number": "2020-R-000042",
}


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


def settlement(payments: int = 3, **fields: Any) -> SettlementPaper:
    items = tuple(
        SettledItem(
            paid_on="2020.11.03.",
            number=f"2020-R-{n:06}",
            buyer=f"주식회사 시험상사{n}",
            item="한빛 화상회의 프로 (기업형 50인)",
            amount=100_000,
        )
        for n in range(1, payments + 1)
    )
    gross = 100_000 * payments
    paper = SettlementPaper(
        stamp=STAMP,
        supplier=SUPPLIER,
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
        clawback=20_000,
        total=gross + 27_000,
    )
    return replace(paper, **fields)


def billing(count: int = 3, **fields: Any) -> BillingPaper:
    """Every second payment is cancelled."""
    rows = tuple(
        BilledRow(
            paid_at="2020.11.16. 10:24",
            service=f"한빛 화상회의 {n}",
            supplier="㈜한빛화상회의",
            approval_number=f"{n:08}",
            grant=900_000,
            share=100_000,
            tax=0,
            total=1_000_000,
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
        paid=Parts(grant=900_000 * count, share=100_000 * count, tax=0),
        cancelled=Parts(grant=900_000 * back, share=100_000 * back, tax=0),
        total=1_000_000 * (count - back),
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


def words(content: bytes) -> str:
    """As a reader copies it, blanks left out."""
    document = pypdfium2.PdfDocument(content)
    text = "".join(page.get_textpage().get_text_bounded() for page in document)
    return re.sub(r"\s+", "", unicodedata.normalize("NFC", text))
