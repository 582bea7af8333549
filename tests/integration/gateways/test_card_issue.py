"""Issue of a Shinhan card (R-INS-4), in the demonstration's own time (R-TIME-7)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from app.gateways import Gateways
from app.gateways.card import Issue, LinkedAccount
from app.gateways.errors import Refused
from tests.integration.gateways.conftest import WEB, Sandbox

NewOrder = Callable[[], str]
ASKED = datetime(2020, 11, 16, 9, 0, tzinfo=ZoneInfo("Asia/Seoul"))
ACCOUNT = LinkedAccount(bank_code="088", number="110234567890", holder_name="홍길동")


@pytest.mark.parametrize("kind", ["personal_check", "prepaid"])
def test_a_card_arrives_after_three_days(kind: str, gateways: Gateways, new_order: NewOrder) -> None:
    """R-INS-4, in the demonstration's own time."""
    asked = datetime(2020, 11, 16, 9, 0, tzinfo=ZoneInfo("Asia/Seoul"))
    reference = new_order()

    def request_issue() -> str:
        return gateways.card.request_issue(
            kind=kind,  # type: ignore[arg-type]
            holder_name="홍길동",
            business_number="1208800767",
            reference=reference,
            requested_at=asked,
            account=ACCOUNT if kind == "personal_check" else None,
            idempotency_key=reference,
        ).issue_id

    issue_id = request_issue()
    assert request_issue() == issue_id
    before = gateways.card.issue_state(issue_id=issue_id, at=asked + timedelta(days=3, seconds=-1))
    assert (before.state, before.last4, before.expected_at) == ("REQUESTED", None, asked + timedelta(days=3))
    after = gateways.card.issue_state(issue_id=issue_id, at=asked + timedelta(days=3))
    assert after.state == "ISSUED"
    assert after.last4 is not None and len(after.last4) == 4


def test_a_corporate_card_waits_for_the_branch(
    gateways: Gateways, sandbox: Sandbox, new_order: NewOrder
) -> None:
    """R-INS-4: the issuer's report completes it."""
    asked, reference = datetime(2020, 11, 16, 9, 0, tzinfo=ZoneInfo("Asia/Seoul")), new_order()
    issue = gateways.card.request_issue(
        kind="corporate_check",
        holder_name=f"주식회사 {reference}",
        business_number="1208800767",
        reference=reference,
        requested_at=asked,
        idempotency_key=reference,
    )
    later = asked + timedelta(days=30)
    assert gateways.card.issue_state(issue_id=issue.issue_id, at=later).state == "WAITING_FOR_BRANCH"
    assert f"주식회사 {reference}" in WEB.get(f"{sandbox.url}/card/branch").text
    WEB.post(f"{sandbox.url}/card/branch/{issue.issue_id}")
    assert gateways.card.issue_state(issue_id=issue.issue_id, at=later).state == "ISSUED"


def personal(gateways: Gateways, reference: str, account: LinkedAccount | None) -> Issue:
    return gateways.card.request_issue(
        kind="personal_check",
        holder_name="홍길동",
        business_number="1208800767",
        reference=reference,
        requested_at=ASKED,
        account=account,
        idempotency_key=reference,
    )


def account_in_the_book(sandbox: Sandbox, issue: Issue) -> dict[str, str]:
    address = f"{sandbox.url}/card/v1/issues/{issue.issue_id}"
    answer = WEB.get(address, auth=("sandbox-card-key", ""))
    account: dict[str, str] = answer.raise_for_status().json()["account"]
    return account


@pytest.mark.parametrize(
    ("account", "code"),
    [
        (None, "INVALID_REQUEST"),
        (LinkedAccount(bank_code="088", number="110234567890", holder_name="김철수"), "NOT_USABLE_ACCOUNT"),
        (LinkedAccount(bank_code="088", number="110234569993", holder_name="홍길동"), "NOT_USABLE_ACCOUNT"),
    ],
    ids=["none", "another's", "cannot be drawn on"],
)
def test_a_personal_card_needs_its_persons_account(
    gateways: Gateways, new_order: NewOrder, account: LinkedAccount | None, code: str
) -> None:
    """R-INS-4"""
    with pytest.raises(Refused, match=code):
        personal(gateways, new_order(), account)


def test_the_account_changes_until_the_card_is_there(
    gateways: Gateways, sandbox: Sandbox, new_order: NewOrder
) -> None:
    """R-SCR-2: over real HTTP; the played book keeps bank and last four digits only."""
    issue = personal(gateways, new_order(), ACCOUNT)
    assert account_in_the_book(sandbox, issue) == {"bankCode": "088", "last4": "7890"}
    other = LinkedAccount(bank_code="004", number="99123456781", holder_name="홍길동")
    for _ in range(2):
        gateways.card.change_account(
            issue_id=issue.issue_id, account=other, requested_at=ASKED + timedelta(days=2)
        )
    assert account_in_the_book(sandbox, issue) == {"bankCode": "004", "last4": "6781"}
    with pytest.raises(Refused, match="ALREADY_ISSUED") as refusal:
        gateways.card.change_account(
            issue_id=issue.issue_id, account=ACCOUNT, requested_at=ASKED + timedelta(days=3)
        )
    assert "1544-7000" in refusal.value.korean
    assert account_in_the_book(sandbox, issue) == {"bankCode": "004", "last4": "6781"}
