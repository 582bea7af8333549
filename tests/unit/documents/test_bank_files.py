"""R-SET-2: the bank's files, written and read to the letter."""

from __future__ import annotations

import csv
import io
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.documents import bank_maps
from app.documents.bank_files import FileRefused, Transfer, cms_of, read_result

DAY = date(2020, 11, 16)


def write_transfers(number: str, day: date, transfers: list[Transfer]) -> bytes:
    return bank_maps.write(bank_maps.PRESETS[bank_maps.COMMON], number, day, transfers)


def test_written_to_the_letter() -> None:
    transfers = [
        Transfer(7, "088", "110-123-456789", 1_100_000, "㈜한빛"),
        Transfer(12, "004", "94770200001", 5, '이름, "쉼표"'),
    ]
    assert write_transfers("S2020-0001", DAY, transfers).decode() == (
        "H,S2020-0001,20201116\r\n"
        "D,1,088,110123456789,1100000,㈜한빛,KV0000000007\r\n"
        'D,2,004,94770200001,5,"이름, ""쉼표""",KV0000000012\r\n'
        "T,2,1100005\r\n"
    )


def result(*rows: str, count: int | None = None, total: int = 0, head: str = "H,S1,20201116,RESULT") -> bytes:
    lines = [head, *rows, f"T,{len(rows) if count is None else count},{total}"]
    return "\n".join(lines).encode()


def test_good_and_bad_rows_are_told_apart_by_the_number_a_spreadsheet_shows() -> None:
    file = read_result(
        result(
            f"D,1,{cms_of(1)},100,0000,정상처리",
            f"D,2,{cms_of(2)},200,0011,계좌없음",
            f"D,3,{cms_of(1)},100,0000,정상처리",
            "D,4,KV1,50,0000,정상처리",
            f"D,5,{cms_of(5)},1.5,0000,정상처리",
            f"D,6,{cms_of(6)},60,,정상처리",
            "X,7",
            total=510,
        )
    )
    assert [(r.row, r.line_id, r.amount, r.code) for r in file.rows] == [
        (2, 1, 100, "0000"),
        (3, 2, 200, "0011"),
    ]
    assert [bad.row for bad in file.bad] == [4, 5, 6, 7, 8]
    assert all(bad.reason and bad.text for bad in file.bad)


@pytest.mark.parametrize("code", ["처리중", "0098", "??"])
def test_a_code_that_nobody_knows_refuses_the_whole_file(code: str) -> None:
    """R-SET-2: a transfer that is under way is not taken for failed, and so never paid twice."""
    rows = f"D,1,{cms_of(1)},100,0000,정상처리", f"D,2,{cms_of(2)},200,{code},"
    with pytest.raises(FileRefused) as refused:
        read_result(result(*rows, total=300))
    assert refused.value.code == "unknown_code" and f"‘{code}’(1건)" in refused.value.text


def test_zeros_that_a_spreadsheet_took_off_are_put_back() -> None:
    rows = f"D,1,{cms_of(1)},100,0,정상처리", f"D,2,{cms_of(2)},200,11,계좌없음"
    assert [row.paid for row in read_result(result(*rows, total=300)).rows] == [True, False]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "header"),
        (b"H,S1,20201116,RESULT", "header"),
        (result(head="H,S1,20201116"), "header"),
        (result(head="H,S1,2020-11-16,RESULT"), "header"),
        (result(count=1), "count"),
        (result(total=1), "total"),
        (b"H,S1,20201116,RESULT\nD,1,KV0000000001,1,0000,x", "trailer"),
        ("H,S1,20201116,RESULT\n정상".encode("cp949"), "encoding"),
        (b'H,S1,20201116,RESULT\n"open', "form"),
    ],
)
def test_a_file_that_is_wrong_as_a_whole_is_refused(content: bytes, code: str) -> None:
    with pytest.raises(FileRefused) as refused:
        read_result(content)
    assert refused.value.code == code and refused.value.text


def test_a_mark_of_byte_order_is_taken() -> None:
    assert read_result(b"\xef\xbb\xbf" + result()).batch_number == "S1"


@given(st.binary(max_size=200))
def test_no_bytes_break_the_reader(content: bytes) -> None:
    try:
        read_result(content)
    except FileRefused as refused:
        assert refused.text


@given(
    st.lists(
        st.tuples(
            st.integers(1, 10**9), st.integers(1, 10**12), st.text('가나다," ', min_size=1, max_size=9)
        ),
        max_size=20,
    )
)
def test_what_is_written_adds_up_and_reads_back(rows: list[tuple[int, int, str]]) -> None:
    transfers = [Transfer(key, "088", "110123456789", amount, holder) for key, amount, holder in rows]
    content = write_transfers("S1", DAY, transfers)
    assert write_transfers("S1", DAY, transfers) == content
    table = list(csv.reader(io.StringIO(content.decode(), newline="")))
    assert table[-1] == ["T", str(len(rows)), str(sum(amount for _, amount, _ in rows))]
    assert [(row[5], row[6]) for row in table[1:-1]] == [(holder, cms_of(key)) for key, _, holder in rows]
