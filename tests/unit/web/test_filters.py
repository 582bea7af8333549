"""How values are written on screens (R-AUD-1 for the masks)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from app.clock import KST
from app.web import filters


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0, "0원"), (1234000, "1,234,000원"), (-5000, "−5,000원"), (None, "-")],
)
def test_money_is_whole_won_with_a_true_minus(value: int | None, shown: str) -> None:
    assert filters.won(value) == shown


def test_instants_are_shown_in_korean_time() -> None:
    instant = datetime(2026, 11, 2, 15, 5, tzinfo=UTC)
    assert filters.kst_datetime(instant) == "2026.11.03.(화) 00:05"
    assert filters.kst_date(instant) == "2026.11.03."
    assert filters.kst_time(instant) == "00:05"


def test_a_day_is_shown_as_it_is() -> None:
    assert filters.kst_date(date(2026, 11, 3)) == "2026.11.03."


def test_an_instant_without_a_zone_is_a_bug() -> None:
    with pytest.raises(ValueError, match="time zone"):
        filters.kst_datetime(datetime(2026, 11, 3, 14, 5))  # noqa: DTZ001 (that is the point)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("1208800767", "120-88-00767"),
        ("120-88-00767", "120-88-00767"),
        ("12345", "12345"),
        (None, "-"),
        ("", "-"),
    ],
)
def test_business_number(value: str | None, shown: str) -> None:
    assert filters.business_number(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("01012345678", "010-1234-5678"),
        ("0111234567", "011-123-4567"),
        ("021234567", "02-123-4567"),
        ("0212345678", "02-1234-5678"),
        ("0441234567", "044-123-4567"),
        ("16448500", "1644-8500"),
        ("12", "12"),
        (None, "-"),
    ],
)
def test_phone(value: str | None, shown: str) -> None:
    assert filters.phone(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [("홍길동", "홍*동"), ("김철", "김*"), ("남궁민수", "남**수"), ("이", "이"), (None, "-")],
)
def test_names_keep_their_ends(value: str | None, shown: str) -> None:
    assert filters.mask_name(value) == shown


def test_masks_leave_what_is_needed_to_recognise() -> None:
    assert filters.mask_phone("01012341234") == "010-****-1234"
    assert filters.mask_account("110-123-456789") == "********6789"
    assert filters.mask_business_number("1234567890") == "123-45-*****"


@pytest.mark.parametrize("value", ["1", "12", "1234", "01012"])
def test_a_masked_phone_never_shows_more_than_four_digits(value: str) -> None:
    assert sum(letter.isdigit() for letter in filters.mask_phone(value)) <= 4


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (timedelta(days=2, hours=3, minutes=59), "2일 3시간"),
        (timedelta(days=1, minutes=5), "1일"),
        (timedelta(hours=4, minutes=5), "4시간 5분"),
        (timedelta(minutes=3), "3분"),
        (timedelta(seconds=20), "1분 미만"),
        (timedelta(0), "기한 지남"),
        (timedelta(hours=-1), "기한 지남"),
        (None, "-"),
    ],
)
def test_what_remains_in_words(span: timedelta | None, words: str) -> None:
    assert filters.remaining(span) == words


@pytest.mark.parametrize(
    ("size", "shown"), [(1, "1B"), (17_500, "17KB"), (1_258_292, "1.2MB"), (0, "0B"), (None, "-")]
)
def test_file_size(size: int | None, shown: str) -> None:
    assert filters.file_size(size) == shown


def test_every_filter_is_registered_under_its_name() -> None:
    assert filters.FILTERS["won"](1000) == "1,000원"
    assert datetime(2026, 1, 1, tzinfo=KST).strftime("%Y") in filters.FILTERS["kst_date"](date(2026, 1, 1))
