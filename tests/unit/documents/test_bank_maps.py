"""Column maps of banks: written the same every time, read by their titles (R-SET-2)."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import date
from zipfile import ZipFile

import pytest
from openpyxl import load_workbook

from app.documents import bank_maps, bank_results, plain_xlsx
from app.documents.bank_files import FAILED_CODES, Codes, FileRefused, Transfer, cms_of
from app.documents.bank_maps import PRESETS, Field, Layout, OutColumn

DAY = date(2020, 11, 3)
TRANSFERS = [
    Transfer(1, "088", "110-123-456789", 3_267_000, "㈜한빛소프트", "신한은행"),
    Transfer(2, "004", "00412304567890", 1_089_000, '바른솔루션, "B"', "국민은행"),
]
NAMES = list(PRESETS)


def written(layout: Layout) -> bytes:
    return bank_maps.write(layout, "S2020-0001", DAY, TRANSFERS)


def answered(layout: Layout, *rows: tuple[object, ...], sums: tuple[object, ...] | None = None) -> bytes:
    """A bank's answer in this map's kind of file: captions, titles, rows, and a row of sums."""
    results = layout.results
    table = [["이체결과 조회"], [], ["번호", results.cms, results.amount, results.code, results.message]]
    table += [[place, *row] for place, row in enumerate(rows, start=1)]  # type: ignore[misc]
    if sums is not None:
        table.append(list(sums))
    return plain_xlsx.write(table, title="결과")  # type: ignore[arg-type]


@pytest.mark.parametrize("name", NAMES)
def test_the_same_transfers_give_the_same_bytes(name: str) -> None:
    assert written(PRESETS[name]) == written(PRESETS[name])


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_map_is_whole_and_comes_back_from_the_table(name: str) -> None:
    assert bank_maps.faults(PRESETS[name]) == {}
    assert bank_maps.load(PRESETS[name].dump()) == PRESETS[name]


def test_a_workbook_keeps_leading_zeros_and_numbers() -> None:
    sheet = load_workbook(io.BytesIO(written(PRESETS["ibk"]))).worksheets[0]
    heading, _first, second = list(sheet.iter_rows(values_only=True))
    assert heading == ("순번", "입금은행코드", "입금계좌", "금액", "예금주", "메모", "CMS코드")
    assert second == (2, "004", "00412304567890", 1_089_000, '바른솔루션, "B"', "비대면바우처", cms_of(2))


def test_a_workbook_says_nothing_of_when_it_was_made() -> None:
    """Else the same batch exported again would be another file."""
    with ZipFile(io.BytesIO(written(PRESETS["shinhan"]))) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert "docProps/core.xml" not in archive.namelist()


def test_a_text_that_a_spreadsheet_would_run_stays_a_text() -> None:
    content = plain_xlsx.write([["=1+1", "<b>&", "\x01x"]], title="a/b", headed=False)
    sheet = load_workbook(io.BytesIO(content)).worksheets[0]
    assert [cell.value for cell in sheet[1]] == ["=1+1", "<b>&", "x"]
    assert sheet["A1"].data_type in ("s", "inlineStr") and sheet.title == "a b"
    with pytest.raises(ValueError, match="fifteen"):
        plain_xlsx.write([[10**15]], title="x")


def test_another_encoding_writes_hangul_and_refuses_what_it_has_not() -> None:
    content = written(PRESETS["kookmin"])
    lines = content.decode("cp949").split("\r\n")
    assert lines[0] == "입금은행코드,입금계좌번호,입금액,예상예금주,입금통장표시내용,CMS코드"
    assert lines[1].startswith('088,110123456789,"3,267,000",㈜한빛소프트,비대면바우처,')
    strange = [replace(TRANSFERS[0], holder="𠮷野")]
    with pytest.raises(FileRefused) as refused:
        bank_maps.write(PRESETS["kookmin"], "S1", DAY, strange)
    assert refused.value.code == "encoding" and "𠮷" in refused.value.text and "CP949" in refused.value.text


@pytest.mark.parametrize("name", ["shinhan", "kookmin"])
def test_a_result_is_read_by_its_titles_with_its_sums(name: str) -> None:
    layout = PRESETS[name]
    content = answered(
        layout,
        (cms_of(1), "3,267,000", "0000", "정상처리"),
        (cms_of(2), 1_089_000, "0011", "계좌없음"),
        sums=("합계", "2건", 4_356_000),
    )
    read = bank_results.read(layout, content, count=0, total=0)
    assert [(row.row, row.line_id, row.amount, row.code, row.paid) for row in read.rows] == [
        (4, 1, 3_267_000, "0000", True),
        (5, 2, 1_089_000, "0011", False),
    ]
    assert read.bad == [] and read.batch_number is None


def test_without_a_row_of_sums_it_is_checked_against_what_was_asked() -> None:
    layout = PRESETS["ibk"]
    content = answered(layout, (cms_of(1), 3_267_000, "0000", "정상처리"))
    assert len(bank_results.read(layout, content, count=1, total=3_267_000).rows) == 1
    for asked, code in (({"count": 2, "total": 3_267_000}, "count"), ({"count": 1, "total": 1}, "total")):
        with pytest.raises(FileRefused) as refused:
            bank_results.read(layout, content, **asked)
        assert refused.value.code == code


def test_each_bad_row_is_kept_with_its_error() -> None:
    layout = PRESETS["shinhan"]
    content = answered(
        layout,
        (cms_of(1), 100, "0000", ""),
        ("XX", 200, "0000", ""),
        (cms_of(2), "많음", "0000", ""),
        (cms_of(1), 100, "0000", ""),
        (cms_of(3), 300, "", ""),
        sums=("합계", 5, 700),
    )
    read = bank_results.read(layout, content, count=0, total=0)
    assert [row.line_id for row in read.rows] == [1]
    assert [(bad.row, bad.reason[:6]) for bad in read.bad] == [
        (5, "이체번호의 "),
        (6, "금액이 숫자"),
        (7, "같은 이체번"),
        (8, "결과 코드가"),
    ]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"\x00\x01", "form"),
        (b"", "header"),
        (answered(PRESETS["ibk"], sums=None), "header"),
        (answered(PRESETS["shinhan"], (cms_of(1), 5, "0000", "")), "trailer"),
        (answered(PRESETS["shinhan"], (cms_of(1), 5, "0000", ""), sums=("합계", 2, 5)), "count"),
        (answered(PRESETS["shinhan"], (cms_of(1), 5, "0000", ""), sums=("합계", 1, 6)), "total"),
    ],
)
def test_a_result_that_is_wrong_as_a_whole_is_refused(content: bytes, code: str) -> None:
    with pytest.raises(FileRefused) as refused:
        bank_results.read(PRESETS["shinhan"], content, count=1, total=5)
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("code", "paid"),
    [
        ("0000", True),
        ("0", True),
        ("00", True),
        ("11", False),
        ("0011", False),
        ("OK", None),
        ("처리중", None),
    ]
    + [("9", None), ("00000", None), ("９", None), ("1", None)],
)
def test_a_code_means_paid_or_failed_or_nothing_yet(code: str, paid: bool | None) -> None:
    """R-SET-2: what is not known is never taken for failed, for failed lines are paid again."""
    assert Codes().paid(code) is paid


@pytest.mark.parametrize("name", ["shinhan", "kookmin", "ibk"])
@pytest.mark.parametrize("code", ["0", "0000", 0])
def test_zeros_that_a_spreadsheet_took_off_are_put_back(name: str, code: object) -> None:
    """R-SET-2: a numeric cell shows `0` for `0000`, and 11 for `0011`."""
    rows: list[tuple[object, ...]] = [(cms_of(1), 5, code, "정상"), (cms_of(2), 6, 11, "계좌없음")]
    content = answered(PRESETS[name], *rows, sums=("합계", 2, 11))
    read = bank_results.read(PRESETS[name], content, count=2, total=11)
    assert [row.paid for row in read.rows] == [True, False] and read.bad == []


@pytest.mark.parametrize("name", ["shinhan", "kookmin", "ibk"])
def test_a_code_that_nobody_knows_refuses_the_whole_file(name: str) -> None:
    rows: list[tuple[object, ...]] = [
        (cms_of(1), 5, "0000", "정상"),
        (cms_of(2), 6, "처리중", ""),
        (cms_of(3), 7, 7, ""),
    ]
    with pytest.raises(FileRefused) as refused:
        content = answered(PRESETS[name], *rows, sums=("합계", 3, 18))
        bank_results.read(PRESETS[name], content, count=3, total=18)
    assert refused.value.code == "unknown_code"
    assert "‘처리중’(1건), ‘7’(1건)" in refused.value.text and "0000" not in refused.value.text
    codes = replace(PRESETS[name].results, ok=("0000", "처리중"), failed=("0007",))
    read = bank_results.read(replace(PRESETS[name], results=codes), content, count=3, total=18)
    assert [row.paid for row in read.rows] == [True, True, False]


def test_a_map_kept_before_there_were_failed_codes_has_the_usual_ones() -> None:
    kept = PRESETS["ibk"].dump()
    del kept["results"]["failed"]
    assert bank_maps.load(kept).results.failed == FAILED_CODES


def test_rows_after_the_row_of_sums_are_not_dropped() -> None:
    """R-SET-2: two lists in one file would be half read."""
    sums, late = ("합계", 1, 5), ("2", cms_of(2), "6", "0000", "정상")
    lines = [("번호", *PRESETS["kookmin"].results.titles), ("1", cms_of(1), "5", "0000", "정상"), sums, late]
    content = "\n".join(",".join(map(str, line)) for line in lines).encode()
    with pytest.raises(FileRefused) as refused:
        bank_results.read(PRESETS["kookmin"], content, count=2, total=11)
    assert refused.value.code == "trailer" and "합계 행 뒤에 줄이 더 있습니다(4행)" in refused.value.text


CHANGES = [
    ("columns", {"columns": PRESETS["ibk"].columns[1:3]}),
    ("columns", {"columns": (*PRESETS["ibk"].columns, OutColumn("금액", Field.SEQ))}),
    ("columns", {"columns": (*PRESETS["ibk"].columns, *(OutColumn(f"{n}", Field.TEXT) for n in range(10)))}),
    ("frame", {"frame": bank_maps.Frame.CONTROL}),
    ("name", {"name": ""}),
    ("results", {"results": bank_maps.Results(cms="금액", amount="금액")}),
    ("ok", {"results": bank_maps.Results(ok=())}),
    ("ok", {"results": bank_maps.Results(ok=("0" * 21,))}),
    ("failed", {"results": bank_maps.Results(failed=tuple(f"E{n}" for n in range(61)))}),
    ("failed", {"results": bank_maps.Results(failed=("0011", "0"))}),
]


@pytest.mark.parametrize(("field", "change"), CHANGES)
def test_a_map_that_pays_nobody_is_refused(field: str, change: dict[str, object]) -> None:
    assert list(bank_maps.faults(replace(PRESETS["ibk"], **change))) == [field]  # type: ignore[arg-type]
