"""R-MONEY-1: sums in words, as papers write them."""

import pytest

from app.documents.korean_money import in_words, won


@pytest.mark.parametrize(
    ("amount", "words"),
    [
        (0, "금 영원정"),
        (1, "금 일원정"),
        (10, "금 일십원정"),
        (1_980_000, "금 일백구십팔만원정"),
        (4_000_000, "금 사백만원정"),
        (10_001, "금 일만일원정"),
        (100_000_000, "금 일억원정"),
        (1_234_567_890, "금 일십이억삼천사백오십육만칠천팔백구십원정"),
    ],
)
def test_every_digit_is_named(amount: int, words: str) -> None:
    assert in_words(amount) == words


@pytest.mark.parametrize("amount", [-1, 10**20])
def test_what_cannot_be_paid_has_no_words(amount: int) -> None:
    with pytest.raises(ValueError, match="words|large"):
        in_words(amount)


def test_figures() -> None:
    assert (won(1980000), won(-5000), won(0)) == ("1,980,000", "-5,000", "0")
