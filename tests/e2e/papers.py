"""Files that people upload, made for the test: real PDFs with Korean text, real spreadsheets."""

from __future__ import annotations

from collections.abc import Iterable
from io import BytesIO
from pathlib import Path

from openpyxl import Workbook
from pypdf import PdfReader

from app.demo.papers import paper
from app.models.numbers import complete_business_number
from app.workflows.intake_rows import COLUMNS

HEADING = tuple(COLUMNS.values())


def pdf(folder: Path, title: str, lines: list[str]) -> Path:
    path = folder / f"{title.replace('·', '')}.pdf"
    path.write_bytes(paper(title, lines))
    return path


def text_of(pdf: bytes) -> str:
    """Without white space: where a line breaks is the layout's business."""
    return "".join("".join(page.extract_text().split()) for page in PdfReader(BytesIO(pdf)).pages)


def spreadsheet(path: Path, rows: Iterable[tuple[str, ...]]) -> Path:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    for row in (HEADING, *rows):
        sheet.append(row)
    book.save(path)
    return path


def comma_separated(path: Path, rows: Iterable[tuple[str, ...]]) -> Path:
    """In CP949, as Excel saves it in Korea."""
    lines = [",".join(row) for row in (HEADING, *rows)]
    path.write_bytes("\r\n".join(lines).encode("cp949"))
    return path


def business_number(stem: str) -> str:
    """Nine digits with their check digit, hyphenated."""
    whole = complete_business_number(stem)
    return f"{whole[:3]}-{whole[3:5]}-{whole[5:]}"
