"""What the played systems share: book, keys, courier, and how a request is read and answered."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from flask import Response, request

from sandbox.book import Book
from sandbox.courier import Courier
from sandbox.errors import ApiError, LostAnswer
from sandbox.times import iso, now

HANG_SECONDS = 30
SLOW_SECONDS = 3
HIDDEN_FROM_FINGERPRINT = {"code", "password"}


@dataclass(frozen=True)
class Keys:
    """The merchant's keys; the same variables as the platform's, so that one environment sets both."""

    identity: str
    tax_office: str
    card: str
    card_secret: str
    zeropay: str
    zeropay_secret: str
    sms: str
    sms_secret: str
    bank: str
    mail: str

    @classmethod
    def from_environment(cls) -> Keys:
        def read(system: str, part: str = "key") -> str:
            variable = f"{system}_{part}".upper()
            return os.environ.get(variable) or f"sandbox-{system}-{part}"

        return cls(
            identity=read("identity"),
            tax_office=read("tax_office"),
            card=read("card"),
            card_secret=read("card", "secret"),
            zeropay=read("zeropay"),
            zeropay_secret=read("zeropay", "secret"),
            sms=read("sms"),
            sms_secret=read("sms", "secret"),
            bank=read("bank"),
            mail=read("mail"),
        )


@dataclass(frozen=True)
class World:
    book: Book
    keys: Keys
    courier: Courier
    public_url: str = ""

    def base_url(self) -> str:
        return (self.public_url or request.host_url).rstrip("/")

    def send_sms(self, *, recipient: str, sender: str, text: str, dedupe_key: str | None = None) -> str:
        """Put a message on the page of sent messages; the same key twice is the same message."""
        with self.book.write() as rows:
            known = (
                dedupe_key
                and rows.execute(
                    "SELECT message_id FROM message WHERE dedupe_key = ?", (dedupe_key,)
                ).fetchone()
            )
            if known:
                return str(known["message_id"])
            message_id = new_id("M4V")
            rows.execute(
                "INSERT INTO message (message_id, dedupe_key, recipient, sender, text, sent_at)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (message_id, dedupe_key, recipient, sender, text, iso(now())),
            )
            return message_id


@dataclass(frozen=True)
class Answer:
    body: dict[str, Any]
    status: int = 200
    manner: str = "plain"  # plain | late | lost | garbage
    afterwards: Callable[[], None] | None = field(default=None, compare=False)


def new_id(prefix: str) -> str:
    return f"{prefix}{secrets.token_hex(12)}"


def new_code() -> str:
    return f"{secrets.randbelow(1_000_000):06d}"


def demand_basic_key(expected: str) -> None:
    """`Authorization: Basic base64(secretKey + ":")`, as the Korean gateways do it."""
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    try:
        given = base64.b64decode(value, validate=True).decode().removesuffix(":")
    except ValueError:
        given = ""
    if scheme != "Basic" or not hmac.compare_digest(given.encode(), expected.encode()):
        raise ApiError("UNAUTHORIZED_KEY", "인증되지 않은 시크릿 키입니다.", 401)


def json_body() -> dict[str, Any]:
    body = request.get_json(silent=True)
    if not isinstance(body, dict):
        raise ApiError("INVALID_REQUEST", "요청 본문이 JSON 객체가 아닙니다.")
    return body


def text(body: dict[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value.strip():
        raise ApiError("INVALID_REQUEST", f"{name} 값이 필요합니다.")
    return value.strip()


def won(body: dict[str, Any], name: str) -> int:
    value = body.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
        raise ApiError("INVALID_REQUEST", f"{name} 값은 0보다 큰 정수(원)여야 합니다.")
    return value


def phone(body: dict[str, Any], name: str) -> str:
    digits = text(body, name).replace("-", "")
    if not (digits.isdigit() and digits.startswith("01") and 10 <= len(digits) <= 11):
        raise ApiError("INVALID_REQUEST", f"{name} 값이 휴대전화 번호가 아닙니다.")
    return digits


def respond(answer: Answer) -> Response:
    """Give the answer in its manner; the work behind it is already in the book."""
    if answer.manner == "late":
        time.sleep(HANG_SECONDS)
    if answer.manner == "lost":
        raise LostAnswer
    if answer.afterwards:
        answer.afterwards()
    if answer.manner == "garbage":
        return Response("<html>502 ?\x00", 200, content_type="application/json")
    return _json(answer.body, answer.status)


def _json(body: dict[str, Any], status: int) -> Response:
    content = json.dumps(body, ensure_ascii=False)
    return Response(content, status, content_type="application/json; charset=utf-8")


def play_fault(scenario: str) -> None:
    """Hang, fail, answer slowly or answer garbage, for the systems that move no money."""
    if scenario == "50":
        time.sleep(HANG_SECONDS)
        raise LostAnswer
    if scenario == "56":
        raise ApiError("FAILED_INTERNAL_SYSTEM_PROCESSING", "내부 시스템 처리에 실패했습니다.", 500)
    if scenario == "58":
        time.sleep(SLOW_SECONDS)


def answer_once(world: World, system: str, body: dict[str, Any], work: Callable[[], Answer]) -> Response:
    """Run `work` once per Idempotency-Key: a repeat gets the same answer, a repeat meanwhile a 409.

    An answer of 5xx is not kept, so that the same key may try again.
    """
    key = request.headers.get("Idempotency-Key", "")
    if not key or len(key) > 300:
        raise ApiError("INVALID_IDEMPOTENCY_KEY", "멱등키는 1자 이상 300자 이하여야 합니다.")
    kept = _claim(world, system, key, _fingerprint(body))
    if kept is not None:
        return respond(kept)
    try:
        answer = work()
    except ApiError as error:
        if error.status < 500:
            _keep(world, system, key, error.status, {"code": error.code, "message": error.message})
        else:
            _release(world, system, key)
        raise
    except BaseException:
        _release(world, system, key)
        raise
    _keep(world, system, key, answer.status if answer.status < 500 else 200, answer.body)
    if answer.status >= 500:
        return _json({"code": "UNKNOWN_PAYMENT_ERROR", "message": "결제 결과를 알 수 없습니다."}, 500)
    return respond(answer)


def _fingerprint(body: dict[str, Any]) -> str:
    seen = {"path": request.path, **{k: v for k, v in body.items() if k not in HIDDEN_FROM_FINGERPRINT}}
    return hashlib.sha256(json.dumps(seen, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def _claim(world: World, system: str, key: str, fingerprint: str) -> Answer | None:
    with world.book.write() as rows:
        sought = "SELECT * FROM idempotency WHERE system = ? AND key = ?"
        known = rows.execute(sought, (system, key)).fetchone()
        if known is None:
            rows.execute(
                "INSERT INTO idempotency (system, key, fingerprint) VALUES (?, ?, ?)",
                (system, key, fingerprint),
            )
            return None
    if known["fingerprint"] != fingerprint:
        raise ApiError("IDEMPOTENCY_KEY_MISMATCH", "같은 멱등키로 다른 요청을 보냈습니다.", 422)
    if known["status"] is None:
        raise ApiError("IDEMPOTENT_REQUEST_PROCESSING", "이전 요청을 처리하고 있습니다.", 409)
    return Answer(json.loads(known["body"]), known["status"])


def _keep(world: World, system: str, key: str, status: int, body: dict[str, Any]) -> None:
    with world.book.write() as rows:
        rows.execute(
            "UPDATE idempotency SET status = ?, body = ? WHERE system = ? AND key = ?",
            (status, json.dumps(body, ensure_ascii=False), system, key),
        )


def _release(world: World, system: str, key: str) -> None:
    with world.book.write() as rows:
        rows.execute("DELETE FROM idempotency WHERE system = ? AND key = ?", (system, key))
