"""A supplier's system as it is: signs each request as the page for suppliers says."""

from __future__ import annotations

import json
import secrets
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.clock import real_now
from app.policy import Actor
from app.workflows import supplier_keys
from app.workflows.supplier_keys import Signed


class System:
    def __init__(self, browser: FlaskClient, seller: Actor, name: str = "고객관리") -> None:
        self.browser = browser
        issued = supplier_keys.issue(actor=seller, name=name)
        self.row_id, self.key, self.secret = issued.key.id, issued.key.key_id, issued.secret

    def signed(
        self, method: str, target: str, body: bytes = b"", *, once: str = "", at: int | None = None
    ) -> dict[str, str]:
        timestamp = str(int(real_now().timestamp()) if at is None else at)
        parts = Signed(timestamp=timestamp, method=method, target=target, idempotency_key=once, body=body)
        headers = {
            "X-KV-Key": self.key,
            "X-KV-Timestamp": timestamp,
            "X-KV-Signature": parts.signature(self.secret),
        }
        return headers | ({"Idempotency-Key": once} if once else {})

    def get(self, path: str, **changed: str) -> TestResponse:
        target = f"/api/v1{path}"
        return self.browser.get(target, headers=self.signed("GET", target) | changed)

    def put(self, reports: Any, *, once: str = "", query: str = "", **changed: str) -> TestResponse:
        return self.send(json.dumps({"reports": reports}).encode(), once=once, query=query, **changed)

    def send(self, body: bytes, *, once: str = "", query: str = "", **changed: str) -> TestResponse:
        target = f"/api/v1/usage{query}"
        headers = self.signed("PUT", target, body, once=once or secrets.token_hex(8)) | changed
        return self.browser.put(target, data=body, headers=headers, content_type="application/json")
