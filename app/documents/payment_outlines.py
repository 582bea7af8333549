"""전표, 거래명세서 and 취소전표 of a paid deal (R-DOC-1, R-PAY-7)."""

from __future__ import annotations

from app.documents.korean_money import won
from app.documents.outline import Band, Block, Column, Facts, Outline, Parties, Sums, Table
from app.documents.slip_data import PaymentPaper

KEPT_BY = "공급자·공급받는자 보관용"
"""One paper is kept for both parties, and both open it."""
ITEMS = (
    Column("품목", 0.42),
    Column("수량", 0.07, "right"),
    Column("단가", 0.13, "right"),
    Column("공급가액", 0.13, "right"),
    Column("세액", 0.12, "right"),
    Column("합계", 0.13, "right"),
)


def receipt(paper: PaymentPaper) -> Outline:
    return Outline(
        title="전표",
        subtitle=f"바우처 매출전표 ({KEPT_BY})",
        stamp=paper.stamp,
        owner=paper.buyer.name,
        sections=(
            Band("결제금액", paper.total),
            Facts("결제 정보", _paid(paper)),
            Parties(paper.supplier, paper.buyer),
            _items(paper),
            _sums(paper),
        ),
        sentence="위와 같이 결제되었음을 확인합니다.",
    )


def statement(paper: PaymentPaper) -> Outline:
    traded = [("거래일자", paper.paid_at), *(row for row in _paid(paper) if row[0] in _TRADED)]
    return Outline(
        title="거래명세서",
        subtitle=f"({KEPT_BY})",
        stamp=paper.stamp,
        owner=paper.buyer.name,
        sections=(
            Parties(paper.supplier, paper.buyer, phone=True),
            Band("합계금액 (공급가액 + 세액)", paper.total),
            _items(paper),
            _sums(paper),
            Facts("결제 정보", traded),
        ),
        sentence="위와 같이 서비스를 공급하였음을 확인합니다.",
    )


def cancellation(paper: PaymentPaper) -> Outline:
    cancelled = [
        ("취소일시", paper.cancelled_at),
        ("원 전표번호", paper.original_number or "-"),
        ("취소사유", paper.cancel_reason or "-"),
        ("원 결제일시", paper.paid_at),
    ]
    return Outline(
        title="취소전표",
        subtitle=f"바우처 매출취소전표 ({KEPT_BY})",
        stamp=paper.stamp,
        owner=paper.buyer.name,
        sections=(
            Band("취소금액", paper.total, minus=True),
            Facts("취소 정보", cancelled + _paid(paper)[1:5]),
            Parties(paper.supplier, paper.buyer),
            _items(paper, sign=-1),
            _sums(paper, sign=-1),
        ),
        sentence="위 결제가 취소되었음을 확인합니다.",
    )


_TRADED = ("결제수단", "카드번호", "승인번호")


def _paid(paper: PaymentPaper) -> list[tuple[str, str]]:
    """How it was paid: what the card company or ZeroPay answered, the card number masked (R-PAY-2)."""
    return [
        ("결제일시", paper.paid_at),
        ("승인번호", paper.approval_number),
        ("결제수단", paper.instrument),
        ("카드번호", paper.card or "해당 없음"),
        ("주문번호", paper.order_id),
        ("할부", "일시불"),
    ]


def _items(paper: PaymentPaper, *, sign: int = 1) -> Table:
    name = "\n".join(filter(None, [paper.item, paper.plan, paper.period and f"이용기간 {paper.period}"]))
    unit = "-" if paper.unit_price is None else won(paper.unit_price)
    sums = [won(sign * value) for value in (paper.supply, paper.tax, paper.total)]
    note = "단가는 부가가치세를 포함한 금액입니다." if paper.tax_inside else "단가는 공급가액 기준입니다."
    return Table("거래 내용", ITEMS, [[name, won(paper.quantity), unit, *sums]], note=f"(단위: 원)  {note}")


def _sums(paper: PaymentPaper, *, sign: int = 1) -> Sums:
    """What it costs, and who bears it: the government, the company, the tax on top (R-MONEY-2a)."""
    price = [("공급가액", sign * paper.supply), ("세액(부가가치세)", sign * paper.tax)]
    borne = [("정부지원금", sign * paper.grant), ("기업 자부담금", sign * paper.share)]
    if paper.extra_tax:
        borne.append(("부가가치세(기업 부담)", sign * paper.extra_tax))
    total = ("합계", sign * paper.total)
    return Sums((Block("금액", price, total), Block("부담 구분", borne, total)))
