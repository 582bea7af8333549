"""Reading a table out of XLSX, or of CSV in UTF-8 or CP949 (R-KST-1). Bounded in size and rows."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from app.errors import InvalidInput

MOST_BYTES = 10 * 1024 * 1024
MOST_UNPACKED = 100 * 1024 * 1024
MOST_ROWS = 20_000
MOST_COLUMNS = 50
Cell = str | date


@dataclass(frozen=True)
class Line:
    number: int
    """As the spreadsheet shows it: the first line is 1."""
    cells: list[Cell]


def read(content: bytes) -> list[Line]:
    """All lines that hold something. Raises InvalidInput `intake.format`, `intake.too_large`."""
    if len(content) > MOST_BYTES:
        raise _too_large()
    lines = _xlsx(content) if content.startswith(b"PK\x03\x04") else _csv(content)
    kept: list[Line] = []
    for line in lines:
        if any(cell != "" for cell in line.cells):
            kept.append(line)
        if line.number > MOST_ROWS + 1:
            raise _too_large()
    return kept


def _too_large() -> InvalidInput:
    text = f"파일이 너무 큽니다. 10MB, {MOST_ROWS:,}행 이하로 나누어 올려 주세요."
    return InvalidInput("intake.too_large", text, fields={"file": text})


def _bad_format() -> InvalidInput:
    text = "XLSX 파일이나 CSV 파일(UTF-8, CP949)로 읽을 수 없습니다. 파일 형식을 확인해 주세요."
    return InvalidInput("intake.format", text, fields={"file": text})


def _xlsx(content: bytes) -> Iterator[Line]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > MOST_UNPACKED:
                raise _too_large()
        book = load_workbook(io.BytesIO(content), read_only=True, data_only=False, keep_links=False)
    except (zipfile.BadZipFile, InvalidFileException, KeyError, ValueError, OSError) as error:
        raise _bad_format() from error
    sheet = book.worksheets[0] if book.worksheets else None
    if sheet is None:
        raise _bad_format()
    # The sheet's own idea of its size may be wrong, or a trap: read to the bound and no further.
    sheet.reset_dimensions()
    rows = sheet.iter_rows(max_row=MOST_ROWS + 2, max_col=MOST_COLUMNS, values_only=True)
    for number, row in enumerate(rows, 1):
        yield Line(number, [_cell(value) for value in row])


def _cell(value: object) -> Cell:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip()


def _csv(content: bytes) -> Iterator[Line]:
    if b"\x00" in content:
        raise _bad_format()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        try:
            text = content.decode("cp949")
        except UnicodeDecodeError as error:
            raise _bad_format() from error
    try:
        for number, row in enumerate(csv.reader(io.StringIO(text, newline=""), strict=True), 1):
            yield Line(number, [cell.strip() for cell in row[:MOST_COLUMNS]])
    except csv.Error as error:
        raise _bad_format() from error
