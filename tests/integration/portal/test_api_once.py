"""The suppliers' interface takes a request once, and only as it was signed (R-SET-1a)."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from sqlalchemy import text

from app import clock
from app.db import db
from app.models.deals import Deal
from app.models.record import AuditRow
from app.policy import Actor
from app.portal.supply import api_examples
from app.workflows import supplier_keys, usage_api
from tests.integration.portal import selling_system
from tests.integration.portal.selling_system import described, reports, row
from tests.signing import System

pytestmark = pytest.mark.usefixtures("november")
november, supplier, seller = selling_system.november, selling_system.supplier, selling_system.seller
system, deal = selling_system.system, selling_system.deal
VECTOR_SIGNATURE = "4c0f9348639c8705879a48d450d72027bb0b06764cc44ab787e91730a7d71833"


class TestOnce:
    def test_the_same_request_again_is_answered_as_before(self, system: System, deal: Deal) -> None:
        first = system.put([row(deal)], once="october-1")
        db.session.execute(text("UPDATE usage_report SET logins = 99"))
        again = system.put([row(deal)], once="october-1")
        assert again.json == first.json and again.headers["Idempotent-Replayed"] == "true"
        assert reports()[0][2] == 99 and "Idempotent-Replayed" not in first.headers
        assert db.session.query(AuditRow).filter_by(entity="usage_report").count() == 1

    def test_another_request_under_the_same_key_is_refused(self, system: System, deal: Deal) -> None:
        system.put([row(deal)], once="october-1")
        for answer in (
            system.put([row(deal, logins=13)], once="october-1"),
            system.put([row(deal)], once="october-1", query="?atomic=true"),
        ):
            assert answer.status_code == 409 and answer.json["code"] == "api.idempotency"
            described(answer, "put_usage", "put")
        assert reports()[0][2] == 12

    def test_two_keys_do_not_share_their_requests(self, system: System, deal: Deal, seller: Actor) -> None:
        other = System(system.browser, seller, name="회계")
        system.put([row(deal)], once="october-1")
        assert other.put([row(deal, logins=13)], once="october-1").status_code == 200

    @pytest.mark.parametrize("once", ["short", "x" * 101, "한글한글한글한글", "with space x"])
    def test_a_key_is_needed_and_has_a_form(self, system: System, deal: Deal, once: str) -> None:
        body = json.dumps({"reports": [row(deal)]}).encode()
        signed = system.signed("PUT", "/api/v1/usage", body, once=once.encode().decode("latin-1"))
        answer = system.browser.put("/api/v1/usage", data=body, headers=signed)
        assert answer.status_code == 422 and answer.json["code"] == "api.idempotency_key"

    def test_an_answer_is_forgotten_after_a_day(self, system: System, deal: Deal) -> None:
        system.put([row(deal)], once="october-1")
        assert usage_api.forget_old() == 0
        db.session.execute(text("UPDATE supplier_request SET at = at - interval '25 hours'"))
        assert usage_api.forget_old() == 1


class TestSignature:
    def put(self, system: System, deal: Deal, **changed: str) -> Any:
        return system.put([row(deal)], once="october-1", **changed)

    @pytest.mark.parametrize(
        "changed",
        [
            {"X-KV-Signature": "0" * 64},
            {"X-KV-Signature": "서명".encode().decode("latin-1")},
            {"X-KV-Signature": ""},
            {"X-KV-Key": "kvk_0000000000000000"},
            {"X-KV-Key": ""},
            {"Idempotency-Key": "october-2"},
            {"X-KV-Timestamp": "1"},
        ],
    )
    def test_whatever_is_changed_it_no_longer_fits(
        self, system: System, deal: Deal, changed: dict[str, str]
    ) -> None:
        answer = self.put(system, deal, **changed)
        assert answer.status_code == 401 and answer.json["code"] == "api.signature"
        described(answer, "put_usage", "put")
        assert reports() == []

    def test_method_address_and_body_are_signed(self, system: System, deal: Deal) -> None:
        body = json.dumps({"reports": [row(deal)]}).encode()
        signed = system.signed("PUT", "/api/v1/usage", body, once="october-1")
        browser = system.browser
        assert browser.put("/api/v1/usage", data=body + b" ", headers=signed).status_code == 401
        assert browser.put("/api/v1/usage?atomic=true", data=body, headers=signed).status_code == 401
        assert browser.get("/api/v1/usage", headers=signed).status_code == 401
        assert browser.put("/api/v1/usage", data=body, headers=signed).status_code == 200

    @pytest.mark.parametrize(("seconds", "status"), [(-301, 401), (-299, 200), (299, 200), (302, 401)])
    def test_the_real_clock_decides(self, system: System, deal: Deal, seconds: int, status: int) -> None:
        """R-TIME-7: the programme's own time, which stands at 2020 here, has no say."""
        at = int(clock.real_now().timestamp()) + seconds
        headers = system.signed("GET", "/api/v1/deals", at=at)
        answer = system.browser.get("/api/v1/deals", headers=headers)
        assert answer.status_code == status
        assert status == 200 or answer.json["code"] == "api.timestamp"

    def test_a_revoked_key_is_as_unknown(self, system: System, deal: Deal, seller: Actor) -> None:
        supplier_keys.revoke(actor=seller, key_id=system.row_id)
        answer = self.put(system, deal)
        assert (answer.status_code, answer.json["code"]) == (401, "api.signature") and reports() == []

    def test_the_printed_vector_is_the_hmac_that_anybody_gets(self) -> None:
        vector = api_examples.VECTOR
        assert hashlib.sha256(vector.body).hexdigest() in vector.canonical()
        assert vector.signature(api_examples.SECRET) == VECTOR_SIGNATURE

    def test_the_printed_python_signs_the_same(self) -> None:
        own: dict[str, Any] = {"__name__": "example"}
        exec(compile(api_examples.python("http://localhost"), "example.py", "exec"), own)  # noqa: S102
        v = api_examples.VECTOR
        signed = own["signature"](
            api_examples.SECRET, v.timestamp, v.method, v.target, v.idempotency_key, v.body
        )
        assert signed == VECTOR_SIGNATURE
