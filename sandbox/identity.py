"""The mobile-phone identity service, played: request, code by SMS, result with CI and DI."""

from __future__ import annotations

import base64
import hashlib
import secrets
from datetime import date, timedelta
from typing import Any

from flask import Blueprint, Response

from sandbox import behaviours
from sandbox.errors import ApiError
from sandbox.times import iso, now
from sandbox.world import (
    Answer,
    World,
    demand_basic_key,
    json_body,
    new_code,
    new_id,
    phone,
    play_fault,
    respond,
    text,
)

CODE_SECONDS = 180
MOST_TRIES = 5
CARRIERS = ("SKT", "KT", "LGU+", "SKT_MVNO", "KT_MVNO", "LGU+_MVNO")
CENTURIES = {
    "1": 1900,
    "2": 1900,
    "5": 1900,
    "6": 1900,
    "3": 2000,
    "4": 2000,
    "7": 2000,
    "8": 2000,
    "9": 1800,
    "0": 1800,
}


def blueprint(world: World) -> Blueprint:
    routes = Blueprint("identity", __name__, url_prefix="/identity")

    @routes.post("/v1/requests")
    def request_code() -> Response:
        demand_basic_key(world.keys.identity)
        body = json_body()
        scenario = behaviours.of_phone(phone(body, "phone"))
        play_fault(scenario)
        if scenario == "01":
            raise ApiError("IDENTITY_MISMATCH", "통신사에 가입된 정보와 일치하지 않습니다.")
        return respond(Answer(_request_code(world, body), manner="garbage" if scenario == "59" else "plain"))

    @routes.post("/v1/requests/<tx_id>/resend")
    def resend(tx_id: str) -> Response:
        demand_basic_key(world.keys.identity)
        return respond(Answer(_resend(world, tx_id)))

    @routes.post("/v1/confirmations")
    def confirm() -> Response:
        demand_basic_key(world.keys.identity)
        return respond(Answer(_confirm(world, json_body())))

    return routes


def _request_code(world: World, body: dict[str, Any]) -> dict[str, Any]:
    birth7 = text(body, "birth7")
    _birth(birth7)
    if text(body, "carrier") not in CARRIERS:
        raise ApiError("INVALID_REQUEST", "통신사를 다시 확인해 주세요.")
    name, to, purpose = text(body, "name"), phone(body, "phone"), text(body, "purpose")
    tx_id = new_id("idt_")
    with world.book.write() as rows:
        rows.execute(
            "INSERT INTO identity_request (tx_id, name, birth7, phone, purpose, code, expires_at)"
            " VALUES (?, ?, ?, ?, ?, '', '')",
            (tx_id, name, birth7, to, purpose),
        )
    return _resend(world, tx_id)


def _resend(world: World, tx_id: str) -> dict[str, Any]:
    """A new code makes the old one worthless; the count of tries goes on."""
    code, expires_at = new_code(), iso(now() + timedelta(seconds=CODE_SECONDS))
    with world.book.write() as rows:
        row = rows.execute("SELECT * FROM identity_request WHERE tx_id = ? AND done = 0", (tx_id,)).fetchone()
        if row is None:
            raise ApiError("NOT_FOUND_TRANSACTION", "존재하지 않거나 끝난 본인확인입니다.", 404)
        if row["tries"] >= MOST_TRIES:
            raise ApiError("TOO_MANY_TRIES", "인증번호를 여러 번 잘못 입력했습니다.")
        rows.execute(
            "UPDATE identity_request SET code = ?, expires_at = ? WHERE tx_id = ?", (code, expires_at, tx_id)
        )
    world.send_sms(
        recipient=row["phone"],
        sender="16001522",
        text=f"[본인확인] {row['purpose']} 인증번호 [{code}]를 3분 안에 입력해 주세요.",
    )
    return {"txId": tx_id, "expiresAt": expires_at}


def _confirm(world: World, body: dict[str, Any]) -> dict[str, Any]:
    tx_id, code = text(body, "txId"), text(body, "code")
    with world.book.write() as rows:
        row = rows.execute("SELECT * FROM identity_request WHERE tx_id = ? AND done = 0", (tx_id,)).fetchone()
        if row is None:
            raise ApiError("NOT_FOUND_TRANSACTION", "존재하지 않거나 끝난 본인확인입니다.", 404)
        if row["tries"] >= MOST_TRIES:
            raise ApiError("TOO_MANY_TRIES", "인증번호를 여러 번 잘못 입력했습니다.")
        if row["expires_at"] <= iso(now()):
            raise ApiError("EXPIRED_CODE", "인증번호 입력 시간이 지났습니다.")
        right = secrets.compare_digest(row["code"].encode(), code.encode())
        rows.execute(
            "UPDATE identity_request SET tries = tries + 1, done = ? WHERE tx_id = ?", (int(right), tx_id)
        )
    if not right:  # raised outside the transaction: a wrong try counts
        raise ApiError("INVALID_CODE", "인증번호가 일치하지 않습니다.")
    birth = _birth(row["birth7"])
    ci = _ci(row["name"], birth)
    di = hashlib.sha256(f"kvoucher|{ci}".encode()).hexdigest()
    return {"ci": ci, "di": di, "name": row["name"], "birth": birth.isoformat(), "phone": row["phone"]}


def _birth(birth7: str) -> date:
    """YYMMDD and the first digit of the second half, which holds the century."""
    try:
        if len(birth7) != 7:
            raise ValueError
        year = CENTURIES[birth7[6]] + int(birth7[:2])
        return date(year, int(birth7[2:4]), int(birth7[4:6]))
    except (ValueError, KeyError):
        raise ApiError(
            "INVALID_REQUEST", "생년월일과 주민등록번호 뒤 첫 자리를 다시 확인해 주세요."
        ) from None


def _ci(name: str, birth: date) -> str:
    """88 characters that depend on name and birth date only: one person, one CI, on every phone."""
    return base64.b64encode(hashlib.sha512(f"{name}|{birth.isoformat()}".encode()).digest()).decode()
