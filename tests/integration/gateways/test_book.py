"""The sandbox itself: its book outlives it, its pages open, and docs/sandbox.md names every test number."""

from __future__ import annotations

import html
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from app.gateways import Gateways
from app.gateways.errors import KOREAN
from app.gateways.payments import Approval
from sandbox import behaviours, mail
from sandbox.numbers import test_numbers as tables_of_test_numbers
from tests.integration.gateways.conftest import ROOT, WEB, Inbox, Sandbox, settings_for
from tests.integration.gateways.test_card import PHONE, WON, authenticate

NewOrder = Callable[[], str]


def test_the_book_survives_a_restart(tmp_path: Path, inbox: Inbox, new_order: NewOrder) -> None:
    own, order_id = Sandbox(book=tmp_path / "own.sqlite", callback=inbox.url), new_order()
    own.start()
    gateways = Gateways.build(settings_for(own.url))
    authentication = authenticate(gateways, order_id)
    code = own.last_code(PHONE)

    def confirm() -> Approval:
        return gateways.card.confirm(
            auth_key=authentication.auth_key,
            code=code,
            order_id=order_id,
            amount=WON,
            idempotency_key=order_id,
        )

    approval = confirm()
    assert own.stop() == 0
    own.start()
    try:
        assert gateways.card.find(order_id=order_id) == approval
        assert own.last_code(PHONE) == code
        assert own.ledger(order_id) == [("charge", approval.amount)]
        assert confirm() == approval
    finally:
        own.stop()


@pytest.mark.parametrize(
    "path", ["/", "/messages", "/messages?auto=1", "/mails", "/zeropay/wallets", "/card/branch", "/bank/"]
)
def test_pages_open_in_korean_without_foreign_parts(path: str, sandbox: Sandbox) -> None:
    page = WEB.get(f"{sandbox.url}{path}")
    assert page.status_code == 200
    assert '<html lang="ko">' in page.text
    assert "실제 문자, 돈, 카드는 오가지 않습니다" in page.text
    assert "http://" not in page.text and "https://" not in page.text
    assert ('http-equiv="refresh"' in page.text) == (path == "/messages?auto=1")
    assert "default-src 'self'" in page.headers["Content-Security-Policy"]


DOCUMENT = (ROOT / "docs" / "sandbox.md").read_text()


def test_the_document_names_every_test_number_and_what_it_does() -> None:
    rows = [row for table in [*tables_of_test_numbers(), *mail.tables()] for row in table.rows]
    lines = [f"| {' | '.join(f'`{each}`' for each in row.numbers)} | {row.what}" for row in rows]
    assert len(lines) > 70
    assert [line for line in lines if line not in DOCUMENT] == []


def test_the_document_names_no_number_that_nobody_plays() -> None:
    """A number of the special ranges that stands in no table is answered with a loud 500."""
    played = {number for table in tables_of_test_numbers() for row in table.rows for number in row.numbers}
    named = re.findall(r"^\| `(9999\d{12})`(?: \| `(9900\d\d)`)?", DOCUMENT, re.MULTILINE)
    numbers = {number for pair in named for number in pair if number}
    assert len(numbers) > 80 and numbers <= played


def test_no_number_stands_for_two_things() -> None:
    tables = (
        behaviours.CODE_DECLINES,
        behaviours.CODE_FAULTS,
        behaviours.DECLINES,
        behaviours.CONFIRM_FAULTS,
        behaviours.FIND_FAULTS,
        behaviours.CANCEL_DECLINES,
        behaviours.CANCEL_FAULTS,
        behaviours.CANCEL_FIND_FAULTS,
        behaviours.STATEMENT_FAULTS,
    )
    digits = [each for table in tables for each in table]
    assert len(digits) == len(set(digits))


def test_the_page_gives_every_number_to_copy(sandbox: Sandbox) -> None:
    page = WEB.get(f"{sandbox.url}/").text
    for table in [*tables_of_test_numbers(), *mail.tables()]:
        assert f'href="#{table.key}"' in page and f'id="{table.key}"' in page
        for row in table.rows:
            assert row.what in html.unescape(page)
            assert all(f'data-copy="{each}"' in page for each in row.numbers if each.isdigit())


def test_every_decline_has_a_sentence_of_its_own() -> None:
    played = {
        code
        for table in (behaviours.CODE_DECLINES, behaviours.DECLINES, behaviours.CANCEL_DECLINES)
        for code, _, _ in table.values()
    }
    assert played <= KOREAN.keys()
    assert all(sentence.endswith("주세요.") for sentence in KOREAN.values())


def test_a_port_in_use_is_said(sandbox: Sandbox) -> None:
    command = [sys.executable, "-m", "sandbox", "--port", str(sandbox.port)]
    second = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=20)
    assert second.returncode == 1
    assert f"port {sandbox.port} is in use" in second.stderr
