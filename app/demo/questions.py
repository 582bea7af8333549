"""서비스 문의 of the demonstration: public and private, answered and waiting, one taken off the page."""

from __future__ import annotations

from datetime import date
from itertools import cycle

from app import clock
from app.demo.companies import Buyer
from app.demo.stage import Stage, business_day_after, instant
from app.models.catalogue import Offering
from app.workflows import questions

# What is asked, whether in private, and the answer of whoever has given one.
ASKED = (
    ("한 계정으로 여러 사람이 함께 쓸 수 있나요?", False, "요금제의 인원까지 계정을 따로 만들어 드립니다."),
    (
        "도입하는 데 며칠이 걸리나요?",
        False,
        "계약한 다음 날부터 쓰실 수 있고, 교육은 일주일 안에 해 드립니다.",
    ),
    (
        "인원이 50명이면 단가가 달라지나요?",
        True,
        "30명부터 단가를 조정해 드립니다. 거래상담으로 요청해 주세요.",
    ),
    ("지금 쓰는 그룹웨어와 로그인을 연동할 수 있나요?", False, None),
    ("해외 지사에서도 접속할 수 있나요?", False, "네, 국내외 어디서나 같은 주소로 접속합니다."),
    ("이용기간 중에 요금제를 바꿀 수 있나요?", True, None),
)
HIDDEN = ("소개비를 주시면 다른 회사 세 곳을 연결해 드립니다. 메신저로 연락 주세요.", False, None)
FIRST = date(2020, 11, 2)
ABOUT = 3
"""Services of each supplier that are asked about."""


def ask_all(stage: Stage, buyers: list[Buyer], on_sale: list[Offering]) -> None:
    """Two questions about each of the first services of every supplier, from the companies in turn."""
    askers = cycle([buyer for buyer in buyers if buyer.ready < FIRST])
    shown = _first_of_each(on_sale)
    for turn in range(2):
        for place, offering in enumerate(shown):
            text = ASKED[(place + turn * ABOUT) % len(ASKED)]
            _ask(stage, next(askers), offering, text, place)
    hidden = _ask(stage, next(askers), shown[0], HIDDEN, 0)
    with clock.at(instant(date(2020, 11, 13), 11)):
        reason = "서비스와 관계없는 거래 제안이라 숨겼습니다."
        questions.hide(actor=stage.staff["programme"], question_id=hidden, reason=reason)
    stage.counts["서비스 문의"] = 2 * len(shown) + 1


def _first_of_each(on_sale: list[Offering]) -> list[Offering]:
    found: dict[int, list[Offering]] = {}
    for offering in on_sale:
        found.setdefault(offering.supplier_id, []).append(offering)
    return [offering for rows in found.values() for offering in rows[:ABOUT]]


def _ask(
    stage: Stage, buyer: Buyer, offering: Offering, text: tuple[str, bool, str | None], place: int
) -> int:
    body, is_private, answer = text
    day = business_day_after(FIRST, place % 8)
    with clock.at(instant(day, 9 + place % 8, place % 60)):
        question = questions.ask(actor=buyer.actor, offering_id=offering.id, body=body, is_private=is_private)
    if answer is not None:
        with clock.at(instant(business_day_after(day, 1), 14, place % 60)):
            questions.answer(
                actor=stage.suppliers[offering.supplier_id], question_id=question.id, text=answer
            )
    return question.id
