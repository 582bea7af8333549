"""Who can take part in a programme at all (R-JOIN-7a): its excluded lines of business, its need of employees.

Not being eligible is no slip of the pen: it is told on a page of its own, with what can be done.
"""

from __future__ import annotations

from collections.abc import Sequence

from app.errors import InvalidInput
from app.korean import topic_mark
from app.models.programme import Programme


class Ineligible(InvalidInput):
    """The company cannot take part as it stands; `steps` says what it can do, in Korean."""

    def __init__(self, code: str, text: str, *, field: str, steps: Sequence[str]) -> None:
        super().__init__(code, text, fields={field: text})
        self.steps = tuple(steps)


def excluded_word(industry: str, words: Sequence[str]) -> str | None:
    """The excluded line of business that this 업종 names; blanks and case do not matter."""
    plain = _plain(industry)
    return next((word for word in words if _plain(word) and _plain(word) in plain), None)


def _plain(text: str) -> str:
    return "".join(text.split()).casefold()


def refuse(programme: Programme, *, industry: str, employees: int | None) -> None:
    """Raises Ineligible `company.excluded_industry`, `company.no_employees`."""
    word = excluded_word(industry, programme.excluded_industries)
    if word is not None:
        raise Ineligible(
            "company.excluded_industry",
            f"업종 '{industry}'{topic_mark(industry)} {programme.year}년 사업의 지원 제외 "
            f"업종('{word}')에 해당합니다.",
            field="industry",
            steps=(
                "업종을 잘못 입력했다면 사업자등록증의 업태와 종목대로 고쳐 주세요.",
                "여러 업종을 하고 있다면 비대면 서비스를 이용할 주된 업종을 입력해 주세요.",
                "제외 업종인지 확인이 필요하면 콜센터나 운영기관에 문의해 주세요.",
            ),
        )
    if programme.needs_employees and employees == 0:
        raise Ineligible(
            "company.no_employees",
            f"{programme.year}년 사업은 상시근로자가 한 명 이상인 기업만 신청할 수 있습니다.",
            field="employees",
            steps=(
                "상시근로자가 있는데 0명으로 입력했다면 근로자 수를 고쳐 주세요.",
                "상시근로자는 4대보험 사업장 가입자 명부에 있는 근로자이며, 대표자는 세지 않습니다.",
                "근로자를 고용한 뒤 접수 기간 안에 이어서 신청할 수 있습니다.",
            ),
        )
