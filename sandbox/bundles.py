"""Bundles: the orders that a person approves together, by one code or in one window; each is paid alone."""

from __future__ import annotations

import sqlite3
from datetime import timedelta
from typing import Any

from sandbox.errors import ApiError
from sandbox.psp import PAID, Psp
from sandbox.times import iso, now
from sandbox.world import new_id, text, won

MINIMUM_WON = 100
MOST_ORDERS = 10


def open_bundle(
    psp: Psp,
    body: dict[str, Any],
    *,
    prefix: str,
    valid: timedelta,
    code: str = "",
    return_url: str = "",
    **common: Any,
) -> str:
    """Put the body's orders into the book, all or none. Returns the key of their bundle.

    `common` holds what the orders have in common; an order that is opened again leaves its earlier bundle.
    """
    orders = _orders(psp, body)
    bundle_key, opened_at = new_id(prefix), now()
    times = {"requested_at": iso(opened_at), "expires_at": iso(opened_at + valid)}
    with psp.world.book.write() as rows:
        _insert(rows, "bundle", {"bundle_key": bundle_key, "code": code, "return_url": return_url})
        for order in orders:
            key = {"system": psp.system, "payment_key": new_id("pay_")}
            _insert(rows, "payment", {**key, **times, **order, **common})
            member = {"system": psp.system, "order_id": order["order_id"], "bundle_key": bundle_key}
            _insert(rows, "bundle_order", member)
    return bundle_key


def bundle_of(psp: Psp, bundle_key: str) -> tuple[sqlite3.Row, list[sqlite3.Row]]:
    """A bundle and its orders as they stand now, in the order in which they were given."""
    bundle = psp.world.book.one("SELECT * FROM bundle WHERE bundle_key = ?", bundle_key)
    members = psp.world.book.all(
        "SELECT order_id FROM bundle_order WHERE system = ? AND bundle_key = ? ORDER BY rowid",
        psp.system,
        bundle_key,
    )
    if bundle is None or not members:
        raise ApiError("NOT_FOUND_PAYMENT", "존재하지 않는 결제 정보입니다.", 404)
    return bundle, [psp.known(row["order_id"]) for row in members]


def _orders(psp: Psp, body: dict[str, Any]) -> list[dict[str, Any]]:
    given = body.get("orders")
    if not isinstance(given, list) or not 1 <= len(given) <= MOST_ORDERS:
        raise ApiError("INVALID_REQUEST", f"orders는 1건 이상 {MOST_ORDERS}건 이하의 목록이어야 합니다.")
    if not all(isinstance(each, dict) for each in given):
        raise ApiError("INVALID_REQUEST", "orders의 주문은 JSON 객체여야 합니다.")
    orders = [_order(psp, each) for each in given]
    if len({order["order_id"] for order in orders}) != len(orders):
        raise ApiError("INVALID_REQUEST", "같은 orderId가 두 번 있습니다.")
    return orders


def _order(psp: Psp, given: dict[str, Any]) -> dict[str, Any]:
    """One order as the book keeps it; a paid one is never opened again."""
    order_id, amount = text(given, "orderId"), won(given, "amount")
    if not 6 <= len(order_id) <= 64:
        raise ApiError("INVALID_REQUEST", "orderId 길이는 6자 이상 64자 이하여야 합니다.")
    if amount < MINIMUM_WON:
        raise ApiError("BELOW_MINIMUM_AMOUNT", "최소 결제 금액보다 적습니다.")
    own_share = won(given, "ownShare") if given.get("ownShare") else 0
    if own_share > amount:
        raise ApiError("INVALID_REQUEST", "ownShare 값이 결제 금액보다 큽니다.")
    known = psp.payment(order_id)
    if known is not None and (known["status"] in PAID or known["status"] == "IN_PROGRESS"):
        raise ApiError("ALREADY_PROCESSED_PAYMENT", "이미 처리된 결제입니다.")
    name = text(given, "orderName")
    return {"order_id": order_id, "order_name": name, "amount": amount, "own_share": own_share}


def _insert(rows: sqlite3.Connection, table: str, values: dict[str, Any]) -> None:
    names, marks = ", ".join(values), ", ".join("?" * len(values))
    rows.execute(f"INSERT OR REPLACE INTO {table} ({names}) VALUES ({marks})", tuple(values.values()))  # noqa: S608
