"""Numbers that the Korean state gives out: their form and their check digits."""

import re

_WEIGHTS = (1, 3, 7, 1, 3, 7, 1, 3, 5)
_MOBILE = re.compile(r"01[016789]\d{7,8}")


def digits(text: str) -> str:
    """What was typed, without hyphens, dots, spaces and the like."""
    return re.sub(r"[\s.\-()]", "", text)


def valid_business_number(number: str) -> bool:
    """Ten digits with a right check digit (R-JOIN-4). 000-00-00000 passes the sum and is refused."""
    if not re.fullmatch(r"\d{10}", number, re.ASCII) or number == "0" * 10:
        return False
    values = [int(d) for d in number]
    total = sum(d * w for d, w in zip(values[:9], _WEIGHTS, strict=True)) + values[8] * 5 // 10
    return (10 - total % 10) % 10 == values[9]


def complete_business_number(nine: str) -> str:
    """The nine digits with their check digit."""
    return next(nine + str(d) for d in range(10) if valid_business_number(nine + str(d)))


def valid_mobile(number: str) -> bool:
    """A Korean mobile number, digits only."""
    return bool(_MOBILE.fullmatch(number)) and number.isascii()


def write_business_number(number: str) -> str:
    return f"{number[:3]}-{number[3:5]}-{number[5:]}"
