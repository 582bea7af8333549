"""Mail over real HTTP (R-MSG-1): sent once for its key, with what is attached, and its ways to fail."""

from __future__ import annotations

import secrets
from typing import Any

import pytest

from app.gateways import Gateways
from app.gateways.errors import KOREAN, Refused, Unknown
from app.gateways.mail import Attachment
from sandbox import mail
from tests.integration.gateways.conftest import WEB, Sandbox

PDF = Attachment("정산내역서_2020-S-000001.pdf", "application/pdf", b"%PDF-1.4\n\xff\x00 rest")


def send(gateways: Gateways, to: str, key: str, **given: Any) -> str:
    words: dict[str, Any] = {"subject": "정산내역서", "text": "지급했습니다."} | given
    return gateways.mail.send(to=to, idempotency_key=key, **words)


@pytest.fixture
def domain() -> str:
    """Of this test alone."""
    return f"{secrets.token_hex(6)}.example.com"


def test_a_mail_is_sent_once_for_its_key_with_its_attachment(
    gateways: Gateways, sandbox: Sandbox, domain: str
) -> None:
    to, key = f"billing@{domain}", secrets.token_hex(8)
    first = send(gateways, to, key, attachment=PDF)
    assert send(gateways, to, key, attachment=PDF) == first
    [sent] = sandbox.get("/mails.json", to=to)
    assert (sent["mailId"], sent["subject"], sent["from"]) == (
        first,
        "정산내역서",
        "no-reply@voucher.example",
    )
    [file] = sent["attachments"]
    assert (file["fileName"], file["size"]) == (PDF.file_name, len(PDF.content))
    got = WEB.get(f"{sandbox.url}/mails/{first}/{file['position']}")
    assert (got.content, got.headers["Content-Type"]) == (PDF.content, "application/pdf")
    page = WEB.get(f"{sandbox.url}/mails", params={"to": to}).text
    assert PDF.file_name in page and "지급했습니다." in page
    with pytest.raises(Refused, match="IDEMPOTENCY_KEY_MISMATCH"):
        send(gateways, to, key, text="다른 내용")


@pytest.mark.parametrize(("local", "code"), [("bounce", "UNDELIVERABLE_ADDRESS"), ("full", "MAILBOX_FULL")])
def test_a_mailbox_that_takes_none(gateways: Gateways, domain: str, local: str, code: str) -> None:
    with pytest.raises(Refused, match=code) as refusal:
        send(gateways, f"{local}@{domain}", secrets.token_hex(8))
    assert refusal.value.korean == KOREAN[code] and domain not in str(refusal.value)


def test_what_is_no_address(gateways: Gateways) -> None:
    for to in ("nobody", "two@@example.com", "a@b", "a, b@example.com"):
        with pytest.raises(Refused, match="INVALID_ADDRESS"):
            send(gateways, to, secrets.token_hex(8))


def test_a_lost_answer_is_asked_for_at_once_and_sends_nothing_twice(
    gateways: Gateways, sandbox: Sandbox, domain: str
) -> None:
    to = f"lost@{domain}"
    message_id = send(gateways, to, secrets.token_hex(8))
    assert [sent["mailId"] for sent in sandbox.get("/mails.json", to=to)] == [message_id]


def test_a_broken_answer_leaves_the_outcome_unknown_until_the_key_is_tried_again(
    gateways: Gateways, sandbox: Sandbox, domain: str
) -> None:
    to, key = f"garbage@{domain}", secrets.token_hex(8)
    with pytest.raises(Unknown):
        send(gateways, to, key)
    message_id = send(gateways, to, key)
    assert [sent["mailId"] for sent in sandbox.get("/mails.json", to=to)] == [message_id]


@pytest.mark.parametrize("local", ["hang", "error"])
def test_no_answer_and_an_error_send_nothing(
    impatient: Gateways, sandbox: Sandbox, domain: str, local: str
) -> None:
    to = f"{local}@{domain}"
    with pytest.raises(Unknown):
        send(impatient, to, secrets.token_hex(8))
    assert sandbox.get("/mails.json", to=to) == []


def test_a_slow_answer_is_an_answer(gateways: Gateways, domain: str) -> None:
    assert send(gateways, f"slow@{domain}", secrets.token_hex(8))


def test_a_wrong_key_is_turned_away(sandbox: Sandbox) -> None:
    answer = WEB.post(f"{sandbox.url}/mail/v1/mails", json={}, auth=("somebody", ""))
    assert (answer.status_code, answer.json()["code"]) == (401, "UNAUTHORIZED_KEY")


def test_an_attachment_that_nobody_sent(sandbox: Sandbox) -> None:
    answer = WEB.get(f"{sandbox.url}/mails/ML0/1")
    assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND_MAIL")


def test_every_fault_has_its_row_on_the_page_of_test_numbers() -> None:
    [table] = mail.tables()
    assert [row.numbers[0].partition("@")[0] for row in table.rows] == list(mail.FAULTS)
