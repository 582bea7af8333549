"""취소전표: the slip of a cancelled payment, with the number of the original (R-DOC-1, R-PAY-7)."""

from __future__ import annotations

from app.documents import shapes
from app.documents.paper import Sheet
from app.documents.receipt import payment_rows
from app.documents.slip_data import PaymentPaper


def draw(paper: PaymentPaper) -> bytes:
    """The PDF. Drawn again, the same bytes."""
    return shapes.paged(lambda pages: _draw(paper, pages))


def _draw(paper: PaymentPaper, pages: int) -> Sheet:
    stamp = paper.stamp
    sheet = Sheet(title=f"취소전표 {stamp.number}", demonstration=stamp.demonstration, pages=pages)
    shapes.head(sheet, "취소전표", "바우처 매출취소전표 (공급받는자 보관용)", stamp)
    shapes.amount_band(sheet, "취소금액", paper.total, minus=True)
    rows = [
        ("취소일시", paper.cancelled_at),
        ("원 전표번호", paper.original_number or "-"),
        ("취소사유", paper.cancel_reason or "-"),
        ("원 결제일시", paper.paid_at),
    ]
    shapes.grid(sheet, "취소 정보", rows + payment_rows(paper)[1:5])
    shapes.parties(sheet, paper.supplier, paper.buyer)
    shapes.items(sheet, paper, sign=-1)
    shapes.sums(sheet, shapes.price(paper, sign=-1), shapes.shares(paper, sign=-1))
    shapes.foot(sheet, stamp, "위 결제가 취소되었음을 확인합니다.")
    return sheet
