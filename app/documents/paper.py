"""A sheet of A4 and the few shapes that the platform's papers are made of. Same input, same bytes.

Lengths are points; y runs from the top down, as one reads.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import segno

from app.documents.fonts import BOLD, REGULAR
from app.documents.outline import Column
from app.documents.pdf import HEIGHT, WIDTH, Pdf, width_of

MARGIN = 48.0
INNER = WIDTH - 2 * MARGIN

Colour = str
"""Red, green and blue from 0 to 1, as PDF writes them."""


def _colour(rgb: int) -> Colour:
    return " ".join(f"{(rgb >> shift & 255) / 255:.4g}" for shift in (16, 8, 0))


INK = _colour(0x1E2124)
MUTED = _colour(0x58616A)
LINE = _colour(0xCDD1D5)
PALE = _colour(0xF4F5F6)
WHITE = _colour(0xFFFFFF)
NAVY = _colour(0x052B57)
RED = _colour(0xD50136)
# As pale as a red of 6 % lies on the white page; what is filled lies over it.
WATERMARK = _colour(0xFDF0F3)

PAD = 6.0
LEADING = 1.45
DEMONSTRATION = "시연용"

QR_MASK = 2
"""Any of the eight is a valid code; choosing the prettiest takes five times as long as the code itself."""
_DARK = re.compile(rb"\x01+")


def qr_modules(content: str) -> Sequence[bytearray]:
    """The rows of a QR code, 1 for dark; without the quiet zone."""
    return segno.make(content, error="m", boost_error=False, mask=QR_MASK).matrix


def wrap(text: str, width: float, size: float, font: str = REGULAR) -> list[str]:
    """Break a text into lines no wider than `width`: at a blank where there is one, else at any letter."""
    lines: list[str] = []
    for paragraph in text.split("\n"):
        if width_of(paragraph, size, font) <= width:
            lines.append(paragraph)
            continue
        line = ""
        for letter in paragraph:
            if line and width_of(line + letter, size, font) > width:
                head, blank, tail = line.rpartition(" ")
                lines.append(head if blank and head.strip() else line)
                line = (tail if blank and head.strip() else "") + letter
                line = line.lstrip()
            else:
                line += letter
        lines.append(line)
    return lines


def _unbroken(value: str, width: float) -> float:
    """The size of a value: a number a little too wide for its cell is set smaller, to be read whole."""
    sizes = (9.5, 9.0, 8.5)
    if " " in value:
        return sizes[0]
    return next((size for size in sizes if width_of(value, size) <= width), sizes[0])


def _whole(cell: str, width: float, size: float, font: str) -> float:
    """The size of an amount: a number has no second line, so one wider than its column is set smaller."""
    widest = max(width_of(line, size, font) for line in cell.split("\n"))
    return size if widest <= width else int(100 * size * width / widest) / 100


class Sheet:
    """Pages with a cursor. `top` draws the head of every page after the first."""

    def __init__(self, pdf: Pdf, *, demonstration: bool, top: Callable[[Sheet], None] | None = None) -> None:
        self._pdf = pdf
        self._demonstration = demonstration
        self._top = top
        self._pages: list[list[str]] = []
        self._marks: list[str] = []
        self._filled: Colour = ""
        self._drawn: tuple[Colour, float] = ("", 0.0)
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
        color: Colour = INK,
        align: str = "left",
        spread: float = 0.0,
    ) -> None:
        """One line whose base lies at `y`. `spread` parts the letters of a title."""
        font = BOLD if bold else REGULAR
        if align != "left":
            width = width_of(words, size, font) + spread * max(len(words) - 1, 0)
            x -= width / 2 if align == "center" else width
        self._ink(color)
        marks = "".join(
            f"{name} {size:g} Tf ({letters}) Tj " for name, letters in self._pdf.runs(words, font)
        )
        spaced, even = (f"{spread:g} Tc ", " 0 Tc") if spread else ("", "")
        self._marks.append(f"BT {spaced}{x:.2f} {HEIGHT - y:.2f} Td {marks}ET{even}")

    def _ink(self, color: Colour) -> None:
        if color != self._filled:
            self._marks.append(f"{color} rg")
            self._filled = color

    def _pen(self, color: Colour, weight: float) -> None:
        if (color, weight) != self._drawn:
            self._marks.append(f"{color} RG {weight:g} w")
            self._drawn = color, weight

    def rule(self, y: float, *, left: float = MARGIN, right: float = WIDTH - MARGIN, weight: float = 0.5,
             color: Colour = LINE) -> None:  # fmt: skip
        self._pen(color, weight)
        self._marks.append(f"{left:.2f} {HEIGHT - y:.2f} m {right:.2f} {HEIGHT - y:.2f} l S")

    def fill(self, x: float, y: float, width: float, height: float, color: Colour = PALE) -> None:
        self._ink(color)
        self._marks.append(f"{x:.2f} {HEIGHT - y - height:.2f} {width:.2f} {height:.2f} re f")

    def qr(self, x: float, y: float, size: float, content: str) -> None:
        """A QR code, drawn as vectors: the dark modules of each row, run by run, a module being one unit."""
        rows = qr_modules(content)
        step = size / len(rows)
        runs = [
            f"{run.start()} {at} {run.end() - run.start()} 1 re"
            for at, row in enumerate(rows)
            for run in _DARK.finditer(row)
        ]
        self._ink(INK)
        place = f"{step:.5f} 0 0 {-step:.5f} {x:.2f} {HEIGHT - y:.2f} cm"
        self._marks += [f"q {place}", *runs, "f Q"]

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

    def table(
        self,
        columns: Sequence[Column],
        rows: Sequence[Sequence[str]],
        *,
        size: float = 9.0,
        foot: Sequence[Sequence[str]] = (),
    ) -> None:
        """A table over the whole width; goes on over the page, with its heading again."""
        lefts = [MARGIN + INNER * sum(c.share for c in columns[:n]) for n in range(len(columns))]
        self._table_head(columns, lefts)
        for row in rows:
            self._table_row(columns, lefts, row, size)
        for row in foot:
            self._table_row(columns, lefts, row, size, bold=True)

    def _table_row(
        self,
        columns: Sequence[Column],
        lefts: Sequence[float],
        row: Sequence[str],
        size: float,
        *,
        bold: bool = False,
    ) -> None:
        font = BOLD if bold else REGULAR
        cells: list[tuple[float, list[str]]] = []
        for column, cell in zip(columns, row, strict=True):
            width = INNER * column.share - 2 * PAD
            own = _whole(cell, width, size, font) if column.align == "right" else size
            cells.append((own, wrap(cell, width, own, font)))
        height = max(len(lines) for _, lines in cells) * size * LEADING + 7
        if self.need(height):
            self._table_head(columns, lefts)
        if bold:
            self.fill(MARGIN, self.y, INNER, height)
        for column, left, (own, lines) in zip(columns, lefts, cells, strict=True):
            for n, line in enumerate(lines):
                y = self.y + size + 4.6 + n * size * LEADING
                self._cell(column, left, y, line, size=own, bold=bold)
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
        self,
        column: Column,
        left: float,
        y: float,
        words: str,
        *,
        size: float,
        bold: bool = False,
        color: Colour = INK,
    ) -> None:
        width = INNER * column.share
        x = {"left": left + PAD, "center": left + width / 2, "right": left + width - PAD}[column.align]
        self.text(x, y, words, size=size, bold=bold, color=color, align=column.align)

    # --- pages -------------------------------------------------------------------------------------

    def need(self, height: float) -> bool:
        """Go on to a new page where less than `height` is left; True where it did."""
        if self.y + height <= HEIGHT - MARGIN - 8:
            return False
        self._begin_page()
        self.y = MARGIN
        if self._top:
            self._top(self)
        return True

    def _begin_page(self) -> None:
        self._go_to([])
        self._pages.append(self._marks)
        if self._demonstration:
            # Turned by 38 degrees about the middle.
            self._marks.append(f"q 0.78801 0.61566 -0.61566 0.78801 {WIDTH / 2:.2f} {HEIGHT / 2:.2f} cm")
            self.text(0, HEIGHT + 40, DEMONSTRATION, size=130, bold=True, color=WATERMARK, align="center")
            self._marks.append("Q")
            self._filled = ""

    def _go_to(self, marks: list[str]) -> None:
        """A page whose colours are not known."""
        self._marks = marks
        self._filled, self._drawn = "", ("", 0.0)

    def _end_page(self, number: int) -> None:
        y = HEIGHT - MARGIN + 12
        self.rule(y - 14)
        if self._demonstration:
            mark = f"{DEMONSTRATION} 문서입니다. 실제 정부 문서가 아니며 아무런 효력이 없습니다."
            self.text(MARGIN, y, mark, size=7.5, color=RED)
        of = f"{number} / {len(self._pages)}"
        self.text(WIDTH - MARGIN, y, of, size=7.5, color=MUTED, align="right")

    def close(self) -> None:
        """Number the pages, now that they are counted, and put them into the file."""
        for number, marks in enumerate(self._pages, start=1):
            self._go_to(marks)
            self._end_page(number)
            self._pdf.page(marks)
