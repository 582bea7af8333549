"""The particle that fits a word, and what a button asks."""

from __future__ import annotations

import pytest

from app import korean


@pytest.mark.parametrize(
    ("word", "with_particle"),
    [
        ("이름", "이름을"),
        ("전화번호", "전화번호를"),
        ("사업자등록증", "사업자등록증을"),
        ("기간(시작)", "기간(시작)을"),
        ("S-2020-0001", "S-2020-0001을"),
        ("S-2020-0002", "S-2020-0002를"),
    ],
)
def test_the_particle_fits_the_word(word: str, with_particle: str) -> None:
    assert korean.with_object(word) == with_particle


@pytest.mark.parametrize(
    ("word", "subject", "topic", "way"),
    [
        ("승인", "이", "은", "으로"),
        ("반려", "가", "는", "로"),
        ("서울", "이", "은", "로"),
        ("‘금액’", "이", "은", "으로"),
        ("S-2020-0001", "이", "은", "로"),
        ("S-2020-0003", "이", "은", "으로"),
        ("S-2020-0002", "가", "는", "로"),
    ],
)
def test_every_particle(word: str, subject: str, topic: str, way: str) -> None:
    """ㄹ takes the way's particle as a vowel does, in digits as they are read too."""
    assert (korean.subject_mark(word), korean.topic_mark(word), korean.way_mark(word)) == (
        subject,
        topic,
        way,
    )


@pytest.mark.parametrize(
    ("act", "asked"),
    [
        ("반려", "반려할까요?"),
        ("해제 요청", "해제를 요청할까요?"),
        ("마감 재개 반려", "마감 재개를 반려할까요?"),
        ("증빙으로 종결", "증빙으로 종결할까요?"),
        ("이체 없이 마감", "이체 없이 마감할까요?"),
        ("다시 열기", "다시 열까요?"),
        ("폐기", "폐기할까요?"),
        ("이체파일 내보내기", "이체파일을 내보낼까요?"),
        ("이어서 만들기", "이어서 만들까요?"),
        ("다시 찾기", "다시 찾을까요?"),
    ],
)
def test_what_a_button_asks(act: str, asked: str) -> None:
    assert korean.question(act) == asked
