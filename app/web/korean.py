"""Small grammar: the particle that fits a word, and a span of time in words."""

from __future__ import annotations

from datetime import timedelta

_FIRST, _LAST, _FINALS = 0xAC00, 0xD7A3, 28


def has_final_consonant(word: str) -> bool:
    """Whether the last syllable closes with a consonant (받침); digits and letters as they are read."""
    letters = [letter for letter in word if letter.isalnum()]
    if not letters or not _FIRST <= ord(letters[-1]) <= _LAST:
        return bool(letters) and letters[-1] in "013678lmnrLMNR"
    return (ord(letters[-1]) - _FIRST) % _FINALS != 0


def with_object(word: str) -> str:
    """을/를: `이름을`, `전화번호를`."""
    return word + ("을" if has_final_consonant(word) else "를")


def in_words(span: timedelta) -> str:
    """The two largest units, rounded down: `2일 3시간`, `3분`; what is past is said to be past."""
    seconds = int(span.total_seconds())
    if seconds <= 0:
        return "기한 지남"
    days, rest = divmod(seconds, 86_400)
    hours, rest = divmod(rest, 3_600)
    minutes = rest // 60
    if days:
        return f"{days}일 {hours}시간" if hours else f"{days}일"
    if hours:
        return f"{hours}시간 {minutes}분" if minutes else f"{hours}시간"
    return f"{minutes}분" if minutes else "1분 미만"
