"""Every decline says what happened and what the person can do; docs/declines.md says the same (R-PAY-3)."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

from app.gateways.declines import CALL_CENTRE, CARD, DECLINES, ZEROPAY, Then
from app.gateways.errors import korean_for
from app.workflows import programmes
from sandbox import behaviours

DOCS = Path(__file__).parents[2] / "docs"
# What a Korean payment gateway names at a confirmation and at a cancellation.
CONFIRM = (
    "ALREADY_PROCESSED_PAYMENT PROVIDER_ERROR INVALID_REQUEST INVALID_API_KEY INVALID_REJECT_CARD "
    "BELOW_MINIMUM_AMOUNT INVALID_CARD_EXPIRATION INVALID_STOPPED_CARD EXCEED_MAX_DAILY_PAYMENT_COUNT "
    "EXCEED_MAX_PAYMENT_AMOUNT INVALID_CARD_LOST_OR_STOLEN INVALID_CARD_NUMBER REJECT_CARD_PAYMENT "
    "REJECT_CARD_COMPANY UNAUTHORIZED_KEY NOT_FOUND_PAYMENT NOT_FOUND_PAYMENT_SESSION "
    "FAILED_INTERNAL_SYSTEM_PROCESSING UNKNOWN_PAYMENT_ERROR INVALID_IDEMPOTENCY_KEY "
    "IDEMPOTENT_REQUEST_PROCESSING ABORTED EXPIRED"
).split()
CANCEL = (
    "ALREADY_CANCELED_PAYMENT ALREADY_REFUND_PAYMENT NOT_CANCELABLE_AMOUNT NOT_CANCELABLE_PAYMENT "
    "EXCEED_MAX_REFUND_DUE NOT_ALLOWED_PARTIAL_REFUND REFUND_REJECTED FORBIDDEN_CONSECUTIVE_REQUEST "
    "NOT_AVAILABLE_BANK"
).split()
PLAYED = {
    code
    for table in (behaviours.DECLINES, behaviours.CODE_DECLINES, behaviours.CANCEL_DECLINES)
    for code, _, _ in table.values()
}


def test_every_decline_of_the_gateways_is_foreseen() -> None:
    assert {*CONFIRM, *CANCEL, *PLAYED} <= DECLINES.keys()
    assert all(DECLINES[code].then in (Then.KEPT, Then.ASKED) for code in CANCEL)


@pytest.mark.parametrize("system", ["card", "zeropay"])
@pytest.mark.parametrize("code", sorted(DECLINES))
def test_it_says_what_happened_and_then_what_to_do(code: str, system: str) -> None:
    said = korean_for(code, system=system)
    happened, _, do = said.partition(". ")
    assert happened and do.endswith("주세요."), said
    others = ("카드", CARD) if system == "zeropay" else ("제로페이", "상품권")
    assert not any(word in said for word in others), said


def test_numbers_to_call_are_those_of_the_help_lines() -> None:
    """R-INS-5"""
    assert programmes.CARD_PHONE in CARD
    assert programmes.ZEROPAY_PHONE in ZEROPAY
    assert programmes.PLATFORM_PHONE in CALL_CENTRE


def test_a_code_that_nobody_foresaw_still_says_what_to_do() -> None:
    assert korean_for("NEW_CODE", system="card").endswith("문의해 주세요.")
    assert "NEW_CODE" in korean_for("NEW_CODE")


def test_the_page_is_that_of_the_code() -> None:
    made = runpy.run_path(str(DOCS / "make_declines.py"))["document"]()
    written = (DOCS / "declines.md").read_text(encoding="utf-8")
    assert written == made, "docs/declines.md is not up to date: run `make docs`"
    rows = re.findall(r"^\| `(\w+)` \| (.+?) \|$", written, re.MULTILINE)
    assert {code for code, _ in rows} == DECLINES.keys()
    assert all(DECLINES[code].korean in said for code, said in rows)
