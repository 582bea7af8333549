"""The mail gateway, played: what it "sends" stands on the page of mails, with what is attached.

The local part of an address decides what happens; there is no switch.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any
from urllib.parse import quote

from flask import Blueprint, Response, jsonify, render_template, request

from sandbox.errors import ApiError
from sandbox.numbers import Row, Table
from sandbox.times import iso, now
from sandbox.world import (
    Answer,
    World,
    answer_once,
    demand_basic_key,
    json_body,
    new_id,
    play_fault,
    text,
)

ADDRESS = re.compile(r"[^\s@<>,;]+@[^\s@<>,;]+\.[^\s@<>,;.]+")
MOST_ATTACHMENTS = 10
SHOWN = 100
FAULTS = {
    "bounce": "거절 UNDELIVERABLE_ADDRESS: 받을 수 없는 주소입니다.",
    "full": "거절 MAILBOX_FULL: 메일함이 가득 찼습니다.",
    "hang": "응답 없음 30초(보내지 않는다)",
    "error": "500 오류(보내지 않는다)",
    "slow": "3초 뒤 정상",
    "lost": "보냈지만 답을 잃는다(연결이 끊긴다)",
    "garbage": "보냈지만 답이 깨져 있다",
}
REFUSALS = {
    "bounce": ("UNDELIVERABLE_ADDRESS", "받을 수 없는 주소입니다."),
    "full": ("MAILBOX_FULL", "메일함이 가득 찼습니다."),
}
_BEFORE = {"hang": "50", "error": "56", "slow": "58"}
_MANNERS = {"lost": "lost", "garbage": "garbage"}


def tables() -> list[Table]:
    """For the page of test numbers."""
    rows = tuple(Row((f"{name}@example.com",), what) for name, what in FAULTS.items())
    note = "골뱅이 앞부분이 결과를 정합니다. 그 밖의 주소는 모두 정상입니다."
    return [Table("mails", "이메일 주소(메일)", note, ("이메일 주소",), rows)]


def blueprint(world: World) -> Blueprint:
    routes = Blueprint("mail", __name__)

    @routes.post("/mail/v1/mails")
    def send() -> Response:
        demand_basic_key(world.keys.mail)
        body = json_body()
        to = _address(body, "to")
        fault = to.partition("@")[0].lower()
        play_fault(_BEFORE.get(fault, ""))
        # A lost or broken answer comes once: the same key again hears what became of it.
        return answer_once(world, "mail", body, lambda: _take(world, body, to, fault))

    @routes.get("/mails")
    def page() -> str:
        to = request.args.get("to", "")
        return render_template("mails.html", mails=_mails(world, to), to=to)

    @routes.get("/mails.json")
    def as_json() -> Response:
        return jsonify(_mails(world, request.args.get("to", "")))

    @routes.get("/mails/<mail_id>/<int:position>")
    def attachment(mail_id: str, position: int) -> Response:
        row = world.book.one(
            "SELECT * FROM mail_attachment WHERE mail_id = ? AND position = ?", mail_id, position
        )
        if row is None:
            raise ApiError("NOT_FOUND_MAIL", "보낸 적이 없는 메일입니다.", 404)
        headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(row['file_name'], safe='')}"}
        return Response(row["content"], content_type=row["content_type"], headers=headers)

    return routes


def _address(body: dict[str, Any], name: str) -> str:
    value = text(body, name)
    if not ADDRESS.fullmatch(value):
        raise ApiError("INVALID_ADDRESS", f"{name} 값이 이메일 주소가 아닙니다.")
    return value


def _take(world: World, body: dict[str, Any], to: str, fault: str) -> Answer:
    if fault in REFUSALS:
        code, message = REFUSALS[fault]
        raise ApiError(code, message, 422)
    files, mail_id = _attachments(body), new_id("ML")
    values = (mail_id, to, _address(body, "from"), text(body, "subject"), text(body, "text"), iso(now()))
    with world.book.write() as rows:
        rows.execute(
            "INSERT INTO mail (mail_id, recipient, sender, subject, text, sent_at) VALUES (?, ?, ?, ?, ?, ?)",
            values,
        )
        rows.executemany(
            "INSERT INTO mail_attachment (mail_id, position, file_name, content_type, content)"
            " VALUES (?, ?, ?, ?, ?)",
            [(mail_id, position, *file) for position, file in enumerate(files, start=1)],
        )
    return Answer({"mailId": mail_id, "status": "ACCEPTED"}, manner=_MANNERS.get(fault, "plain"))


def _attachments(body: dict[str, Any]) -> list[tuple[str, str, bytes]]:
    given = body.get("attachments", [])
    if not isinstance(given, list) or len(given) > MOST_ATTACHMENTS:
        raise ApiError("INVALID_REQUEST", "attachments 값은 열 개 이하의 목록이어야 합니다.")
    found = []
    for one in given:
        if not isinstance(one, dict):
            raise ApiError("INVALID_REQUEST", "attachments 값은 객체의 목록이어야 합니다.")
        try:
            content = base64.b64decode(text(one, "content"), validate=True)
        except binascii.Error:
            raise ApiError("INVALID_REQUEST", "첨부 파일의 content 값이 Base64가 아닙니다.") from None
        found.append((text(one, "fileName"), text(one, "contentType"), content))
    return found


def _mails(world: World, to: str) -> list[dict[str, Any]]:
    found = world.book.all(
        "SELECT * FROM mail WHERE ? = '' OR recipient = ? ORDER BY id DESC LIMIT ?", to, to, SHOWN
    )
    files: dict[str, list[dict[str, Any]]] = {}
    for row in world.book.all(
        "SELECT a.mail_id, a.position, a.file_name, length(a.content) AS size FROM mail_attachment a"
        " WHERE a.mail_id IN"
        " (SELECT mail_id FROM mail WHERE ? = '' OR recipient = ? ORDER BY id DESC LIMIT ?)"
        " ORDER BY a.position",
        *(to, to, SHOWN),
    ):
        place = {"position": row["position"], "fileName": row["file_name"], "size": row["size"]}
        files.setdefault(row["mail_id"], []).append(place)
    return [
        {
            "mailId": row["mail_id"],
            "to": row["recipient"],
            "from": row["sender"],
            "subject": row["subject"],
            "text": row["text"],
            "sentAt": row["sent_at"],
            "attachments": files.get(row["mail_id"], []),
        }
        for row in found
    ]
