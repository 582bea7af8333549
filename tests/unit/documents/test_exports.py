"""R-PAY-8, R-DOC-2: tables for Excel: numbers add up, leading zeros stay, nothing is a formula."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime
from typing import Any

import openpyxl
import pytest

from app.documents import exports
from app.documents.exports import Column
from app.models.payments import PaymentState

COLUMNS: list[Column[dict[str, Any]]] = [
    Column("사업자등록번호", lambda row: row["number"]),
    Column("금액", lambda row: row["amount"], "won"),
    Column("결제일시", lambda row: row["at"], "instant"),
    Column("기준일", lambda row: row["day"], "date"),
    Column("상태", lambda row: row["state"]),
]
ROWS = [
    {
        "number": "0123456789",
        "amount": 1_980_000,
        "at": datetime(2020, 11, 16, 0, 30, tzinfo=UTC),
        "day": date(2020, 11, 16),
        "state": PaymentState.PAID,
    },
    {"number": "=1+1", "amount": 0, "at": None, "day": None, "state": None},
]


def read() -> Any:
    return openpyxl.load_workbook(io.BytesIO(exports.xlsx(ROWS, COLUMNS, title="청구내역"))).active


def test_the_heading_is_frozen_and_the_values_have_their_kinds() -> None:
    sheet = read()
    assert sheet.title == "청구내역" and sheet.freeze_panes == "A2" and sheet.auto_filter.ref == "A1:E3"
    assert [cell.value for cell in sheet[1]] == [column.title for column in COLUMNS]
    number, amount, at, day, state = sheet[2]
    assert (number.value, number.data_type, number.number_format) == ("0123456789", "s", "@")
    assert (amount.value, amount.data_type, amount.number_format) == (1_980_000, "n", "#,##0")
    assert at.value == datetime(2020, 11, 16, 9, 30), "Korean time"  # noqa: DTZ001 - Excel knows no zone
    assert day.value.date() == date(2020, 11, 16) and state.value == "결제성공"


@pytest.mark.parametrize("text", ["=1+1", "+82-10", "-5", "@SUM(A1)", "\tx", '=HYPERLINK("http://x")'])
def test_a_text_is_never_a_formula(text: str) -> None:
    content = exports.xlsx([text], [Column("값", lambda value: value)])
    cell = openpyxl.load_workbook(io.BytesIO(content)).active["A2"]
    assert cell.data_type == "s" and cell.value == text
    line = exports.csv([text], [Column("값", lambda value: value)]).decode("utf-8-sig").split("\r\n")[1]
    assert line.lstrip('"').startswith("'")


def test_csv_opens_in_excel_and_keeps_what_it_says() -> None:
    content = exports.csv(ROWS, COLUMNS)
    assert content.startswith(b"\xef\xbb\xbf")
    lines = content.decode("utf-8-sig").split("\r\n")
    assert lines[0] == "사업자등록번호,금액,결제일시,기준일,상태"
    assert lines[1] == "0123456789,1980000,2020-11-16 09:30,2020-11-16,결제성공"
    assert lines[2] == "'=1+1,0,,,"


def test_letters_that_xml_forbids_do_not_break_the_workbook() -> None:
    content = exports.xlsx(["가\x00나\x0b"], [Column("값", lambda value: value)])
    assert openpyxl.load_workbook(io.BytesIO(content)).active["A2"].value == "가나"


def test_an_empty_table_has_its_heading() -> None:
    content = exports.xlsx([], COLUMNS)
    assert openpyxl.load_workbook(io.BytesIO(content)).active.max_row == 1


def test_totals_lie_below_the_rows_and_outside_the_filter() -> None:
    """R-PAY-8: read after the rows, so that they can be counted as they go by."""
    seen: list[int] = []

    def rows() -> Any:
        for row in ROWS:
            seen.append(row["amount"])
            yield row

    def totals() -> Any:
        yield f"합계 {len(seen)}건", {"금액": sum(seen)}

    content = exports.xlsx(rows(), COLUMNS, title="청구내역", totals=totals())
    sheet = openpyxl.load_workbook(io.BytesIO(content)).active
    assert [cell.value for cell in sheet[4]] == ["합계 2건", 1_980_000, None, None, None]
    assert sheet["B4"].number_format == "#,##0" and sheet["B4"].font.bold
    assert sheet.auto_filter.ref == "A1:E3"
