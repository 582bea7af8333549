"""What the tax office says of a business number (R-JOIN-4).

Only a going business joins. One at rest (휴업) is refused as a closed one is: the programme pays for running
a business remotely, and the company can report its reopening and come back with nothing lost.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from app import gateways
from app.gateways.errors import GatewayError
from app.workflows.eligibility import Ineligible

log = logging.getLogger(__name__)

GOING = "계속사업자"
AT_REST = "휴업자"
CLOSED = "폐업자"
UNREGISTERED = "미등록"
_STATES = {"01": GOING, "02": AT_REST, "03": CLOSED, "": UNREGISTERED}

_REFUSALS = {
    AT_REST: (
        "company.at_rest",
        "국세청에 휴업 중으로 조회되는 사업자등록번호입니다. 휴업 중인 기업은 신청할 수 없습니다.",
        (
            "영업을 다시 시작했다면 홈택스나 관할 세무서에 재개업을 신고해 주세요.",
            "신고한 내용이 국세청 조회에 반영되면(보통 다음 날) 이어서 신청할 수 있습니다.",
            "사업자등록번호를 잘못 입력했다면 기업정보에서 고쳐 주세요.",
        ),
    ),
    CLOSED: (
        "company.closed_down",
        "국세청에 폐업한 것으로 조회되는 사업자등록번호입니다. 폐업한 기업은 신청할 수 없습니다.",
        (
            "사업자등록번호를 잘못 입력했다면 기업정보에서 고쳐 주세요.",
            "새로 사업자등록을 했다면 새 번호로 신청해 주세요.",
            "폐업하지 않았는데 이렇게 조회되면 관할 세무서에 문의해 주세요.",
        ),
    ),
    UNREGISTERED: (
        "company.unregistered",
        "국세청에 등록되지 않은 사업자등록번호입니다.",
        (
            "사업자등록증에 적힌 번호 열 자리와 같은지 확인하고, 다르면 기업정보에서 고쳐 주세요.",
            "방금 등록한 사업자라면 국세청 조회에 반영된 뒤(보통 다음 날) 이어서 신청해 주세요.",
        ),
    ),
}


def states_of(numbers: Sequence[str]) -> dict[str, str]:
    """The state of each number, in the office's words or `미등록`; no transaction is open.

    Empty while the office cannot be asked; without the numbers of which it says something unheard of.
    """
    try:
        found = gateways.get().tax_office.status(business_numbers=numbers)
    except GatewayError as error:
        log.warning("tax office cannot be asked", extra={"why": type(error).__name__})
        return {}
    return {number: _STATES[status.code] for number, status in found.items() if status.code in _STATES}


def state_of(business_number: str) -> str | None:
    """As `states_of`, of one number; None where there is no answer."""
    return states_of([business_number]).get(business_number)


def refuse_closed(state: str | None) -> None:
    """A business that could not be asked for goes on, flagged.

    Raises Ineligible `company.at_rest`, `company.closed_down`, `company.unregistered`.
    """
    if state in _REFUSALS:
        code, text, steps = _REFUSALS[state]
        raise Ineligible(code, text, field="business_number", steps=steps)
