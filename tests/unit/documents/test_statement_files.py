"""R-SET-3: a file whose frame does not parse is refused whole; a bad row is kept with its number and why."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from app import clock
from app.documents import statement_files
from app.documents.bank_files import FileRefused
from app.models.statements import StatementSystem

CARD_HEAD = "H,CARD,20201110,shop"
CARD_TITLES = (
    "구분,취소구분,거래일시,승인번호,카드번호,가맹점번호,승인금액,매입일자,"
    "매입금액,수수료,입금예정일,입금액,주문번호"
)
ZEROPAY_HEAD = "H,ZEROPAY,20201110,shop"
ZEROPAY_TITLES = "구분,거래구분,거래일시,승인번호,가맹점ID,주문번호,결제금액,수수료,정산예정일,정산금액"


def charge(approval: str = "00000001", amount: str = "300000", at: str = "2020-11-10 10:00:00") -> str:
    return f"D,승인,{at},{approval},****-0007,shop,{amount},2020-11-11,{amount},2400,2020-11-13,297600,KV1"


def card(*lines: str, trailer: str, head: str = CARD_HEAD, titles: str = CARD_TITLES) -> bytes:
    return "\r\n".join([head, titles, *lines, trailer, ""]).encode("cp949")


def test_a_card_file_in_cp949() -> None:
    back = charge("00000002", "100000").replace("승인", "취소")
    found = statement_files.read(card(charge(), back, trailer="T,2,300000,100000"))
    assert (found.system, found.day, found.rows, found.bad) == (
        StatementSystem.CARD,
        date(2020, 11, 10),
        2,
        [],
    )
    one, two = found.lines
    assert (one.row, one.is_cancel, one.approval_number, one.amount) == (3, False, "00000001", 300_000)
    assert (one.at, one.card) == (datetime(2020, 11, 10, 10, tzinfo=clock.KST), "****-0007")
    assert (one.order_id, one.fee, one.deposit_on, one.deposit) == ("KV1", 2_400, date(2020, 11, 13), 297_600)
    assert two.is_cancel and found.sum_of(is_cancel=True) == 100_000
    assert found.fee == 0


def test_a_zeropay_file_in_utf_8() -> None:
    line = "D,결제,2020-11-10 10:00:00,00000001,shop,KV1,300000,0,2020-11-13,300000"
    text = "\r\n".join([ZEROPAY_HEAD, ZEROPAY_TITLES, line, "T,1,300000,0", ""])
    for content in (text.encode(), text.encode("utf-8-sig")):
        found = statement_files.read(content)
        assert (found.system, found.lines[0].amount) == (StatementSystem.ZEROPAY, 300_000)


def test_a_day_without_transactions() -> None:
    found = statement_files.read(card(trailer="T,0,0,0"))
    assert (found.rows, found.lines, found.bad) == (0, [], [])


REFUSED: dict[str, tuple[str, bytes]] = {
    "empty-file": ("empty", b""),
    "only-blanks": ("empty", b" \r\n \r\n"),
    "another-file-altogether": ("header", "날짜,금액\r\n2020,1".encode()),
    "no-header": ("header", card(charge(), trailer="T,1,300000,0", head=CARD_TITLES)),
    "header-of-another-system": ("header", card(trailer="T,0,0,0", head="H,BANK,20201110,shop")),
    "header-without-a-day": ("header", card(trailer="T,0,0,0", head="H,CARD,20201131,shop")),
    "header-cut-off": ("header", b"H,CARD"),
    "titles-in-another-order": (
        "titles",
        card(trailer="T,0,0,0", titles=CARD_TITLES.replace("승인번호,카드번호", "카드번호,승인번호")),
    ),
    "titles-missing": ("titles", card(charge(), trailer="T,1,300000,0", titles=charge())),
    "card-file-saved-as-utf-8": (
        "encoding",
        card(charge(), trailer="T,1,300000,0").decode("cp949").encode("utf-8"),
    ),
    "zeropay-file-saved-as-cp949": (
        "encoding",
        "\r\n".join([ZEROPAY_HEAD, ZEROPAY_TITLES, "T,0,0,0"]).encode("cp949"),
    ),
    "binary-file": ("titles", b"H,CARD,20201110,shop\n\x89PNG\n\x1a\n"),
    "quote-never-closed": ("form", card('D,"승인', trailer="T,1,0,0")),
    "no-trailer": ("trailer", card(charge(), trailer=charge())),
    "cut-off-after-the-titles": ("trailer", f"{CARD_HEAD}\r\n{CARD_TITLES}".encode("cp949")),
    "trailer-without-sums": ("trailer", card(charge(), trailer="T,1")),
    "trailer-with-letters": ("trailer", card(charge(), trailer="T,1,삼십만,0")),
    "count-too-high": ("count", card(charge(), trailer="T,2,300000,0")),
    "count-too-low": ("count", card(charge(), charge(), trailer="T,1,600000,0")),
    "a-line-lost-on-the-way": ("count", card(charge(), trailer="T,2,600000,0")),
    "charges-do-not-add-up": ("total", card(charge(), trailer="T,1,300001,0")),
    "cancellations-do-not-add-up": ("total", card(charge(), trailer="T,1,300000,1")),
    "sum-below-the-lines-with-a-bad-row": (
        "total",
        card(charge(), charge(amount="많음"), trailer="T,2,299999,0"),
    ),
}


@pytest.mark.parametrize("code, content", REFUSED.values(), ids=REFUSED)
def test_a_frame_that_does_not_hold_stops_the_file(code: str, content: bytes) -> None:
    with pytest.raises(FileRefused) as refused:
        statement_files.read(content)
    assert refused.value.code == code
    assert refused.value.text.endswith("다.") or refused.value.text.endswith("요.")


BAD: dict[str, tuple[str, str]] = {
    "unknown-kind": (charge().replace("승인", "보류"), "거래 구분"),
    "broken-time": (charge(at="0000-00-00 00:00:00"), "거래일시"),
    "no-such-day": (charge(at="2020-11-31 10:00:00"), "거래일시"),
    "time-cut-off": (charge(at="2020-11-10"), "거래일시"),
    "no-approval-number": (charge(approval=""), "승인번호"),
    "approval-number-with-blanks": (charge(approval="0000 001"), "승인번호"),
    "amount-with-commas": (charge().replace("shop,300000", 'shop,"300,000"'), "금액"),
    "negative-amount": (charge(amount="-300000"), "금액"),
    "no-amount": (charge(amount="0"), "금액"),
    "fee-no-number": (charge().replace(",2400,", ",2.4,"), "수수료"),
    "a-column-too-few": (charge().removesuffix(",KV1"), "13칸"),
    "a-column-too-many": (charge() + ",x", "13칸"),
    "no-data-mark": ("X" + charge()[1:], "13칸"),
}


@pytest.mark.parametrize("line, why", BAD.values(), ids=BAD)
def test_a_bad_row_is_kept_and_the_others_count(line: str, why: str) -> None:
    amounts = [300_000, *([300_000] if "shop,300000," in line else [])]
    kinds = (sum(amounts), 0) if "보류" not in line else (600_000, 0)
    content = card(line, charge("00000009"), trailer=f"T,2,{kinds[0]},{kinds[1]}")
    found = statement_files.read(content)
    [bad] = found.bad
    assert bad.row == 3 and why in bad.reason
    assert bad.text.split(",")[0] == line.split(",")[0]
    assert [each.approval_number for each in found.lines] == ["00000009"] and found.rows == 2


@pytest.mark.parametrize("told", [300_000, 900_000], ids=["nothing-for-the-bad-row", "more"])
def test_an_amount_that_cannot_be_read_leaves_the_sum_open(told: int) -> None:
    content = card(charge(), charge(amount="많음"), trailer=f"T,2,{told},0")
    assert len(statement_files.read(content).bad) == 1
