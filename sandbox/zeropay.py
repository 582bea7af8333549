"""ZeroPay, played: the wallet of certificates with its virtual account, and ZeroPay's own payment window."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import sqlite3
import time
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

from flask import Blueprint, Response, jsonify, redirect, render_template, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from sandbox import behaviours
from sandbox.bundles import bundle_of, open_bundle
from sandbox.errors import ApiError
from sandbox.psp import Psp
from sandbox.times import iso, now
from sandbox.world import Answer, World, answer_once, demand_basic_key, json_body, new_id, text, won

CHECKOUT_MINUTES = 10
CONFIRM_MINUTES = 3
CANCELED_BY_PERSON = '{"code": "PAY_PROCESS_CANCELED", "message": "고객 취소"}'


def blueprint(world: World) -> Blueprint:
    keys = world.keys
    psp = Psp(world=world, system="zeropay", key=keys.zeropay, secret=keys.zeropay_secret, method="제로페이")
    routes = Blueprint("zeropay", __name__, url_prefix="/zeropay")
    _add_wallet_routes(routes, world)
    _add_deposit_pages(routes, world)
    _add_order_routes(routes, psp)
    _add_checkout_pages(routes, psp)
    psp.add_routes(routes)
    return routes


def _add_wallet_routes(routes: Blueprint, world: World) -> None:
    @routes.post("/v1/wallets")
    def open_wallet() -> Response:
        demand_basic_key(world.keys.zeropay)
        body = json_body()
        return answer_once(world, "zeropay", body, lambda: Answer(_open_wallet(world, body)))

    @routes.get("/v1/wallets/<wallet_id>")
    def show_wallet(wallet_id: str) -> Response:
        demand_basic_key(world.keys.zeropay)
        return jsonify(_wallet_json(_wallet(world, wallet_id)))

    @routes.post("/v1/wallets/<wallet_id>/deposits")
    def deposit(wallet_id: str) -> Response:
        demand_basic_key(world.keys.zeropay)
        _deposit(world, wallet_id, won(json_body(), "amount"))
        return jsonify(_wallet_json(_wallet(world, wallet_id)))


def _add_deposit_pages(routes: Blueprint, world: World) -> None:
    @routes.get("/wallets")
    def wallets() -> str:
        rows = world.book.all("SELECT * FROM wallet ORDER BY rowid DESC")
        return render_template("wallets.html", wallets=rows)

    @routes.post("/wallets/<wallet_id>")
    def deposit_by_hand(wallet_id: str) -> AnyResponse:
        digits = request.form.get("amount", "").replace(",", "").strip()
        if not (digits.isascii() and digits.isdigit() and 0 < int(digits) <= 100_000_000):
            raise ApiError("INVALID_REQUEST", "입금액은 1원 이상 1억 원 이하의 숫자로 입력해 주세요.")
        _deposit(world, wallet_id, int(digits))
        return redirect(url_for("zeropay.wallets"), 303)


def _open_wallet(world: World, body: dict[str, Any]) -> dict[str, Any]:
    """One wallet per reference: asking again with another key finds the first."""
    reference, holder = text(body, "reference"), text(body, "holderName")
    wallet_id, account = new_id("zpw_"), f"9{secrets.randbelow(10**12):012d}"
    with world.book.write() as rows:
        rows.execute(
            "INSERT INTO wallet (wallet_id, reference, holder_name, account) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (reference) DO NOTHING",
            (wallet_id, reference, holder, account),
        )
        row = rows.execute("SELECT * FROM wallet WHERE reference = ?", (reference,)).fetchone()
    return _wallet_json(row)


def _wallet(world: World, wallet_id: str) -> sqlite3.Row:
    row = world.book.one("SELECT * FROM wallet WHERE wallet_id = ?", wallet_id)
    if row is None:
        raise ApiError("NOT_FOUND_WALLET", "존재하지 않는 상품권 지갑입니다.", 404)
    return row


def _deposit(world: World, wallet_id: str, amount: int) -> None:
    _wallet(world, wallet_id)
    with world.book.write() as rows:
        rows.execute("UPDATE wallet SET balance = balance + ? WHERE wallet_id = ?", (amount, wallet_id))


def _wallet_json(row: sqlite3.Row) -> dict[str, Any]:
    return {
        "walletId": row["wallet_id"],
        "reference": row["reference"],
        "virtualAccount": {
            "bankCode": "011",
            "bankName": "농협은행",
            "number": row["account"],
            "holderName": row["holder_name"],
        },
        "balance": row["balance"],
    }


def _add_order_routes(routes: Blueprint, psp: Psp) -> None:
    @routes.post("/v1/orders")
    def order() -> Response:
        demand_basic_key(psp.key)
        body = json_body()
        return answer_once(psp.world, psp.system, body, lambda: Answer(_order(psp, body)))

    @routes.post("/v1/payments/confirm")
    def confirm() -> Response:
        demand_basic_key(psp.key)
        body = json_body()
        return answer_once(
            psp.world, psp.system, body, lambda: psp.confirm(body, psp.by_key(text(body, "paymentKey")))
        )


def _order(psp: Psp, body: dict[str, Any]) -> dict[str, Any]:
    return_url = text(body, "returnUrl")
    if urlsplit(return_url).scheme not in ("http", "https"):
        raise ApiError("INVALID_REQUEST", "returnUrl 값은 http(s) 주소여야 합니다.")
    wallet = _wallet(psp.world, text(body, "walletReference"))
    valid = timedelta(minutes=CHECKOUT_MINUTES)
    window = open_bundle(
        psp,
        body,
        prefix="win_",
        valid=valid,
        return_url=return_url,
        status="WAITING",
        wallet_id=wallet["wallet_id"],
    )
    return {
        "checkoutUrl": f"{psp.world.base_url()}/zeropay/checkout/{window}",
        "expiresAt": iso(now() + valid),
    }


def _add_checkout_pages(routes: Blueprint, psp: Psp) -> None:
    @routes.get("/checkout/<window>")
    def checkout(window: str) -> str:
        return _window(psp, window)

    @routes.post("/checkout/<window>")
    def press(window: str) -> AnyResponse | tuple[str, int]:
        bundle, orders = bundle_of(psp, window)
        waiting = [order for order in orders if order["status"] == "WAITING"]
        if not waiting:
            return _window(psp, window), 409
        if request.form.get("press") == "cancel":
            _settle_window(psp, waiting, "ABORTED", failure=CANCELED_BY_PERSON)
            return redirect(_way_back(psp, bundle["return_url"], waiting, "CANCELED"), 303)
        typed = request.form.get("password", "")
        if not (len(typed) == 6 and typed.isascii() and typed.isdigit()):
            return _window(psp, window, error="결제 비밀번호는 숫자 여섯 자리입니다."), 422
        _settle_window(psp, waiting, "READY", scenario=behaviours.of_password(typed))
        return redirect(_way_back(psp, bundle["return_url"], waiting, "SUCCESS"), 303)


def _window(psp: Psp, window: str, error: str = "") -> str:
    _, orders = bundle_of(psp, window)
    waiting = [order for order in orders if order["status"] == "WAITING"]
    wallet = _wallet(psp.world, orders[0]["wallet_id"])
    return render_template(
        "checkout.html",
        orders=waiting,
        total=sum(order["amount"] for order in waiting),
        own_share=sum(order["own_share"] for order in waiting),
        wallet=wallet,
        error=error,
    )


def _settle_window(
    psp: Psp, orders: list[sqlite3.Row], status: str, *, scenario: str = "", failure: str | None = None
) -> None:
    """What was pressed first counts; a second tab finds the window closed."""
    until = iso(now() + timedelta(minutes=CONFIRM_MINUTES))
    with psp.world.book.write() as rows:
        for order in orders:
            changed = rows.execute(
                "UPDATE payment SET status = ?, scenario = ?, failure = ?, expires_at = ?"
                " WHERE payment_key = ? AND status = 'WAITING'",
                (status, scenario, failure, until, order["payment_key"]),
            )
            if changed.rowcount != 1:
                raise ApiError("ALREADY_PROCESSED_PAYMENT", "이미 처리된 결제입니다.")


def _way_back(psp: Psp, return_url: str, orders: list[sqlite3.Row], result: str) -> str:
    """The return address with a signature over all that it says, so that nobody can make it up."""
    said = {
        "orderIds": ",".join(order["order_id"] for order in orders),
        "paymentKeys": ",".join(order["payment_key"] for order in orders),
        "amounts": ",".join(str(order["amount"]) for order in orders),
        "result": result,
        "timestamp": str(int(time.time())),
    }
    signature = hmac.new(psp.secret.encode(), "|".join(said.values()).encode(), hashlib.sha256).hexdigest()
    joint = "&" if urlsplit(return_url).query else "?"
    return f"{return_url}{joint}{urlencode({**said, 'signature': signature})}"
