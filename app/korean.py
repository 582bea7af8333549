"""Small grammar: the particle that fits a word, an act as a question, and a span of time in words."""

from __future__ import annotations

from datetime import timedelta

_FIRST, _LAST, _FINALS = 0xAC00, 0xD7A3, 28
_RIEUL = 8
"""The place of ㄹ among the final consonants."""
_NAMED_VERBS = ("열기", "보내기", "내리기", "물리기", "만들기", "맡기", "찾기", "옮기기")
"""Verbs that a button names by `기`; `폐기` is a noun of its own."""
_NOT_OBJECTS = ("없이", "다시", "로", "서")
"""What stands before a verb without a particle: `이체 없이 마감`, `증빙으로 종결`."""


def _final(word: str) -> int | None:
    """Which consonant (받침) closes the last syllable, 0 for none; None of what is no Hangul."""
    letters = [letter for letter in word if letter.isalnum()]
    if not letters or not _FIRST <= ord(letters[-1]) <= _LAST:
        return None
    return (ord(letters[-1]) - _FIRST) % _FINALS


def _last(word: str) -> str:
    return next((letter for letter in reversed(word) if letter.isalnum()), "")


def has_final_consonant(word: str) -> bool:
    """Whether the last syllable closes with a consonant (받침); digits and letters as they are read."""
    final = _final(word)
    return _last(word) in tuple("013678lmnrLMNR") if final is None else final != 0


def with_object(word: str) -> str:
    """을/를: `이름을`, `전화번호를`."""
    return word + object_mark(word)


def object_mark(word: str) -> str:
    """The particle alone, where a quotation mark stands between: `'이름'을`."""
    return "을" if has_final_consonant(word) else "를"


def subject_mark(word: str) -> str:
    """이/가: the particle alone."""
    return "이" if has_final_consonant(word) else "가"


def with_topic(word: str) -> str:
    """은/는: `이름은`, `전화번호는`."""
    return word + topic_mark(word)


def topic_mark(word: str) -> str:
    return "은" if has_final_consonant(word) else "는"


def way_mark(word: str) -> str:
    """으로/로, which ㄹ takes as a vowel does: `승인으로`, `반려로`, `서울로`."""
    final = _final(word)
    ends_in_rieul = _last(word) in tuple("178lrLR") if final is None else final == _RIEUL
    return "으로" if has_final_consonant(word) and not ends_in_rieul else "로"


def question(act: str) -> str:
    """What a button says, asked: `반려할까요?`, `해제를 요청할까요?`, `다시 열까요?`."""
    first, _, verb = act.rpartition(" ")
    before = f"{first if first.endswith(_NOT_OBJECTS) else with_object(first)} " if first else ""
    return f"{before}{_shall(verb)}까요?"


def _shall(verb: str) -> str:
    """-(으)ㄹ: `열기` is `열`, `보내기` is `보낼`, `찾기` is `찾을`; any other noun is done: `반려할`."""
    stem = verb.removesuffix("기")
    if not verb.endswith(_NAMED_VERBS):
        return f"{verb}할"
    final = _final(stem)
    if final == _RIEUL:
        return stem
    return stem + "을" if final else stem[:-1] + chr(ord(stem[-1]) + _RIEUL)


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
