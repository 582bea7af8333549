"""Puts the seven systems and their pages under one port."""

from __future__ import annotations

import logging
import socket

from flask import Flask, Response, jsonify, render_template, request
from werkzeug.exceptions import HTTPException

from sandbox import bank, card, identity, mail, sms, tax, zeropay
from sandbox.errors import ApiError, LostAnswer
from sandbox.numbers import test_numbers
from sandbox.psp import ledger
from sandbox.world import World

log = logging.getLogger("sandbox")

HTML_PATHS = ("/zeropay/checkout/", "/zeropay/wallets", "/card/branch", "/bank/results/")
CSP = "default-src 'self'; img-src 'self' data:; frame-ancestors 'self'; base-uri 'none'"
MOST_BYTES = 8 * 1024 * 1024


def create_app(world: World) -> Flask:
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = MOST_BYTES
    for module in (identity, tax, card, zeropay, sms, bank, mail):
        app.register_blueprint(module.blueprint(world))
    app.add_url_rule("/__ledger", view_func=lambda: ledger(world), endpoint="ledger")
    app.add_url_rule("/", view_func=_index, endpoint="index")
    app.add_url_rule("/__health", view_func=lambda: jsonify(ok=True), endpoint="health")
    app.add_template_filter(lambda amount: f"{amount:,}원", "won")
    app.register_error_handler(ApiError, _refuse)
    app.register_error_handler(LostAnswer, _hang_up)
    app.register_error_handler(Exception, _break)
    app.after_request(_harden)
    return app


def _index() -> str:
    return render_template("index.html", tables=[*test_numbers(), *mail.tables()])


def _is_page() -> bool:
    return request.path.startswith(HTML_PATHS) or request.path in ("/", "/bank/", "/messages", "/mails")


def _refuse(error: ApiError) -> tuple[Response | str, int]:
    if _is_page():
        return render_template("error.html", message=error.message, code=error.code), error.status
    return jsonify(code=error.code, message=error.message), error.status


def _hang_up(error: LostAnswer) -> Response:
    """Close the connection under the answer: the caller sees it end without a byte."""
    connection = request.environ.get("werkzeug.socket")
    if connection is not None:
        connection.shutdown(socket.SHUT_RDWR)
    return Response(status=500)


def _break(error: Exception) -> tuple[Response, int] | HTTPException:
    if isinstance(error, HTTPException):
        return error
    # No body, no query: they may hold what must never be logged.
    log.error("%s %s failed: %s", request.method, request.path, type(error).__name__)
    return jsonify(code="UNKNOWN_PAYMENT_ERROR", message="알 수 없는 오류가 났습니다."), 500


def _harden(response: Response) -> Response:
    response.headers["Content-Security-Policy"] = CSP
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = "no-store"
    return response
