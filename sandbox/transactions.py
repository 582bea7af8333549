"""The gateway's book as it hands it to a merchant: every charge and cancellation, in the order of time."""

from __future__ import annotations

import sqlite3
from datetime import datetime
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, jsonify, request

from sandbox.errors import ApiError
from sandbox.times import SEOUL, parse
from sandbox.world import demand_basic_key

if TYPE_CHECKING:
    from sandbox.psp import Psp

MOST_ROWS = 5_000
_INDEX = "CREATE INDEX IF NOT EXISTS ledger_at ON ledger (kind, at, id)"
_PAGE = (
    "SELECT * FROM ledger WHERE kind = ? AND at >= ? AND at < ? AND (at, id) > (?, ?) ORDER BY at, id LIMIT ?"
)


def add_route(psp: Psp, blueprint: Blueprint) -> None:
    """`GET /v1/transactions?startDate&endDate&startingAfter&limit`: instants with their zone, the end
    exclusive; a page begins after the transaction whose key `startingAfter` names."""
    with psp.world.book.write() as rows:
        rows.execute(_INDEX)

    @blueprint.get("/v1/transactions")
    def transactions() -> Response:
        demand_basic_key(psp.key)
        start, end, limit = _instant("startDate"), _instant("endDate"), _limit()
        after = _place(psp, request.args.get("startingAfter", ""))
        found = psp.world.book.all(_PAGE, psp.system, start, end, *after, limit + 1)
        page = [_as_json(psp, row) for row in found[:limit]]
        return jsonify(transactions=page, hasNext=len(found) > limit)


def _instant(name: str) -> str:
    """As text that sorts with the book's: an instant of whole seconds sorts before its fractions."""
    value = request.args.get(name, "")
    if not value:
        raise ApiError("INVALID_REQUEST", f"{name} 값이 필요합니다.")
    return _text(parse(value, field=name))


def _text(instant: datetime) -> str:
    local = instant.astimezone(SEOUL).replace(tzinfo=None).isoformat()
    return f"{local.rstrip('0') if '.' in local else local}+09:00"


def _limit() -> int:
    value = request.args.get("limit", "100")
    if not (value.isascii() and value.isdigit() and 1 <= int(value) <= MOST_ROWS):
        raise ApiError("INVALID_REQUEST", f"limit 값은 1 이상 {MOST_ROWS:,} 이하의 숫자여야 합니다.")
    return int(value)


def _place(psp: Psp, key: str) -> tuple[str, int]:
    if not key:
        return "", 0
    row = psp.world.book.one(
        "SELECT at, id FROM ledger WHERE kind = ? AND transaction_key = ?", psp.system, key
    )
    if row is None:
        raise ApiError("INVALID_REQUEST", "startingAfter 값의 거래가 없습니다.")
    return str(row["at"]), int(row["id"])


def _as_json(psp: Psp, row: sqlite3.Row) -> dict[str, Any]:
    """A cancellation's amount is negative, so that a sum over the page is what was moved."""
    back = row["entry"] == "cancel"
    return {
        "mId": f"kvoucher_{psp.system}",
        "transactionKey": row["transaction_key"],
        "paymentKey": row["payment_key"],
        "orderId": row["order_id"],
        "method": psp.method,
        "status": "CANCELED" if back else "DONE",
        "transactionAt": row["at"],
        "currency": "KRW",
        "amount": -row["amount"] if back else row["amount"],
    }
