"""거래명세서: what was supplied to whom at what price (R-DOC-1)."""

from __future__ import annotations

from app.documents import shapes
from app.documents.paper import Sheet
from app.documents.slip_data import PaymentPaper


def draw(paper: PaymentPaper) -> bytes:
    """The PDF. Drawn again, the same bytes."""
    return shapes.paged(lambda pages: _draw(paper, pages))


def _draw(paper: PaymentPaper, pages: int) -> Sheet:
    stamp = paper.stamp
    sheet = Sheet(title=f"거래명세서 {stamp.number}", demonstration=stamp.demonstration, pages=pages)
    shapes.head(sheet, "거래명세서", "(공급받는자 보관용)", stamp)
    shapes.parties(sheet, paper.supplier, paper.buyer, phone=True)
    shapes.amount_band(sheet, "합계금액 (공급가액 + 세액)", paper.total)
    shapes.items(sheet, paper)
    shapes.sums(sheet, shapes.price(paper), shapes.shares(paper))
    rows = [
        ("거래일자", paper.paid_at),
        ("결제수단", paper.instrument),
        ("카드번호", paper.card or "해당 없음"),
        ("승인번호", paper.approval_number),
    ]
    shapes.grid(sheet, "결제 정보", rows)
    shapes.foot(sheet, stamp, "위와 같이 서비스를 공급하였음을 확인합니다.")
    return sheet
