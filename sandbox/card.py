"""Shinhan Card, played: issue of the card, and payment by number, expiry and a code sent by SMS."""

from __future__ import annotations

import secrets
import sqlite3
import time
from datetime import datetime, timedelta
from typing import Any

from flask import Blueprint, Response, jsonify, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from sandbox import behaviours
from sandbox.bundles import bundle_of, open_bundle
from sandbox.errors import ApiError, LostAnswer
from sandbox.psp import Psp
from sandbox.times import iso, now, parse
from sandbox.world import (
    HANG_SECONDS,
    SLOW_SECONDS,
    Answer,
    World,
    answer_once,
    demand_basic_key,
    json_body,
    new_code,
    new_id,
    phone,
    respond,
    text,
)

KINDS = ("personal_check", "prepaid", "corporate_check")
DELIVERY_DAYS = 3
CODE_SECONDS = 180
MOST_TRIES = 5


def blueprint(world: World) -> Blueprint:
    psp = Psp(world=world, system="card", key=world.keys.card, secret=world.keys.card_secret, method="카드")
    routes = Blueprint("card", __name__, url_prefix="/card")
    _add_issue_routes(routes, world)
    _add_payment_routes(routes, psp)
    psp.add_routes(routes)
    return routes


def _add_issue_routes(routes: Blueprint, world: World) -> None:
    @routes.post("/v1/issues")
    def request_issue() -> Response:
        demand_basic_key(world.keys.card)
        body = json_body()
        return answer_once(world, "card", body, lambda: Answer(_request_issue(world, body)))

    @routes.get("/v1/issues/<issue_id>")
    def show_issue(issue_id: str) -> Response:
        demand_basic_key(world.keys.card)
        at = request.args.get("at")
        return jsonify(_issue_json(_issue(world, issue_id), parse(at, field="at") if at else now()))

    @routes.put("/v1/issues/<issue_id>/account")
    def change_account(issue_id: str) -> Response:
        demand_basic_key(world.keys.card)
        return jsonify(_change_account(world, issue_id, json_body()))

    @routes.post("/v1/issues/<issue_id>/branch")
    def visit_by_api(issue_id: str) -> Response:
        demand_basic_key(world.keys.card)
        _visit_branch(world, issue_id)
        return jsonify(_issue_json(_issue(world, issue_id), now()))

    @routes.get("/branch")
    def branch() -> str:
        waiting = world.book.all("SELECT * FROM issue WHERE kind = 'corporate_check' ORDER BY rowid DESC")
        return render_template("branch.html", issues=waiting)

    @routes.post("/branch/<issue_id>")
    def visit(issue_id: str) -> AnyResponse:
        _visit_branch(world, issue_id)
        return redirect(url_for("card.branch"), 303)


def _request_issue(world: World, body: dict[str, Any]) -> dict[str, Any]:
    kind = text(body, "kind")
    if kind not in KINDS:
        raise ApiError("INVALID_REQUEST", f"kind 값은 {', '.join(KINDS)} 가운데 하나여야 합니다.")
    requested_at = _requested_at(body)
    account = _account(body, holder=text(body, "holderName")) if kind == "personal_check" else None
    issue_id = new_id("iss_")
    with world.book.write() as rows:
        rows.execute(
            "INSERT INTO issue (issue_id, kind, holder_name, business_number, reference, last4, requested_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                issue_id,
                kind,
                text(body, "holderName"),
                text(body, "businessNumber"),
                text(body, "reference"),
                f"{secrets.randbelow(10_000):04d}",
                iso(requested_at),
            ),
        )
        if account is not None:
            _link(rows, issue_id, account)
    return _issue_json(_issue(world, issue_id), requested_at)


def _requested_at(body: dict[str, Any]) -> datetime:
    return parse(text(body, "requestedAt"), field="requestedAt") if "requestedAt" in body else now()


def _account(body: dict[str, Any], *, holder: str) -> dict[str, str]:
    """What a personal check card draws on: the book keeps the bank and the last four digits."""
    account = body.get("account")
    if not isinstance(account, dict):
        raise ApiError("INVALID_REQUEST", "체크카드를 연결할 계좌(account)가 필요합니다.")
    number = text(account, "accountNumber")
    if text(account, "holderName") != holder or behaviours.ACCOUNTS.get(number[-4:], ("",))[0] == "0013":
        raise ApiError("NOT_USABLE_ACCOUNT", "체크카드를 연결할 수 없는 계좌입니다.")
    return {"bank_code": text(account, "bankCode"), "last4": number[-4:], "holder_name": holder}


def _link(rows: sqlite3.Connection, issue_id: str, account: dict[str, str]) -> None:
    rows.execute(
        "INSERT OR REPLACE INTO issue_account (issue_id, bank_code, last4, holder_name) VALUES (?, ?, ?, ?)",
        (issue_id, account["bank_code"], account["last4"], account["holder_name"]),
    )


def _change_account(world: World, issue_id: str, body: dict[str, Any]) -> dict[str, Any]:
    """Until the card is there; from then on it is changed at the card company's own counter."""
    issue, at = _issue(world, issue_id), _requested_at(body)
    if issue["kind"] != "personal_check":
        raise ApiError("INVALID_REQUEST", "계좌에 연결하는 카드가 아닙니다.")
    if _issue_json(issue, at)["state"] == "ISSUED":
        raise ApiError("ALREADY_ISSUED", "이미 발급된 카드입니다.", 409)
    account = _account(body, holder=issue["holder_name"])
    with world.book.write() as rows:
        _link(rows, issue_id, account)
    return _issue_json(_issue(world, issue_id), at)


def _issue(world: World, issue_id: str) -> sqlite3.Row:
    row = world.book.one(
        "SELECT issue.*, a.bank_code, a.last4 AS account_last4 FROM issue"
        " LEFT JOIN issue_account a USING (issue_id) WHERE issue_id = ?",
        issue_id,
    )
    if row is None:
        raise ApiError("NOT_FOUND_ISSUE", "존재하지 않는 발급 신청입니다.", 404)
    return row


def _visit_branch(world: World, issue_id: str) -> None:
    if _issue(world, issue_id)["kind"] != "corporate_check":
        raise ApiError("INVALID_REQUEST", "영업점에서 발급하는 카드가 아닙니다.")
    with world.book.write() as rows:
        rows.execute("UPDATE issue SET branch = 1 WHERE issue_id = ?", (issue_id,))


def _issue_json(row: sqlite3.Row, at: datetime) -> dict[str, Any]:
    """A personal or prepaid card arrives in three days; a corporate card is handed out at the branch."""
    arrives = parse(row["requested_at"], field="requestedAt") + timedelta(days=DELIVERY_DAYS)
    branch = row["kind"] == "corporate_check"
    issued = bool(row["branch"]) if branch else at >= arrives
    return {
        "issueId": row["issue_id"],
        "kind": row["kind"],
        "reference": row["reference"],
        "state": "ISSUED" if issued else ("WAITING_FOR_BRANCH" if branch else "REQUESTED"),
        "requestedAt": row["requested_at"],
        "expectedAt": None if branch else iso(arrives),
        "cardLast4": row["last4"] if issued else None,
        "account": row["bank_code"] and {"bankCode": row["bank_code"], "last4": row["account_last4"]},
    }


def _add_payment_routes(routes: Blueprint, psp: Psp) -> None:
    @routes.post("/v1/authentications")
    def authenticate() -> Response:
        demand_basic_key(psp.key)
        return respond(_authenticate(psp, json_body()))

    @routes.post("/v1/payments/confirm")
    def confirm() -> Response:
        demand_basic_key(psp.key)
        body = json_body()
        return answer_once(psp.world, psp.system, body, lambda: _confirm(psp, body))


def _authenticate(psp: Psp, body: dict[str, Any]) -> Answer:
    """Check number and expiry by form, and send one code for all orders; the number is forgotten here."""
    number = text(body, "cardNumber").replace("-", "").replace(" ", "")
    if not (number.isascii() and number.isdigit() and len(number) == 16 and behaviours.luhn_valid(number)):
        raise ApiError("INVALID_CARD_NUMBER", "카드번호를 다시 확인해 주세요.")
    _check_expiry(text(body, "expiry"))
    scenario, last4, to = behaviours.of_card(number), number[-4:], phone(body, "phone")
    _fail_before_sending(scenario)
    code, valid = new_code(), timedelta(seconds=CODE_SECONDS)
    auth_key = open_bundle(
        psp, body, prefix="aut_", valid=valid, code=code, status="READY", scenario=scenario, last4=last4
    )
    psp.world.send_sms(recipient=to, sender="15447000", text=_code_text(code, body["orders"]))
    told = {"authKey": auth_key, "cardLast4": last4, "expiresAt": iso(now() + valid)}
    return Answer(told, 200, {"31": "late", "32": "lost", "39": "garbage"}.get(scenario, "plain"))


def _fail_before_sending(scenario: str) -> None:
    if scenario in behaviours.CODE_DECLINES:
        code, status, message = behaviours.CODE_DECLINES[scenario]
        raise ApiError(code, message, status)
    if scenario == "30":
        time.sleep(HANG_SECONDS)
        raise LostAnswer
    if scenario == "36":
        raise ApiError("FAILED_INTERNAL_SYSTEM_PROCESSING", "내부 시스템 처리에 실패했습니다.", 500)
    if scenario == "38":
        time.sleep(SLOW_SECONDS)


def _code_text(code: str, orders: list[dict[str, Any]]) -> str:
    count = f"({len(orders)}건)" if len(orders) > 1 else ""
    total = sum(order["amount"] for order in orders)
    return f"[신한카드] 결제 인증번호 [{code}] {total:,}원{count}. 3분 안에 입력해 주세요."


def _check_expiry(expiry: str) -> None:
    """MM/YY. Only its form: the demonstration's year is not the sandbox's."""
    digits = expiry.replace("/", "")
    if not (len(digits) == 4 and digits.isascii() and digits.isdigit() and 1 <= int(digits[:2]) <= 12):
        raise ApiError("INVALID_CARD_EXPIRATION", "카드 유효기간(월/년)을 다시 확인해 주세요.")


def _confirm(psp: Psp, body: dict[str, Any]) -> Answer:
    bundle, orders = bundle_of(psp, text(body, "authKey"))
    order_id = text(body, "orderId")
    payment = next((order for order in orders if order["order_id"] == order_id), None)
    if payment is None:
        raise ApiError("INVALID_REQUEST", "주문번호 또는 금액이 인증한 내용과 다릅니다.")
    if payment["status"] == "READY":
        _check_code(psp, bundle, text(body, "code"))
    return psp.confirm(body, payment)


def _check_code(psp: Psp, bundle: sqlite3.Row, code: str) -> None:
    """One code for all orders of the bundle: too many wrong ones end all that are still open."""
    if secrets.compare_digest(bundle["code"].encode(), code.encode()):
        return
    key = bundle["bundle_key"]
    with psp.world.book.write() as rows:
        rows.execute("UPDATE bundle SET tries = tries + 1 WHERE bundle_key = ?", (key,))
        tries = rows.execute("SELECT tries FROM bundle WHERE bundle_key = ?", (key,)).fetchone()["tries"]
        if tries >= MOST_TRIES:
            rows.execute(
                "UPDATE payment SET status = 'ABORTED', failure = ? WHERE system = 'card'"
                " AND status = 'READY'"
                " AND order_id IN (SELECT order_id FROM bundle_order WHERE bundle_key = ?)",
                ('{"code": "EXCEED_MAX_AUTH_COUNT", "message": "인증 횟수 초과"}', key),
            )
    if tries >= MOST_TRIES:
        raise ApiError("EXCEED_MAX_AUTH_COUNT", "인증번호를 여러 번 잘못 입력했습니다.")
    raise ApiError("INVALID_AUTH_CODE", "인증번호가 일치하지 않습니다.")
