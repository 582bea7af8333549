"""How the sections of a paper are drawn: head, parties, facts, sums, tables, and the foot with the check."""

from __future__ import annotations

from collections.abc import Callable
from functools import singledispatch

from app.documents.korean_money import in_words, won
from app.documents.outline import Band, Beside, Block, Facts, Outline, Parties, Section, Sums, Table
from app.documents.paper import (
    INK,
    INNER,
    MARGIN,
    MUTED,
    NAVY,
    PALE,
    RED,
    WHITE,
    Sheet,
    wrap,
)  # fmt: skip
from app.documents.pdf import WIDTH, Pdf, width_of
from app.documents.slip_data import Stamp

GAP = 11.0


def lay(pdf: Pdf, outline: Outline) -> None:
    """The paper, over as many pages as it needs."""
    stamp = outline.stamp
    sheet = Sheet(pdf, demonstration=stamp.demonstration, top=_further(outline))
    _head(sheet, outline)
    for section in outline.sections:
        _draw(section, sheet)
    _foot(sheet, stamp, outline.sentence)
    sheet.close()


def _further(outline: Outline) -> Callable[[Sheet], None]:
    """The head of every page after the first."""

    def draw(sheet: Sheet) -> None:
        named = f"{outline.title}  {outline.stamp.number}"
        sheet.text(MARGIN, sheet.y + 8, named, size=8.5, color=MUTED)
        owner = _shortened(outline.owner, INNER - width_of(named, 8.5) - 20, 8.5)
        sheet.text(WIDTH - MARGIN, sheet.y + 8, owner, size=8.5, color=MUTED, align="right")
        sheet.y += 24

    return draw


def _shortened(words: str, width: float, size: float) -> str:
    """What stands in full on the first page, in one line of this width."""
    if width_of(words, size) <= width:
        return words
    return wrap(words, width - width_of("…", size), size)[0] + "…"


def _head(sheet: Sheet, outline: Outline) -> None:
    """Title in the middle, number and day under it, a strong rule."""
    title, stamp = outline.title, outline.stamp
    sheet.text(MARGIN, sheet.y + 8, stamp.programme, size=8.5, color=MUTED)
    sheet.text(WIDTH - MARGIN, sheet.y + 8, stamp.issuer, size=8.5, color=MUTED, align="right")
    sheet.y += 42
    spread = 14.0 if len(title) < 4 else 6.0
    sheet.text(WIDTH / 2, sheet.y, title, size=24, bold=True, color=NAVY, align="center", spread=spread)
    sheet.y += 17
    sheet.text(WIDTH / 2, sheet.y, outline.subtitle, size=9, color=MUTED, align="center")
    sheet.y += 20
    sheet.text(MARGIN, sheet.y, f"문서번호  {stamp.number}", size=9)
    sheet.text(WIDTH - MARGIN, sheet.y, f"발급일  {stamp.issued_on}", size=9, align="right")
    sheet.y += 7
    sheet.rule(sheet.y, weight=1.6, color=NAVY)
    sheet.y += GAP


@singledispatch
def _draw(section: Section, sheet: Sheet) -> None:
    raise TypeError(section)


@_draw.register
def _band(band: Band, sheet: Sheet) -> None:
    """In words and in figures."""
    amount, minus = band.amount, band.minus
    sheet.fill(MARGIN, sheet.y, INNER, 46, PALE)
    sheet.fill(MARGIN, sheet.y, 4, 46, RED if minus else NAVY)
    sheet.text(MARGIN + 16, sheet.y + 19, band.label, size=9, color=MUTED)
    sheet.text(MARGIN + 16, sheet.y + 35, in_words(amount), size=10.5, bold=True)
    figures = f"{'-' if minus and amount else ''}{won(amount)}원"
    color = RED if minus else NAVY
    sheet.text(WIDTH - MARGIN - 14, sheet.y + 31, figures, size=20, bold=True, color=color, align="right")
    sheet.y += 46 + GAP


@_draw.register
def _parties(parties: Parties, sheet: Sheet) -> None:
    """공급자 on the left, 공급받는자 on the right, as on every Korean slip."""
    width = (INNER - 14) / 2
    lefts = (MARGIN, MARGIN + width + 14)
    for left, (title, _) in zip(lefts, parties.sides, strict=True):
        sheet.text(left, sheet.y + 10, title, size=10.5, bold=True, color=NAVY)
    sheet.y += 17
    lowest = sheet.y
    for left, (_, lines) in zip(lefts, parties.sides, strict=True):
        lowest = max(lowest, sheet.pairs(left, width, lines))
        sheet.rule(sheet.y, left=left, right=left + width, weight=1.2, color=NAVY)
    sheet.y = lowest + GAP


@_draw.register
def _facts(facts: Facts, sheet: Sheet) -> None:
    """Label and value in two columns, filled row by row."""
    sheet.heading(facts.title)
    top, width = sheet.y, INNER / 2
    for at in range(0, len(facts.rows), 2):
        pair = facts.rows[at : at + 2]
        sheet.y = max(sheet.pairs(MARGIN + n * width, width, [row]) for n, row in enumerate(pair))
    sheet.rule(top, weight=1.2, color=NAVY)
    sheet.y += GAP


@_draw.register
def _table(table: Table, sheet: Sheet) -> None:
    sheet.heading(table.title)
    sheet.table(table.columns, table.rows, size=table.size, foot=table.foot)
    if table.note:
        sheet.need(14)
        sheet.text(WIDTH - MARGIN, sheet.y + 11, table.note, size=7.5, color=MUTED, align="right")
        sheet.y += 14
    sheet.y += GAP


@_draw.register
def _sums(sums: Sums, sheet: Sheet) -> None:
    blocks = sums.blocks
    width = (INNER - 18 * (len(blocks) - 1)) / len(blocks)
    sheet.need(20 + 20 * max(len(block.rows) for block in blocks) + 26)
    below = [_block(sheet, MARGIN + n * (width + 18), width, block) for n, block in enumerate(blocks)]
    sheet.y = max(below) + GAP


@_draw.register
def _beside(beside: Beside, sheet: Sheet) -> None:
    facts, block = beside.facts, beside.block
    width = (INNER - 18) / 2
    sheet.need(20 + 20 * max(len(facts.rows), len(block.rows) + 1) + 6)
    below = _block(sheet, MARGIN + width + 18, width, block)
    sheet.y = _titled(sheet, MARGIN, width, facts.title)
    lines = sheet.pairs(MARGIN, width, facts.rows)
    sheet.rule(sheet.y, right=MARGIN + width, weight=1.2, color=NAVY)
    sheet.y = max(below, lines) + GAP


def _titled(sheet: Sheet, left: float, width: float, title: str) -> float:
    """A title over a strong rule; the y below."""
    y = sheet.y
    sheet.fill(left, y + 2, 3, 11, NAVY)
    sheet.text(left + 9, y + 11.5, title, size=10.5, bold=True, color=NAVY)
    sheet.rule(y + 18, left=left, right=left + width, weight=1.2, color=NAVY)
    return y + 18


def _block(sheet: Sheet, left: float, width: float, block: Block) -> float:
    label, total = block.total
    right, y = left + width, _titled(sheet, left, width, block.title)
    for name, amount in block.rows:
        sheet.text(left + 6, y + 13.5, name, size=9, color=MUTED)
        sheet.text(right - 6, y + 13.5, f"{won(amount)}원", size=9.5, align="right")
        y += 20
        sheet.rule(y, left=left, right=right)
    sheet.text(left + 6, y + 15, label, size=9.5, bold=True)
    sheet.text(right - 6, y + 15.5, f"{won(total)}원", size=11.5, bold=True, color=NAVY, align="right")
    sheet.rule(y + 22, left=left, right=right, weight=1.2, color=NAVY)
    return y + 22


def _foot(sheet: Sheet, stamp: Stamp, sentence: str) -> None:
    """What the paper certifies, who issued it, and how anyone checks it (R-DOC-1)."""
    sheet.y += 6
    sheet.need(106)
    sheet.y = max(sheet.y, 648)
    sheet.text(WIDTH / 2, sheet.y, sentence, size=10, align="center")
    issued = f"{stamp.issued_on}   {stamp.issuer} (직인 생략)"
    sheet.text(WIDTH / 2, sheet.y + 17, issued, size=10, align="center")
    sheet.y += 28
    sheet.fill(MARGIN, sheet.y, INNER, 78)
    sheet.fill(MARGIN + 10, sheet.y + 7, 64, 64, WHITE)
    sheet.qr(MARGIN + 13, sheet.y + 10, 58, stamp.url)
    left = MARGIN + 88
    sheet.text(left, sheet.y + 21, "문서확인번호", size=8.5, color=MUTED)
    sheet.text(left + 62, sheet.y + 21.5, stamp.code, size=12, bold=True, color=INK)
    text = "QR 코드를 찍거나 아래 주소에서 문서확인번호를 넣으면 이 문서가 진본인지 확인할 수 있습니다."
    sheet.text(left, sheet.y + 40, text, size=8.5, color=MUTED)
    for n, line in enumerate(wrap(stamp.url, INNER - 100, 8.5)[:2]):
        sheet.text(left, sheet.y + 55 + n * 12, line, size=8.5, color=NAVY)
    sheet.y += 78
