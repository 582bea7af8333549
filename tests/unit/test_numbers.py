"""Numbers that the state gives out (R-JOIN-4)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.models import numbers

# Published by their bearers: 삼성전자, 네이버, 카카오.
REAL = ["1248100998", "2208162517", "1208147521"]


@pytest.mark.parametrize("number", REAL)
def test_numbers_in_use_are_valid(number):
    assert numbers.valid_business_number(number)


@pytest.mark.parametrize(
    "number",
    [
        "",
        "124810099",
        "12481009988",
        "124-81-00998",
        "0000000000",
        "１２４８１００９９８",
        "124810099a",
        "1248100998\n",
    ],
)
def test_another_form_is_refused(number):
    assert not numbers.valid_business_number(number)


@given(st.sampled_from(REAL), st.integers(0, 9), st.integers(1, 9))
def test_any_single_wrong_digit_but_the_ninth_is_noticed(number, place, shift):
    """The ninth digit counts five and a half times, so that 5/10 may hide one change of it."""
    wrong = number[:place] + str((int(number[place]) + shift) % 10) + number[place + 1 :]
    assert place == 8 or not numbers.valid_business_number(wrong)


@given(st.integers(1, 999_999_999))
def test_every_nine_digits_have_exactly_one_check_digit(nine):
    number = numbers.complete_business_number(f"{nine:09}")
    assert number[:9] == f"{nine:09}"
    assert [d for d in range(10) if numbers.valid_business_number(number[:9] + str(d))] == [int(number[9])]


def test_digits_drops_what_people_type_between():
    assert numbers.digits(" 010-1234.5678 (9)\t") == "010123456789"


@pytest.mark.parametrize(
    ("number", "valid"),
    [
        ("01012345678", True),
        ("0111234567", True),
        ("0161234567", True),
        ("0121234567", False),
        ("0212345678", False),
        ("010123456", False),
        ("010123456789", False),
        ("010-1234-5678", False),
        ("０１０１２３４５６７８", False),
        ("01012345678\n", False),
    ],
)
def test_mobile_numbers(number, valid):
    assert numbers.valid_mobile(number) is valid


def test_a_business_number_is_written_in_its_three_groups():
    assert numbers.write_business_number("1248100998") == "124-81-00998"
