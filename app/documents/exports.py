"""Tables as XLSX and CSV: numbers stay numbers, texts stay texts, nothing is a formula. Pure."""

from __future__ import annotations

import csv as csv_module
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Generic, Literal, TypeVar
from zoneinfo import ZoneInfo

from openpyxl import Workbook
from openpyxl.cell import Cell, WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet._write_only import WriteOnlyWorksheet

R = TypeVar("R")
Kind = Literal["text", "won", "number", "date", "instant"]

XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CSV_TYPE = "text/csv; charset=utf-8"
_KST = ZoneInfo("Asia/Seoul")
_FORMATS: dict[Kind, str] = {
    "text": "@",
    "won": "#,##0",
    "number": "0",
    "date": "yyyy-mm-dd",
    "instant": "yyyy-mm-dd hh:mm",
}
_WIDTHS: dict[Kind, int] = {"text": 20, "won": 15, "number": 10, "date": 12, "instant": 18}
_DANGEROUS = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class Column(Generic[R]):
    """One column: its Korean title, how a row gives its value, and how it is shown.

    `text` keeps leading zeros; `won` is a whole number; an instant is shown in Korean time.
    """

    title: str
    value: Callable[[R], Any]
    kind: Kind = "text"
    width: int | None = None


def _text(value: Any) -> str:
    return "" if value is None else str(getattr(value, "label", value))


def _cell_value(value: Any, kind: Kind) -> Any:
    if value is None:
        return None
    if kind == "text":
        return ILLEGAL_CHARACTERS_RE.sub("", _text(value))
    if kind == "instant" and isinstance(value, datetime):
        return value.astimezone(_KST).replace(tzinfo=None)
    if kind == "date" and isinstance(value, datetime):
        return value.astimezone(_KST).date()
    return value


Totals = Iterable[tuple[str, Mapping[str, int]]]
"""Lines below a table: what each sums up, and the sums by their columns' titles. Read after the rows."""


def xlsx(
    rows: Iterable[R], columns: Sequence[Column[R]], *, title: str = "목록", totals: Totals = ()
) -> bytes:
    """A workbook of one sheet, its heading frozen and filtered. Written row by row: memory stays flat.

    The totals lie outside the filter: who sorts or filters the rows leaves them where they are.
    """
    book = Workbook(write_only=True)
    sheet = book.create_sheet(title=title[:31])
    sheet.freeze_panes = "A2"
    for at, column in enumerate(columns, start=1):
        sheet.column_dimensions[get_column_letter(at)].width = column.width or _WIDTHS[column.kind]
    sheet.append([_heading(sheet, column.title) for column in columns])
    count = 1
    for row in rows:
        sheet.append([_cell(sheet, column, row) for column in columns])
        count += 1
    sheet.auto_filter.ref = f"A1:{get_column_letter(len(columns))}{count}"
    for label, sums in totals:
        sheet.append([_total(sheet, column, label if at == 0 else sums.get(column.title))
                      for at, column in enumerate(columns)])  # fmt: skip
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _heading(sheet: WriteOnlyWorksheet, title: str) -> Cell:
    cell = WriteOnlyCell(sheet, value=title)
    cell.font = Font(bold=True, color="FFFFFF")
    cell.fill = PatternFill("solid", fgColor="052B57")
    cell.alignment = Alignment(horizontal="center", vertical="center")
    return cell


def _total(sheet: WriteOnlyWorksheet, column: Column[R], value: str | int | None) -> Cell:
    cell = WriteOnlyCell(sheet, value=value)
    cell.number_format = "@" if isinstance(value, str) else _FORMATS[column.kind]
    cell.font = Font(bold=True)
    cell.fill = PatternFill("solid", fgColor="F4F5F6")
    return cell


def _cell(sheet: WriteOnlyWorksheet, column: Column[R], row: R) -> Cell:
    cell = WriteOnlyCell(sheet, value=_cell_value(column.value(row), column.kind))
    cell.number_format = _FORMATS[column.kind]
    if column.kind == "text" and cell.value is not None:
        # The type is set outright: openpyxl takes a text that begins with "=" for a formula.
        cell.data_type = "s"
        cell.quotePrefix = str(cell.value).startswith(_DANGEROUS)
    return cell


def csv(rows: Iterable[R], columns: Sequence[Column[R]]) -> bytes:
    """UTF-8 with BOM, as Excel opens it; a text that a spreadsheet would take for a formula gets a `'`."""
    out = io.StringIO()
    writer = csv_module.writer(out, lineterminator="\r\n")
    writer.writerow([column.title for column in columns])
    for row in rows:
        writer.writerow([_csv_value(column.value(row), column.kind) for column in columns])
    return b"\xef\xbb\xbf" + out.getvalue().encode()


def _csv_value(value: Any, kind: Kind) -> str:
    value = _cell_value(value, kind)
    if value is None:
        return ""
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    if isinstance(value, date):
        return value.isoformat()
    text = str(value)
    return f"'{text}" if kind == "text" and text.startswith(_DANGEROUS) else text
