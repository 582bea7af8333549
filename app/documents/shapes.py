"""What the platform's papers have in common: head, the two parties, the sums, and the foot with the check."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from reportlab.lib.colors import white

from app.documents.korean_money import in_words, won
from app.documents.paper import (
    INK,
    INNER,
    MARGIN,
    MUTED,
    NAVY,
    PALE,
    RED,
    WIDTH,
    Column,
    Sheet,
    wrap,
)  # fmt: skip
from app.documents.slip_data import Party, PaymentPaper, Stamp

GAP = 11.0
ITEMS = (
    Column("품목", 0.42),
    Column("수량", 0.07, "right"),
    Column("단가", 0.13, "right"),
    Column("공급가액", 0.13, "right"),
    Column("세액", 0.12, "right"),
    Column("합계", 0.13, "right"),
)


def head(sheet: Sheet, title: str, subtitle: str, stamp: Stamp) -> None:
    """Title in the middle, number and day under it, a strong rule."""
    sheet.text(MARGIN, sheet.y + 8, stamp.programme, size=8.5, color=MUTED)
    sheet.text(WIDTH - MARGIN, sheet.y + 8, stamp.issuer, size=8.5, color=MUTED, align="right")
    sheet.y += 42
    spread = 14.0 if len(title) < 4 else 6.0
    sheet.text(WIDTH / 2, sheet.y, title, size=24, bold=True, color=NAVY, align="center", spread=spread)
    sheet.y += 17
    sheet.text(WIDTH / 2, sheet.y, subtitle, size=9, color=MUTED, align="center")
    sheet.y += 20
    sheet.text(MARGIN, sheet.y, f"문서번호  {stamp.number}", size=9)
    sheet.text(WIDTH - MARGIN, sheet.y, f"발급일  {stamp.issued_on}", size=9, align="right")
    sheet.y += 7
    sheet.rule(sheet.y, weight=1.6, color=NAVY)
    sheet.y += GAP


def amount_band(sheet: Sheet, label: str, amount: int, *, minus: bool = False) -> None:
    """The sum that the paper is about, in words and in figures."""
    sheet.fill(MARGIN, sheet.y, INNER, 46, PALE)
    sheet.fill(MARGIN, sheet.y, 4, 46, RED if minus else NAVY)
    sheet.text(MARGIN + 16, sheet.y + 19, label, size=9, color=MUTED)
    sheet.text(MARGIN + 16, sheet.y + 35, in_words(amount), size=10.5, bold=True)
    figures = f"{'-' if minus and amount else ''}{won(amount)}원"
    color = RED if minus else NAVY
    sheet.text(WIDTH - MARGIN - 14, sheet.y + 31, figures, size=20, bold=True, color=color, align="right")
    sheet.y += 46 + GAP


def _lines(party: Party, phone: bool) -> list[tuple[str, str]]:
    lines = [
        ("등록번호", party.business_number),
        ("상호(법인명)", party.name),
        ("대표자", party.representative),
        ("사업장 주소", party.address or "-"),
    ]
    return lines + ([("전화번호", party.phone)] if phone and party.phone else [])


def parties(sheet: Sheet, supplier: Party, buyer: Party, *, phone: bool = False) -> None:
    """공급자 on the left, 공급받는자 on the right, as on every Korean slip."""
    width = (INNER - 14) / 2
    lowest = sheet.y
    sides = ((MARGIN, "공급자", supplier), (MARGIN + width + 14, "공급받는자", buyer))
    for left, title, _ in sides:
        sheet.text(left, sheet.y + 10, title, size=10.5, bold=True, color=NAVY)
    sheet.y += 17
    for left, _, party in sides:
        lowest = max(lowest, sheet.pairs(left, width, _lines(party, phone)))
        sheet.rule(sheet.y, left=left, right=left + width, weight=1.2, color=NAVY)
    sheet.y = lowest + GAP


def grid(sheet: Sheet, title: str, rows: Sequence[tuple[str, str]]) -> None:
    """Label and value in two columns, filled row by row."""
    sheet.heading(title)
    top, width = sheet.y, INNER / 2
    for at in range(0, len(rows), 2):
        below = [sheet.pairs(MARGIN + n * width, width, [row]) for n, row in enumerate(rows[at : at + 2])]
        sheet.y = max(below)
    sheet.rule(top, weight=1.2, color=NAVY)
    sheet.y += GAP


def items(sheet: Sheet, paper: PaymentPaper, *, sign: int = 1) -> None:
    sheet.heading("거래 내용")
    name = "\n".join(filter(None, [paper.item, paper.plan, paper.period and f"이용기간 {paper.period}"]))
    unit = "-" if paper.unit_price is None else won(paper.unit_price)
    sums = [won(sign * value) for value in (paper.supply, paper.tax, paper.total)]
    sheet.table(ITEMS, [[name, won(paper.quantity), unit, *sums]])
    note = "단가는 부가가치세를 포함한 금액입니다." if paper.tax_inside else "단가는 공급가액 기준입니다."
    sheet.text(WIDTH - MARGIN, sheet.y + 11, f"(단위: 원)  {note}", size=7.5, color=MUTED, align="right")
    sheet.y += 14 + GAP


Sums = tuple[str, Sequence[tuple[str, int]], tuple[str, int]]
"""Title, lines, and the total under a strong rule; won."""


def sums(sheet: Sheet, *blocks: Sums) -> None:
    """Columns of sums, side by side."""
    width = (INNER - 18 * (len(blocks) - 1)) / len(blocks)
    sheet.need(20 + 20 * max(len(rows) for _, rows, _ in blocks) + 26)
    below = [_sums(sheet, MARGIN + n * (width + 18), width, block) for n, block in enumerate(blocks)]
    sheet.y = max(below) + GAP


def _sums(sheet: Sheet, left: float, width: float, block: Sums) -> float:
    title, rows, (label, total) = block
    right, y = left + width, sheet.y
    sheet.fill(left, y + 2, 3, 11, NAVY)
    sheet.text(left + 9, y + 11.5, title, size=10.5, bold=True, color=NAVY)
    y += 18
    sheet.rule(y, left=left, right=right, weight=1.2, color=NAVY)
    for name, amount in rows:
        sheet.text(left + 6, y + 13.5, name, size=9, color=MUTED)
        sheet.text(right - 6, y + 13.5, f"{won(amount)}원", size=9.5, align="right")
        y += 20
        sheet.rule(y, left=left, right=right)
    sheet.text(left + 6, y + 15, label, size=9.5, bold=True)
    sheet.text(right - 6, y + 15.5, f"{won(total)}원", size=11.5, bold=True, color=NAVY, align="right")
    sheet.rule(y + 22, left=left, right=right, weight=1.2, color=NAVY)
    return y + 22


def price(paper: PaymentPaper, *, sign: int = 1) -> Sums:
    rows = [("공급가액", sign * paper.supply), ("세액(부가가치세)", sign * paper.tax)]
    return "금액", rows, ("합계", sign * paper.total)


def shares(paper: PaymentPaper, *, sign: int = 1) -> Sums:
    """Who bears it: the government, the company, and the tax on top where there is one (R-MONEY-2a)."""
    rows = [("정부지원금", sign * paper.grant), ("기업 자부담금", sign * paper.share)]
    if paper.extra_tax:
        rows.append(("부가가치세(기업 부담)", sign * paper.extra_tax))
    return "부담 구분", rows, ("합계", sign * paper.total)


def paged(draw: Callable[[int], Sheet]) -> bytes:
    """Draw, and draw again with the right number of pages where it was not one."""
    sheet = draw(1)
    return sheet.finish() if sheet.page == 1 else draw(sheet.page).finish()


def foot(sheet: Sheet, stamp: Stamp, sentence: str) -> None:
    """What the paper certifies, who issued it, and how anyone checks it (R-DOC-1)."""
    sheet.y += 6
    sheet.need(106)
    sheet.y = max(sheet.y, 648)
    sheet.text(WIDTH / 2, sheet.y, sentence, size=10, align="center")
    sheet.text(WIDTH / 2, sheet.y + 17, stamp.issued_on, size=10, align="center")
    sheet.y += 28
    sheet.fill(MARGIN, sheet.y, INNER, 78)
    sheet.fill(MARGIN + 10, sheet.y + 7, 64, 64, white)
    sheet.qr(MARGIN + 13, sheet.y + 10, 58, stamp.url)
    left = MARGIN + 88
    sheet.text(left, sheet.y + 21, "문서확인번호", size=8.5, color=MUTED)
    sheet.text(left + 62, sheet.y + 21.5, stamp.code, size=12, bold=True, color=INK)
    text = "QR 코드를 찍거나 아래 주소에서 문서확인번호를 넣으면 이 문서가 진본인지 확인할 수 있습니다."
    sheet.text(left, sheet.y + 40, text, size=8.5, color=MUTED)
    for n, line in enumerate(wrap(stamp.url, INNER - 100, 8.5)[:2]):
        sheet.text(left, sheet.y + 55 + n * 12, line, size=8.5, color=NAVY)
    sheet.y += 78
