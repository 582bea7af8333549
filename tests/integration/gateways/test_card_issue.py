"""Issue of a Shinhan card (R-INS-4), in the demonstration's own time (R-TIME-7)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from app.gateways import Gateways
from tests.integration.gateways.conftest import WEB, Sandbox

NewOrder = Callable[[], str]


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
