"""The payment gateway's core, as a Korean PSP offers it; card and ZeroPay differ in how a person approves.

An order is READY (approved by the person, to be confirmed), IN_PROGRESS, DONE, PARTIAL_CANCELED, CANCELED,
ABORTED or EXPIRED. Once it is ABORTED or EXPIRED no late work makes it DONE.
"""

from __future__ import annotations

import json
import sqlite3
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flask import Blueprint, Response, jsonify, request

from sandbox import behaviours, statements, transactions
from sandbox.errors import ApiError, LostAnswer
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
    respond,
    text,
    won,
)

CALLBACK_SECONDS = 0.5
LATE_CALLBACK_SECONDS = 20
CONFIRM_SECONDS = 60
PAID = ("DONE", "PARTIAL_CANCELED", "CANCELED")


@dataclass(frozen=True)
class Psp:
    world: World
    system: str
    key: str
    secret: str
    method: str

    def payment(self, order_id: str) -> sqlite3.Row | None:
        """The order as it stands now; one whose time is over has EXPIRED."""
        with self.world.book.write() as rows:
            rows.execute(
                "UPDATE payment SET status = 'EXPIRED', failure = 'EXPIRED'"
                " WHERE system = ? AND order_id = ? AND expires_at <= ?"
                " AND status IN ('READY', 'IN_PROGRESS', 'WAITING')",
                (self.system, order_id, iso(now())),
            )
            row: sqlite3.Row | None = rows.execute(
                "SELECT * FROM payment WHERE system = ? AND order_id = ?", (self.system, order_id)
            ).fetchone()
            return row

    def by_key(self, payment_key: str) -> sqlite3.Row:
        row = self.world.book.one(
            "SELECT order_id FROM payment WHERE system = ? AND payment_key = ?", self.system, payment_key
        )
        found = self.payment(row["order_id"]) if row else None
        if found is None:
            raise ApiError("NOT_FOUND_PAYMENT", "존재하지 않는 결제 정보입니다.", 404)
        return found

    # -- confirm ---------------------------------------------------------------------------------------------

    def confirm(self, body: dict[str, Any], payment: sqlite3.Row) -> Answer:
        """Take the money, or refuse, or misbehave as the order's scenario says."""
        self._check_confirmable(payment, won(body, "amount"), text(body, "orderId"))
        scenario = payment["scenario"]
        self._start(payment)
        if scenario in behaviours.DECLINES:
            code, status, message = behaviours.DECLINES[scenario]
            raise self._abort(payment, ApiError(code, message, status))
        self._fail_before_taking(payment)
        requested_at = body.get("requestedAt")
        approved_at = iso(parse(requested_at, field="requestedAt")) if requested_at else iso(now())
        self._take(payment, approved_at)
        taken = self.known(payment["order_id"])
        self._call_back(taken, scenario)
        manner = {"51": "late", "52": "lost", "59": "garbage"}.get(scenario, "plain")
        if scenario in behaviours.FIND_FAULTS:
            manner = "lost"
        return Answer(self.as_json(taken), 500 if scenario == "60" else 200, manner)

    def _check_confirmable(self, payment: sqlite3.Row, amount: int, order_id: str) -> None:
        if payment["status"] in PAID:
            raise ApiError("ALREADY_PROCESSED_PAYMENT", "이미 처리된 결제입니다.")
        if payment["status"] == "IN_PROGRESS":
            raise ApiError("IDEMPOTENT_REQUEST_PROCESSING", "이전 요청을 처리하고 있습니다.", 409)
        if payment["status"] != "READY":
            raise ApiError(
                "NOT_FOUND_PAYMENT_SESSION", "결제 시간이 지났거나 승인할 수 없는 결제입니다.", 404
            )
        if payment["amount"] != amount or payment["order_id"] != order_id:
            raise ApiError("INVALID_REQUEST", "주문번호 또는 금액이 인증한 내용과 다릅니다.")

    def _start(self, payment: sqlite3.Row) -> None:
        with self.world.book.write() as rows:
            started = rows.execute(
                "UPDATE payment SET status = 'IN_PROGRESS', expires_at = ?"
                " WHERE payment_key = ? AND status = 'READY'",
                (iso(now() + timedelta(seconds=CONFIRM_SECONDS)), payment["payment_key"]),
            )
            if started.rowcount != 1:
                raise ApiError("IDEMPOTENT_REQUEST_PROCESSING", "이전 요청을 처리하고 있습니다.", 409)

    def _fail_before_taking(self, payment: sqlite3.Row) -> None:
        scenario = payment["scenario"]
        failure = ApiError("FAILED_INTERNAL_SYSTEM_PROCESSING", "내부 시스템 처리에 실패했습니다.", 500)
        if scenario == "58":
            time.sleep(SLOW_SECONDS)
        elif scenario == "50":
            time.sleep(HANG_SECONDS)
            self._abort(payment, failure)
            raise LostAnswer
        elif scenario == "56":
            raise self._abort(payment, failure)
        elif scenario == "57" and not payment["stumbled"]:
            with self.world.book.write() as rows:
                rows.execute(
                    "UPDATE payment SET status = 'READY', stumbled = 1 WHERE payment_key = ?",
                    (payment["payment_key"],),
                )
            raise failure
        elif scenario == "61":
            self._abort(payment, failure)
            raise LostAnswer

    def _abort(self, payment: sqlite3.Row, error: ApiError) -> ApiError:
        failure = json.dumps({"code": error.code, "message": error.message}, ensure_ascii=False)
        with self.world.book.write() as rows:
            rows.execute(
                "UPDATE payment SET status = 'ABORTED', failure = ? WHERE payment_key = ?",
                (failure, payment["payment_key"]),
            )
        return error

    def _take(self, payment: sqlite3.Row, approved_at: str) -> None:
        try:
            with self.world.book.write() as rows:
                if payment["own_share"]:
                    _draw(rows, payment["wallet_id"], payment["own_share"])
                rows.execute(
                    "UPDATE payment SET status = 'DONE', approved_at = ?, approve_no = ?"
                    " WHERE payment_key = ?",
                    (approved_at, new_code() + new_code()[:2], payment["payment_key"]),
                )
                _enter(
                    rows,
                    self.system,
                    "charge",
                    payment,
                    payment["payment_key"],
                    payment["amount"],
                    approved_at,
                )
        except ApiError as error:
            raise self._abort(payment, error) from None

    def known(self, order_id: str) -> sqlite3.Row:
        row = self.payment(order_id)
        if row is None:
            raise LookupError(order_id)
        return row

    # -- cancel ----------------------------------------------------------------------------------------------

    def cancel(self, body: dict[str, Any], payment: sqlite3.Row) -> Answer:
        scenario = payment["scenario"]
        if scenario in behaviours.CANCEL_DECLINES:
            code, status, message = behaviours.CANCEL_DECLINES[scenario]
            raise ApiError(code, message, status)
        if scenario == "80":
            time.sleep(HANG_SECONDS)
            raise LostAnswer
        if scenario == "83":
            raise ApiError("FAILED_INTERNAL_SYSTEM_PROCESSING", "내부 시스템 처리에 실패했습니다.", 500)
        self._give_back(body, payment)
        cancelled = self.known(payment["order_id"])
        self._call_back(cancelled, "")
        manner = {"81": "late", "82": "lost", "84": "garbage"}.get(scenario, "plain")
        if scenario in behaviours.CANCEL_FIND_FAULTS:
            manner = "lost"
        return Answer(self.as_json(cancelled), 200, manner)

    def _give_back(self, body: dict[str, Any], payment: sqlite3.Row) -> None:
        reason = text(body, "cancelReason")
        at = body.get("requestedAt")
        canceled_at = iso(parse(at, field="requestedAt")) if at else iso(now())
        with self.world.book.write() as rows:
            fresh = rows.execute(
                "SELECT * FROM payment WHERE payment_key = ?", (payment["payment_key"],)
            ).fetchone()
            if fresh["status"] == "CANCELED":
                raise ApiError("ALREADY_CANCELED_PAYMENT", "이미 취소된 결제입니다.")
            if fresh["status"] not in PAID:
                raise ApiError("NOT_CANCELABLE_PAYMENT", "취소할 수 없는 결제입니다.", 403)
            left = fresh["amount"] - _cancelled(rows, fresh["payment_key"])
            amount = won(body, "cancelAmount") if "cancelAmount" in body else left
            if amount > left:
                raise ApiError("NOT_CANCELABLE_AMOUNT", "취소할 수 있는 금액을 넘었습니다.", 403)
            key = new_id("txc_")
            rows.execute(
                "INSERT INTO cancel VALUES (?, ?, ?, ?, ?)",
                (key, fresh["payment_key"], amount, reason, canceled_at),
            )
            status = "CANCELED" if amount == left else "PARTIAL_CANCELED"
            rows.execute(
                "UPDATE payment SET status = ? WHERE payment_key = ?", (status, fresh["payment_key"])
            )
            _return_share(rows, fresh, before=fresh["amount"] - left, after=fresh["amount"] - left + amount)
            _enter(rows, self.system, "cancel", fresh, key, amount, canceled_at)

    # -- what is told ----------------------------------------------------------------------------------------

    def as_json(self, payment: sqlite3.Row) -> dict[str, Any]:
        cancels = self.world.book.all(
            "SELECT * FROM cancel WHERE payment_key = ? ORDER BY rowid", payment["payment_key"]
        )
        gone, left = 0, payment["amount"]
        told = []
        for row in cancels:
            gone += row["amount"]
            told.append(
                {
                    "cancelAmount": row["amount"],
                    "cancelReason": row["reason"],
                    "transactionKey": row["transaction_key"],
                    "canceledAt": row["canceled_at"],
                    "refundableAmount": left - gone,
                    "cancelStatus": "DONE",
                }
            )
        return {
            "version": "2022-11-16",
            "mId": f"kvoucher_{self.system}",
            "paymentKey": payment["payment_key"],
            "lastTransactionKey": told[-1]["transactionKey"] if told else payment["payment_key"],
            "orderId": payment["order_id"],
            "orderName": payment["order_name"],
            "status": "READY" if payment["status"] == "WAITING" else payment["status"],
            "requestedAt": payment["requested_at"],
            "approvedAt": payment["approved_at"],
            "approveNo": payment["approve_no"],
            "method": self.method,
            "currency": "KRW",
            "totalAmount": left,
            "balanceAmount": left - gone,
            "isPartialCancelable": True,
            "cancels": told or None,
            "failure": _failure(payment),
            **self._instrument(payment),
        }

    def _instrument(self, payment: sqlite3.Row) -> dict[str, Any]:
        if self.system == "card":
            return {
                "card": {"number": f"************{payment['last4']}", "issuerCode": "41", "cardType": "체크"}
            }
        return {
            "easyPay": {"provider": "제로페이", "amount": payment["amount"], "walletId": payment["wallet_id"]}
        }

    def _found(self, payment: sqlite3.Row) -> Answer:
        """The order, unless its scenario misbehaves the first times that it is asked for."""
        fault = self._fault_of_find(payment)
        if fault == "hang":
            time.sleep(HANG_SECONDS)
            raise LostAnswer
        if fault == "500":
            raise ApiError("FAILED_INTERNAL_SYSTEM_PROCESSING", "내부 시스템 처리에 실패했습니다.", 500)
        if fault == "missing":
            raise ApiError("NOT_FOUND_PAYMENT", "존재하지 않는 결제 정보입니다.", 404)
        return Answer(self.as_json(payment), 200, "garbage" if fault == "garbage" else "plain")

    def _fault_of_find(self, payment: sqlite3.Row) -> str:
        after = behaviours.FIND_FAULTS if payment["status"] == "DONE" else {}
        if payment["status"] == "CANCELED":
            after = behaviours.CANCEL_FIND_FAULTS
        if payment["scenario"] not in after:
            return ""
        kind, times, _ = after[payment["scenario"]]
        with self.world.book.write() as rows:
            counted = rows.execute(
                "UPDATE payment SET stumbled = stumbled + 1 WHERE payment_key = ? AND stumbled < ?",
                (payment["payment_key"], times),
            )
            return kind if counted.rowcount else ""

    def _call_back(self, payment: sqlite3.Row, scenario: str) -> None:
        event = {
            "eventId": new_id("evt_"),
            "eventType": "PAYMENT_STATUS_CHANGED",
            "createdAt": iso(now()),
            "data": self.as_json(payment),
        }
        courier = self.world.courier
        if scenario == "55":
            courier.send_now(system=self.system, secret=self.secret, event=event)
            return
        after = LATE_CALLBACK_SECONDS if scenario == "54" else CALLBACK_SECONDS
        times = 2 if scenario == "53" else 1
        courier.send(system=self.system, secret=self.secret, event=event, after=after, times=times)

    def add_routes(self, blueprint: Blueprint) -> None:
        """The calls that card and ZeroPay share to the letter: query by order id, cancel, transactions, and
        the daily file."""
        transactions.add_route(self, blueprint)
        statements.add_route(self, blueprint)

        @blueprint.get("/v1/payments/orders/<order_id>")
        def find(order_id: str) -> Response:
            demand_basic_key(self.key)
            payment = self.payment(order_id)
            if payment is None:
                raise ApiError("NOT_FOUND_PAYMENT", "존재하지 않는 결제 정보입니다.", 404)
            return respond(self._found(payment))

        @blueprint.post("/v1/payments/<payment_key>/cancel")
        def cancel(payment_key: str) -> Response:
            demand_basic_key(self.key)
            body = json_body()
            return answer_once(
                self.world, self.system, body, lambda: self.cancel(body, self.by_key(payment_key))
            )


def ledger(world: World) -> Response:
    """`GET /__ledger?kind=card|zeropay&after=N`: every charge and cancellation, but for the first N lines of
    the book, to compare books."""
    kind, after = request.args.get("kind"), request.args.get("after", 0, type=int)
    sought = "SELECT * FROM ledger WHERE (? IS NULL OR kind = ?) AND id > ? ORDER BY id"
    lines = world.book.all(sought, kind, kind, after)
    return jsonify([{_camel(name): row[name] for name in row.keys() if name != "id"} for row in lines])


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.title() for part in rest)


def _failure(payment: sqlite3.Row) -> dict[str, str] | None:
    if payment["failure"] == "EXPIRED":
        return {"code": "EXPIRED", "message": "결제 시간이 지났습니다."}
    failure: dict[str, str] | None = json.loads(payment["failure"]) if payment["failure"] else None
    return failure


def _cancelled(rows: sqlite3.Connection, payment_key: str) -> int:
    sums = "SELECT coalesce(sum(amount), 0) FROM cancel WHERE payment_key = ?"
    return int(rows.execute(sums, (payment_key,)).fetchone()[0])


def _enter(
    rows: sqlite3.Connection, kind: str, entry: str, payment: sqlite3.Row, key: str, amount: int, at: str
) -> None:
    rows.execute(
        "INSERT INTO ledger (kind, entry, order_id, payment_key, transaction_key, amount, at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (kind, entry, payment["order_id"], payment["payment_key"], key, amount, at),
    )


def _draw(rows: sqlite3.Connection, wallet_id: str, amount: int) -> None:
    drawn = rows.execute(
        "UPDATE wallet SET balance = balance - ? WHERE wallet_id = ? AND balance >= ?",
        (amount, wallet_id, amount),
    )
    if drawn.rowcount != 1:
        raise ApiError("NOT_ENOUGH_BALANCE", "상품권 잔액이 부족합니다.")


def _return_share(rows: sqlite3.Connection, payment: sqlite3.Row, *, before: int, after: int) -> None:
    """Give the wallet its part of what was cancelled; all parts together meet the share exactly."""
    if payment["own_share"]:
        share, amount = payment["own_share"], payment["amount"]
        part = share * after // amount - share * before // amount
        back = "UPDATE wallet SET balance = balance + ? WHERE wallet_id = ?"
        rows.execute(back, (part, payment["wallet_id"]))
