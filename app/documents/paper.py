"""A sheet of A4 and the few shapes that the platform's papers are made of. Same input, same bytes.

Lengths are points; y runs from the top down, as one reads.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import segno
from reportlab.lib.colors import Color, HexColor
from reportlab.lib.pagesizes import A4
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas

from app.documents import fonts
from app.documents.fonts import BOLD, REGULAR

with suppress(ImportError):  # ReportLab picks it up by itself, where it is installed
    import rl_accel  # type: ignore[import-not-found]  # noqa: F401

WIDTH, HEIGHT = A4
MARGIN = 48.0
INNER = WIDTH - 2 * MARGIN

INK = HexColor("#1e2124")
MUTED = HexColor("#58616a")
LINE = HexColor("#cdd1d5")
PALE = HexColor("#f4f5f6")
NAVY = HexColor("#052b57")
RED = HexColor("#d50136")
WATERMARK = Color(0.84, 0.0, 0.21, alpha=0.06)

PAD = 6.0
LEADING = 1.45
DEMONSTRATION = "시연용"


def wrap(text: str, width: float, size: float, font: str = REGULAR) -> list[str]:
    """Break a text into lines no wider than `width`: at a blank where there is one, else at any letter."""
    lines: list[str] = []
    for paragraph in text.split("\n"):
        line = ""
        for letter in paragraph:
            if line and stringWidth(line + letter, font, size) > width:
                head, blank, tail = line.rpartition(" ")
                lines.append(head if blank and head.strip() else line)
                line = (tail if blank and head.strip() else "") + letter
                line = line.lstrip()
            else:
                line += letter
        lines.append(line)
    return lines


def _unbroken(value: str, width: float) -> float:
    """The size of a value: a number a little too wide for its cell is set smaller, so that it is read whole.

    What fits keeps its size, so that a paper that is drawn again keeps its bytes (R-DOC-1).
    """
    sizes = (9.5, 9.0, 8.5)
    if " " in value:
        return sizes[0]
    return next((size for size in sizes if stringWidth(value, REGULAR, size) <= width), sizes[0])


@dataclass(frozen=True)
class Column:
    title: str
    share: float
    """Of the table's width; the shares of a table sum to one."""
    align: str = "left"


class Sheet:
    """Pages with a cursor. `top` draws the head of every page after the first."""

    def __init__(
        self, *, title: str, demonstration: bool, top: Callable[[Sheet], None] | None = None, pages: int = 1
    ) -> None:
        fonts.register()
        self._bytes = io.BytesIO()
        settings: dict[str, Any] = {"pagesize": A4, "initialFontName": REGULAR, "invariant": 1}
        self._canvas = Canvas(self._bytes, pageCompression=1, lang="ko-KR", **settings)
        self._canvas.setTitle(title)
        self._canvas.setAuthor("K-비대면바우처 플랫폼")
        self._demonstration = demonstration
        self._top = top
        self._pages = pages
        self.page = 1
        self.y = MARGIN
        self._begin_page()

    # --- marks -------------------------------------------------------------------------------------

    def text(
        self,
        x: float,
        y: float,
        words: str,
        *,
        size: float = 9.5,
        bold: bool = False,
        color: Color = INK,
        align: str = "left",
        spread: float = 0.0,
    ) -> None:
        """One line whose base lies at `y`. `spread` parts the letters of a title."""
        font = BOLD if bold else REGULAR
        width = stringWidth(words, font, size) + spread * max(len(words) - 1, 0)
        start = x - {"left": 0.0, "center": width / 2, "right": width}[align]
        line = self._canvas.beginText(start, HEIGHT - y)
        line.setFont(font, size)
        line.setFillColor(color)
        line.setCharSpace(spread)
        line.textOut(words)
        self._canvas.drawText(line)

    def rule(self, y: float, *, left: float = MARGIN, right: float = WIDTH - MARGIN, weight: float = 0.5,
             color: Color = LINE) -> None:  # fmt: skip
        self._canvas.setStrokeColor(color)
        self._canvas.setLineWidth(weight)
        self._canvas.line(left, HEIGHT - y, right, HEIGHT - y)

    def upright(self, x: float, top: float, bottom: float) -> None:
        self._canvas.setStrokeColor(LINE)
        self._canvas.setLineWidth(0.5)
        self._canvas.line(x, HEIGHT - top, x, HEIGHT - bottom)

    def fill(self, x: float, y: float, width: float, height: float, color: Color = PALE) -> None:
        self._canvas.setFillColor(color)
        self._canvas.rect(x, HEIGHT - y - height, width, height, stroke=0, fill=1)

    def qr(self, x: float, y: float, size: float, content: str) -> None:
        """A QR code, drawn as vectors: the dark modules of each row, run by run."""
        rows = [list(row) for row in segno.make(content, error="m", boost_error=False).matrix]
        step = size / len(rows)
        path = self._canvas.beginPath()
        for at, row in enumerate(rows):
            start = None
            for column, dark in enumerate([*row, 0]):
                if dark and start is None:
                    start = column
                elif not dark and start is not None:
                    bottom = HEIGHT - y - (at + 1) * step
                    path.rect(x + start * step, bottom, (column - start) * step, step)
                    start = None
        self._canvas.setFillColor(INK)
        self._canvas.drawPath(path, stroke=0, fill=1)

    # --- shapes ------------------------------------------------------------------------------------

    def heading(self, words: str) -> None:
        self.need(40)
        self.fill(MARGIN, self.y + 2, 3, 11, NAVY)
        self.text(MARGIN + 9, self.y + 11.5, words, size=10.5, bold=True, color=NAVY)
        self.y += 20

    def pairs(
        self, left: float, width: float, rows: Sequence[tuple[str, str]], *, label: float = 66
    ) -> float:
        """Label and value, line by line, from the cursor down; returns the y below and leaves the cursor."""
        y = self.y
        for name, value in rows:
            size = _unbroken(value, width - label - 2 * PAD)
            lines = wrap(value, width - label - 2 * PAD, size)
            height = max(20.0, len(lines) * 9.5 * LEADING + 8)
            self.fill(left, y, label, height)
            self.text(left + PAD, y + 13.5, name, size=8.5, color=MUTED)
            for n, line in enumerate(lines):
                self.text(left + label + PAD, y + 13.5 + n * 9.5 * LEADING, line, size=size)
            self.rule(y + height, left=left, right=left + width)
            y += height
        return y

    def table(self, columns: Sequence[Column], rows: Sequence[Sequence[str]], *, size: float = 9.0) -> None:
        """A table over the whole width; goes on over the page, with its heading again."""
        lefts = [MARGIN + INNER * sum(c.share for c in columns[:n]) for n in range(len(columns))]
        self._table_head(columns, lefts)
        for row in rows:
            cells = [
                wrap(cell, INNER * column.share - 2 * PAD, size)
                for column, cell in zip(columns, row, strict=True)
            ]
            height = max(len(cell) for cell in cells) * size * LEADING + 9
            if self.need(height):
                self._table_head(columns, lefts)
            for column, left, cell in zip(columns, lefts, cells, strict=True):
                for n, line in enumerate(cell):
                    self._cell(column, left, self.y + 15 + n * size * LEADING, line, size=size)
            self.y += height
            self.rule(self.y)

    def _table_head(self, columns: Sequence[Column], lefts: Sequence[float]) -> None:
        self.fill(MARGIN, self.y, INNER, 22)
        self.rule(self.y, weight=1.2, color=NAVY)
        for column, left in zip(columns, lefts, strict=True):
            self._cell(column, left, self.y + 14.5, column.title, size=8.5, color=MUTED)
        self.y += 22
        self.rule(self.y)

    def _cell(
        self, column: Column, left: float, y: float, words: str, *, size: float, color: Color = INK
    ) -> None:
        width = INNER * column.share
        x = {"left": left + PAD, "center": left + width / 2, "right": left + width - PAD}[column.align]
        self.text(x, y, words, size=size, color=color, align=column.align)

    # --- pages -------------------------------------------------------------------------------------

    def need(self, height: float) -> bool:
        """Go on to a new page where less than `height` is left; True where it did."""
        if self.y + height <= HEIGHT - MARGIN - 8:
            return False
        self._end_page()
        self._canvas.showPage()
        self.page += 1
        self.y = MARGIN
        self._begin_page()
        if self._top:
            self._top(self)
        return True

    def _begin_page(self) -> None:
        if not self._demonstration:
            return
        self._canvas.saveState()
        self._canvas.translate(WIDTH / 2, HEIGHT / 2)
        self._canvas.rotate(38)
        self._canvas.setFont(BOLD, 130)
        self._canvas.setFillColor(WATERMARK)
        self._canvas.drawCentredString(0, -40, DEMONSTRATION)
        self._canvas.restoreState()

    def _end_page(self) -> None:
        y = HEIGHT - MARGIN + 12
        self.rule(y - 14)
        if self._demonstration:
            mark = f"{DEMONSTRATION} 문서입니다. 실제 정부 문서가 아니며 아무런 효력이 없습니다."
            self.text(MARGIN, y, mark, size=7.5, color=RED)
        self.text(WIDTH - MARGIN, y, f"{self.page} / {self._pages}", size=7.5, color=MUTED, align="right")

    def finish(self) -> bytes:
        self._end_page()
        self._canvas.showPage()
        self._canvas.save()
        return self._bytes.getvalue()
