"""R-MSG-1: messages reach the person at the company, once for their key, and never a line that takes none."""

from __future__ import annotations

import secrets

import pytest

from app.workflows import messages
from tests import factories, money

pytestmark = pytest.mark.usefixtures("tx")


def sent(sandbox: str, to: str) -> list[str]:
    answer = money.WEB.get(f"{sandbox}/messages.json", params={"to": to}).json()
    return [message["text"] for message in answer]


def test_a_message_goes_to_the_contact_once(sandbox: str) -> None:
    phone = f"010{secrets.randbelow(10**8):08}"
    company = factories.make_company(contact_phone=phone)
    key = f"test:{secrets.token_hex(8)}"
    payload = {"company_id": company.id, "supplier_id": None, "text": "심사가 끝났습니다."}
    first = messages.send_sms(payload, key)
    assert first and messages.send_sms(payload, key) == first
    assert sent(sandbox, phone) == ["[K-비대면바우처] 심사가 끝났습니다."]


def test_without_a_contact_it_goes_to_who_signed_up(sandbox: str) -> None:
    phone = f"010{secrets.randbelow(10**8):08}"
    company = factories.make_company(contact_phone=None, phone=phone)
    assert messages.send_sms({"company_id": company.id, "text": "안내"}, f"test:{secrets.token_hex(8)}")
    assert len(sent(sandbox, phone)) == 1


def test_a_land_line_takes_no_message(sandbox: str) -> None:
    supplier = factories.make_supplier(phone="02-555-0000")
    assert messages.send_sms({"supplier_id": supplier.id, "text": "안내"}, "test:none") is None
    assert messages.send_sms({"company_id": 999_999_999, "text": "안내"}, "test:nobody") is None
