"""How values are written on screens. Each filter takes None and empty, and shows `-`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

from flask import Flask
from markupsafe import Markup

from app.clock import KST, WEEKDAYS, write_deadline
from app.korean import in_words, question, subject_mark, way_mark, with_object

NONE = "-"


def number(value: int | None) -> str:
    return NONE if value is None else f"{value:,}"


def won(value: int | None) -> str:
    """`1,234,000원`; money that goes back carries a true minus sign."""
    if value is None:
        return NONE
    return f"{'−' if value < 0 else ''}{abs(value):,}원"


def _korean(instant: datetime) -> datetime:
    if instant.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    return instant.astimezone(KST)


def kst_date(value: date | datetime | None) -> str:
    if value is None:
        return NONE
    day = _korean(value) if isinstance(value, datetime) else value
    return f"{day:%Y.%m.%d}."


def kst_datetime(value: datetime | None) -> str:
    if value is None:
        return NONE
    instant = _korean(value)
    return f"{instant:%Y.%m.%d}.({WEEKDAYS[instant.weekday()]}) {instant:%H:%M}"


def kst_time(value: datetime | None) -> str:
    return NONE if value is None else f"{_korean(value):%H:%M}"


def _digits(value: str) -> str:
    return "".join(letter for letter in value if letter.isdigit())


def _grouped(value: str | None, *lengths: int) -> str:
    """The digits in groups; a value of another length is shown as it is rather than wrongly cut."""
    digits = _digits(value or "")
    if len(digits) != sum(lengths):
        return value or NONE
    groups, start = [], 0
    for length in lengths:
        groups.append(digits[start : start + length])
        start += length
    return "-".join(groups)


def business_number(value: str | None) -> str:
    return _grouped(value, 3, 2, 5)


def corporate_number(value: str | None) -> str:
    return _grouped(value, 6, 7)


def phone(value: str | None) -> str:
    """`010-1234-5678`, `02-123-4567`, `1644-0000`."""
    digits = _digits(value or "")
    if len(digits) == 8:
        return _grouped(digits, 4, 4)
    area = 2 if digits.startswith("02") else 3
    return _grouped(value, area, len(digits) - area - 4, 4) if len(digits) >= area + 7 else (value or NONE)


def mask_name(value: str | None) -> str:
    """`홍*동`, `김*`, `남궁**수`: the first and the last letter stay."""
    if not value:
        return NONE
    if len(value) <= 2:
        return value[0] + "*" * (len(value) - 1)
    return value[0] + "*" * (len(value) - 2) + value[-1]


def mask_phone(value: str | None) -> str:
    """`010-****-1234`."""
    parts = phone(value).split("-")
    return "-".join([parts[0], "*" * len(parts[1]), parts[2]]) if len(parts) == 3 else _all_but_last(value, 4)


def _all_but_last(value: str | None, kept: int) -> str:
    digits = _digits(value or "")
    return "*" * max(len(digits) - kept, 0) + digits[-kept:] if digits else NONE


def mask_account(value: str | None) -> str:
    """A bank account or a card: the last four digits."""
    return _all_but_last(value, 4)


def mask_business_number(value: str | None) -> str:
    """`123-45-*****`."""
    shown = business_number(value)
    return shown[:7] + "*****" if len(shown) == 12 else shown


def nowrap(value: str) -> Markup:
    """A number in running text that is not to break at its hyphens."""
    return Markup('<span class="kv-nowrap">{}</span>').format(value)


def remaining(value: timedelta | None) -> str:
    return NONE if value is None else in_words(value)


def file_size(value: int | None) -> str:
    """`17KB`, `1.2MB`; never `0KB` for a file that holds something."""
    if value is None:
        return NONE
    if value < 1024:
        return f"{value}B"
    if value < 1024 * 1024:
        return f"{value // 1024}KB"
    tenths = value * 10 // (1024 * 1024)
    return f"{tenths // 10}.{tenths % 10}MB"


def option_value(value: Any) -> str:
    """An enum's value, anything else as text: for addresses and hidden fields."""
    return str(getattr(value, "value", value))


FILTERS: dict[str, Callable[..., str]] = {
    "won": won,
    "number": number,
    "kst_date": kst_date,
    "kst_datetime": kst_datetime,
    "kst_time": kst_time,
    "kst_until": write_deadline,
    "business_number": business_number,
    "corporate_number": corporate_number,
    "phone": phone,
    "mask_name": mask_name,
    "mask_phone": mask_phone,
    "mask_account": mask_account,
    "mask_business_number": mask_business_number,
    "nowrap": nowrap,
    "remaining": remaining,
    "file_size": file_size,
    "object_particle": with_object,
    "subject_particle": subject_mark,
    "way_particle": way_mark,
    "asked": question,
    "option_value": option_value,
}


def init_app(app: Flask) -> None:
    app.jinja_env.filters.update(FILTERS)
