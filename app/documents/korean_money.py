"""Won in figures and in words, as Korean papers write them. Whole numbers only (R-MONEY-1)."""

from __future__ import annotations

_DIGITS = "영일이삼사오육칠팔구"
_SMALL = ("", "십", "백", "천")
_LARGE = ("", "만", "억", "조", "경")


def won(amount: int) -> str:
    """`1,980,000`, and `-1,980,000` for what goes back."""
    return f"{amount:,}"


def _group(value: int) -> str:
    digits = f"{value:04}"
    return "".join(_DIGITS[int(d)] + _SMALL[3 - i] for i, d in enumerate(digits) if d != "0")


def in_words(amount: int) -> str:
    """`금 일백구십팔만원정`: every digit named, so that none can be added later."""
    if amount < 0:
        raise ValueError("words are for amounts that are paid")
    if amount >= 10 ** (4 * len(_LARGE)):
        raise ValueError("too large to be written in words")
    parts, rest, step = [], amount, 0
    while rest:
        rest, group = divmod(rest, 10_000)
        if group:
            parts.append(_group(group) + _LARGE[step])
        step += 1
    return f"금 {''.join(reversed(parts)) or '영'}원정"
