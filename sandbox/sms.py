"""The SMS gateway, played with Solapi's interface; what it "sends" stands on the page of messages."""

from __future__ import annotations

import hashlib
import hmac
import re
from datetime import timedelta
from typing import Any

from flask import Blueprint, Response, jsonify, render_template, request

from sandbox import behaviours
from sandbox.errors import ApiError
from sandbox.times import now, parse
from sandbox.world import Answer, World, json_body, new_id, phone, play_fault, respond, text

MOST_MESSAGES = 10_000
SHOWN = 100
AUTHORIZATION = re.compile(
    r"HMAC-SHA256 apiKey=(\S+), date=(\S+), salt=([0-9a-f]{12,64}), signature=([0-9a-f]{64})", re.I
)
CODE = re.compile(r"\[(\d{6})\]")


def blueprint(world: World) -> Blueprint:
    routes = Blueprint("sms", __name__)

    @routes.post("/sms/messages/v4/send-many/detail")
    def send_many() -> Response:
        _demand_signature(world)
        messages = json_body().get("messages")
        if not isinstance(messages, list) or not 0 < len(messages) <= MOST_MESSAGES:
            raise ApiError("ValidationError", "messages 값은 1건 이상 10,000건 이하여야 합니다.")
        if not all(isinstance(message, dict) for message in messages):
            raise ApiError("ValidationError", "messages 값은 객체의 목록이어야 합니다.")
        scenarios = [behaviours.of_phone(phone(message, "to")) for message in messages]
        fault = next((scenario for scenario in scenarios if scenario not in ("", "01")), "")
        play_fault(fault)
        return respond(Answer(_send(world, messages), manner="garbage" if fault == "59" else "plain"))

    @routes.get("/messages")
    def page() -> str:
        return render_template(
            "messages.html",
            messages=_messages(world, request.args.get("to", "")),
            to=request.args.get("to", ""),
            auto=request.args.get("auto") == "1",
        )

    @routes.get("/messages.json")
    def as_json() -> Response:
        return jsonify(_messages(world, request.args.get("to", "")))

    return routes


def _demand_signature(world: World) -> None:
    """`HMAC-SHA256 apiKey=…, date=…, salt=…, signature=…`: over date + salt, at most 15 minutes old."""
    found = AUTHORIZATION.fullmatch(request.headers.get("Authorization", ""))
    if found is None or found[1] != world.keys.sms:
        raise ApiError("InvalidAPIKey", "유효한 API Key가 아닙니다.", 403)
    signed = (found[2] + found[3]).encode()
    signature = hmac.new(world.keys.sms_secret.encode(), signed, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(signature, found[4].lower()):
        raise ApiError("SignatureDoesNotMatch", "서명이 일치하지 않습니다.", 403)
    if abs(now() - parse(found[2], field="date")) > timedelta(minutes=15):
        raise ApiError("RequestTimeTooSkewed", "요청 시각의 차이가 너무 큽니다.", 403)


def _send(world: World, messages: list[dict[str, Any]]) -> dict[str, Any]:
    """Messages to the undeliverable test number go to the failed list, the others to the page."""
    sent, failed = [], []
    for message in messages:
        to, sender, content = phone(message, "to"), phone_like(message, "from"), text(message, "text")
        size = len(content.encode("cp949", "replace"))
        told = {"to": to, "from": sender, "type": "SMS" if size <= 90 else "LMS"}
        if behaviours.of_phone(to) == "01":
            wrong = {"statusCode": "3014", "statusMessage": "수신번호 오류"}
            failed.append({**told, **wrong, "messageId": new_id("M4V")})
            continue
        key = (message.get("customFields") or {}).get("key") or request.headers.get("Idempotency-Key")
        message_id = world.send_sms(recipient=to, sender=sender, text=content, dedupe_key=key)
        sent.append({**told, "messageId": message_id, "statusCode": "2000", "statusMessage": "정상 접수"})
    count = {"total": len(messages), "registeredSuccess": len(sent), "registeredFailed": len(failed)}
    return {
        "groupInfo": {"groupId": new_id("G4V"), "status": "SENDING", "count": count},
        "messageList": sent,
        "failedMessageList": failed,
    }


def phone_like(message: dict[str, Any], name: str) -> str:
    """A sender's number: a mobile, a land line or a service number of eight digits."""
    digits = text(message, name).replace("-", "")
    if not (digits.isdigit() and 8 <= len(digits) <= 11):
        raise ApiError("ValidationError", f"{name} 값이 전화번호가 아닙니다.")
    return digits


def _messages(world: World, to: str) -> list[dict[str, Any]]:
    digits = to.replace("-", "")
    rows = world.book.all(
        "SELECT * FROM message WHERE ? = '' OR recipient = ? ORDER BY id DESC LIMIT ?", digits, digits, SHOWN
    )
    return [
        {
            "messageId": row["message_id"],
            "to": row["recipient"],
            "from": row["sender"],
            "text": row["text"],
            "code": found[1] if (found := CODE.search(row["text"])) else None,
            "sentAt": row["sent_at"],
        }
        for row in rows
    ]
