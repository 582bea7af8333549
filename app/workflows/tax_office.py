"""What the tax office says of a business number (R-JOIN-4)."""

from __future__ import annotations

import logging

from app import gateways
from app.errors import InvalidInput
from app.gateways.errors import GatewayError

log = logging.getLogger(__name__)

GOING = "계속사업자"


def state_of(business_number: str) -> str | None:
    """`계속사업자`, `휴업자`, `폐업자`, `미등록`; None while it cannot be asked. No transaction is open."""
    try:
        found = gateways.get().tax_office.status(business_numbers=[business_number])
    except GatewayError as error:
        log.warning("tax office cannot be asked", extra={"why": type(error).__name__})
        return None
    return found[business_number].text or "미등록"


def refuse_closed(state: str | None) -> None:
    """Only a going business joins; one that could not be asked for goes on, flagged. Raises InvalidInput."""
    if state in (None, GOING):
        return
    text = (
        f"국세청에 '{state}'(으)로 조회되는 사업자등록번호입니다. 번호를 확인하고, 다르면 관할 "
        "세무서에 문의해 주세요."
    )
    raise InvalidInput("company.closed_down", text, fields={"business_number": text})
