"""전표: the slip of a paid deal (R-DOC-1)."""

from __future__ import annotations

from app.documents import shapes
from app.documents.paper import Sheet
from app.documents.slip_data import PaymentPaper


def draw(paper: PaymentPaper) -> bytes:
    """The PDF. Drawn again, the same bytes."""
    return shapes.paged(lambda pages: _draw(paper, pages))


def _draw(paper: PaymentPaper, pages: int) -> Sheet:
    stamp = paper.stamp
    sheet = Sheet(title=f"전표 {stamp.number}", demonstration=stamp.demonstration, pages=pages)
    shapes.head(sheet, "전표", "바우처 매출전표 (공급받는자 보관용)", stamp)
    shapes.amount_band(sheet, "결제금액", paper.total)
    shapes.grid(sheet, "결제 정보", payment_rows(paper))
    shapes.parties(sheet, paper.supplier, paper.buyer)
    shapes.items(sheet, paper)
    shapes.sums(sheet, shapes.price(paper), shapes.shares(paper))
    shapes.foot(sheet, stamp, "위와 같이 결제되었음을 확인합니다.")
    return sheet


def payment_rows(paper: PaymentPaper) -> list[tuple[str, str]]:
    """How it was paid: what the card company or ZeroPay answered, the card number masked (R-PAY-2)."""
    return [
        ("결제일시", paper.paid_at),
        ("승인번호", paper.approval_number),
        ("결제수단", paper.instrument),
        ("카드번호", paper.card or "해당 없음"),
        ("주문번호", paper.order_id),
        ("할부", "일시불"),
    ]
