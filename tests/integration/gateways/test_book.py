"""The sandbox itself: its book outlives it, its pages open, and docs/sandbox.md names every test number."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from app.gateways import Gateways
from app.gateways.errors import KOREAN
from sandbox import behaviours
from sandbox.app import test_numbers as tables_of_test_numbers
from tests.integration.gateways.conftest import ROOT, WEB, Inbox, Sandbox, settings_for
from tests.integration.gateways.test_card import PHONE, pay

NewOrder = Callable[[], str]


def test_the_book_survives_a_restart(tmp_path: Path, inbox: Inbox, new_order: NewOrder) -> None:
    own, order_id = Sandbox(book=tmp_path / "own.sqlite", callback=inbox.url), new_order()
    own.start()
    gateways = Gateways.build(settings_for(own.url))
    approval = pay(gateways, own, order_id)
    code = own.last_code(PHONE)
    assert own.stop() == 0
    own.start()
    try:
        assert gateways.card.find(order_id=order_id) == approval
        assert own.last_code(PHONE) == code
        assert own.ledger(order_id) == [("charge", approval.amount)]
        again = gateways.card.confirm(
            auth_key=approval.payment_key,
            code=code,
            order_id=order_id,
            amount=approval.amount,
            idempotency_key=order_id,
        )
        assert again == approval
    finally:
        own.stop()


@pytest.mark.parametrize(
    "path", ["/", "/messages", "/messages?auto=1", "/zeropay/wallets", "/card/branch", "/bank/"]
)
def test_pages_open_in_korean_without_foreign_parts(path: str, sandbox: Sandbox) -> None:
    page = WEB.get(f"{sandbox.url}{path}")
    assert page.status_code == 200
    assert '<html lang="ko">' in page.text
    assert "실제 문자, 돈, 카드는 오가지 않습니다" in page.text
    assert "http://" not in page.text and "https://" not in page.text
    assert ('http-equiv="refresh"' in page.text) == (path == "/messages?auto=1")
    assert "default-src 'self'" in page.headers["Content-Security-Policy"]


def test_the_document_names_every_test_number() -> None:
    document = (ROOT / "docs" / "sandbox.md").read_text()
    numbers = [number for table in tables_of_test_numbers() for number, _ in table["rows"]]
    assert len(numbers) > 90
    assert [number for number in numbers if number not in document] == []


def test_every_decline_has_a_sentence_of_its_own() -> None:
    played = {
        code for table in (behaviours.DECLINES, behaviours.CANCEL_DECLINES) for code, _, _ in table.values()
    }
    assert played <= KOREAN.keys()
    assert all(sentence.endswith("주세요.") for sentence in KOREAN.values())


def test_a_port_in_use_is_said(sandbox: Sandbox) -> None:
    command = [sys.executable, "-m", "sandbox", "--port", str(sandbox.port)]
    second = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=20)
    assert second.returncode == 1
    assert f"port {sandbox.port} is in use" in second.stderr
