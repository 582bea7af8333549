"""The page of test numbers: what a person types, and what happens then."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sandbox import behaviours


@dataclass(frozen=True)
class Row:
    numbers: tuple[str, ...]
    what: str


@dataclass(frozen=True)
class Table:
    """`heads` name the columns of numbers; `key` is the table's place on the page."""

    key: str
    name: str
    note: str
    heads: tuple[str, ...]
    rows: tuple[Row, ...]


CARD, BOTH = ("카드번호",), ("카드번호", "제로페이 비밀번호")
ORDINARY = Row(
    ("4518420000000007", "123456"), "승인(그 밖의 올바른 카드번호와 여섯 자리 비밀번호도 모두 승인)"
)


def test_numbers() -> list[Table]:
    """Every test number, grouped by what it plays."""
    return [*_payments(), *_cancellations(), *_others()]


def _payments() -> list[Table]:
    return [
        Table("ok", "승인", "카드 유효기간은 아무 월/년이나 됩니다.", BOTH, (ORDINARY,)),
        _both(
            "declines",
            "결제 거절",
            "인증번호나 비밀번호까지 맞게 입력한 뒤 거절됩니다.",
            _said(behaviours.DECLINES),
        ),
        _both(
            "faults",
            "결제할 때의 장애",
            "답을 모르는 결제는 결제대기로 남고, 플랫폼이 물어서 알아냅니다.",
            behaviours.CONFIRM_FAULTS,
        ),
        _both(
            "queries",
            "결과를 물을 때의 장애",
            "돈이 나갔는데 답을 잃고, 결과를 묻는 첫 조회도 잘못됩니다.",
            _told(behaviours.FIND_FAULTS),
        ),
        _cards(
            "codes",
            "인증번호를 받을 때",
            "카드번호와 유효기간을 입력하고 인증번호를 요청하는 순간에 일어납니다. 돈은 나가지 않습니다.",
            {**_said(behaviours.CODE_DECLINES), **behaviours.CODE_FAULTS},
        ),
    ]


def _cancellations() -> list[Table]:
    return [
        _both(
            "cancel-declines",
            "취소 거절",
            "결제는 승인되고, 나중에 취소할 때 거절됩니다.",
            _said(behaviours.CANCEL_DECLINES, "승인; 취소 거절"),
        ),
        _both(
            "cancel-faults",
            "취소할 때의 장애",
            "결제는 승인되고, 나중에 취소할 때 일어납니다.",
            {**behaviours.CANCEL_FAULTS, **_told(behaviours.CANCEL_FIND_FAULTS)},
        ),
        _both(
            "statements",
            "일별 명세의 차이",
            "결제는 승인되고, 카드사와 제로페이가 다음 날 보내는 일별 명세가 장부와 달라집니다.",
            behaviours.STATEMENT_FAULTS,
        ),
    ]


def _others() -> list[Table]:
    businesses = {digits: f"{row[1]} {row[3]}".strip() for digits, row in behaviours.BUSINESSES.items()}
    return [
        Table(
            "phones",
            "휴대전화 번호(본인확인, 문자)",
            "그 밖의 번호는 모두 정상입니다.",
            ("휴대전화 번호",),
            tuple(
                Row((behaviours.phone_number(digits),), what) for digits, what in behaviours.PHONES.items()
            ),
        ),
        Table(
            "businesses",
            "사업자등록번호(국세청)",
            "검증번호가 맞는 그 밖의 번호는 모두 계속사업자입니다.",
            ("사업자등록번호",),
            tuple(Row((behaviours.business_number(digits),), what) for digits, what in businesses.items()),
        ),
        Table(
            "accounts",
            "계좌번호 끝 네 자리(은행)",
            "끝 네 자리가 아래와 같은 계좌입니다. 그 밖의 계좌는 모두 정상입니다.",
            ("끝 네 자리",),
            tuple(
                Row((f"…{end}",), f"{code} {message}") for end, (code, message) in behaviours.ACCOUNTS.items()
            ),
        ),
    ]


def _both(key: str, name: str, note: str, what: Mapping[str, str]) -> Table:
    rows = (
        Row((behaviours.card_number(digits), behaviours.password(digits)), text)
        for digits, text in what.items()
    )
    return Table(key, name, note, BOTH, tuple(rows))


def _cards(key: str, name: str, note: str, what: Mapping[str, str]) -> Table:
    rows = (Row((behaviours.card_number(digits),), text) for digits, text in what.items())
    return Table(key, name, note, CARD, tuple(rows))


def _said(declines: Mapping[str, tuple[str, int, str]], word: str = "거절") -> dict[str, str]:
    return {digits: f"{word} {code}: {message}" for digits, (code, _, message) in declines.items()}


def _told(faults: Mapping[str, tuple[str, int, str]]) -> dict[str, str]:
    return {digits: text for digits, (_, _, text) in faults.items()}
