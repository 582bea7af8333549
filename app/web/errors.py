"""Every refusal and every failure as a Korean page that says what happened and what to do."""

from __future__ import annotations

import logging
from math import ceil
from typing import NamedTuple

from flask import Flask, flash, jsonify, make_response, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from app import clock
from app.errors import Refusal
from app.web.limits import limiter

log = logging.getLogger(__name__)


class Message(NamedTuple):
    title: str
    text: str
    advice: str


CSRF = Message(
    "요청을 확인할 수 없습니다",
    "화면을 연 지 오래되었거나 다른 창에서 로그아웃하여 요청을 처리하지 않았습니다. 변경된 내용은 없습니다.",
    "이전 화면으로 돌아가 새로고침한 뒤 다시 시도해 주세요.",
)
MESSAGES = {
    400: Message(
        "잘못된 요청입니다",
        "요청한 내용을 이해할 수 없습니다.",
        "입력한 내용을 확인한 뒤 다시 시도해 주세요.",
    ),
    401: Message(
        "로그인이 필요합니다", "로그인한 뒤 이용할 수 있는 화면입니다.", "로그인 화면에서 로그인해 주세요."
    ),
    403: Message(
        "이 화면을 볼 권한이 없습니다",
        "로그인한 계정으로는 이용할 수 없는 화면입니다.",
        "다른 계정으로 로그인하거나 소속 기관의 관리자에게 문의해 주세요.",
    ),
    404: Message(
        "찾으시는 화면이 없습니다",
        "주소가 잘못되었거나, 화면이 옮겨졌거나 없어졌습니다.",
        "주소를 확인하거나 첫 화면에서 메뉴를 이용해 주세요.",
    ),
    405: Message(
        "이 방법으로는 열 수 없는 화면입니다",
        "새로고침이나 주소 직접 입력으로는 열리지 않는 화면입니다.",
        "메뉴에서 다시 들어와 주세요.",
    ),
    413: Message(
        "파일이 너무 큽니다",
        "등록 가능한 파일 용량을 초과하였습니다.",
        "20MB 미만의 파일로 다시 등록해 주세요.",
    ),
    429: Message(
        "요청이 너무 많습니다",
        "짧은 시간에 여러 번 시도하여 잠시 이용이 제한되었습니다.",
        "1분 뒤에 다시 시도해 주세요.",
    ),
    500: Message(
        "일시적인 오류가 발생했습니다",
        "처리 중 문제가 생겨 요청을 마치지 못했습니다. 변경된 내용은 저장되지 않았습니다.",
        "잠시 뒤 다시 시도해 주세요. 계속되면 고객센터로 알려 주세요.",
    ),
}
REFUSED = {
    403: "이 작업을 할 수 없습니다",
    404: "찾으시는 내용이 없습니다",
    409: "지금은 처리할 수 없습니다",
    422: "입력한 내용을 확인해 주세요",
}
PROGRAMS = "/api/"
"""Below it programs ask: they are answered in the form of the interface, whatever they accept."""
TO_PROGRAMS = {
    404: "이 주소는 없습니다. 경로를 확인해 주세요.",
    405: "이 주소에서 받지 않는 메서드입니다. Allow 헤더의 메서드로 보내 주세요.",
}
REFUSAL_ADVICE = "이전 화면으로 돌아가 현재 상태를 확인해 주세요."


def wants_json() -> bool:
    best = request.accept_mimetypes.best_match(["text/html", "application/json"], default="text/html")
    return best == "application/json" or request.is_json


def _answer(status: int, message: Message, *, code: str = "") -> ResponseReturnValue:
    if wants_json():
        return jsonify(error=code or str(status), text=f"{message.text} {message.advice}"), status
    if "HX-Request" in request.headers:
        # A fragment of the page failed: say so above the content instead of swapping the fragment away.
        target = {"HX-Retarget": "#flash", "HX-Reswap": "innerHTML"}
        return render_template("errors/fragment.html", message=message), status, target
    template = "errors/plain.html" if status >= 500 else "errors/error.html"
    return render_template(template, status=status, message=message), status


def refuse(refusal: Refusal) -> ResponseReturnValue:
    title = REFUSED.get(refusal.status, REFUSED[409])
    return _answer(refusal.status, Message(title, refusal.text, REFUSAL_ADVICE), code=refusal.code)


def refused(refusal: Refusal, *, to: str) -> ResponseReturnValue:
    """For a POST that no form page answers: say why on the page it came from."""
    flash(refusal.text, "danger")
    return redirect(to)


def _csrf(_error: CSRFError) -> ResponseReturnValue:
    return _answer(400, CSRF, code="csrf")


def _http(error: HTTPException) -> ResponseReturnValue:
    status = error.code or 500
    if status < 400 or error.response is not None:
        return error
    if request.path.startswith(PROGRAMS):
        return _to_program(error, status)
    if status == 429 and limiter.current_limit is not None:
        return _too_often(limiter.current_limit.window.reset_time)
    return _answer(status, MESSAGES.get(status, MESSAGES[500 if status >= 500 else 400]))


def _to_program(error: HTTPException, status: int) -> ResponseReturnValue:
    text = TO_PROGRAMS.get(status, "요청을 처리하지 못했습니다. 요청을 확인한 뒤 다시 보내 주세요.")
    response = jsonify(code=f"api.http_{status}", message=text)
    response.status_code = status
    if isinstance(error, MethodNotAllowed):
        response.headers["Allow"] = ", ".join(sorted(error.valid_methods or ()))
    return response


def _too_often(until: float) -> ResponseReturnValue:
    """How long to wait: an hour's limit asks for more patience than a minute's. `until`: epoch seconds."""
    seconds = max(1, ceil(until - clock.real_now().timestamp()))
    wait = f"{seconds}초" if seconds <= 60 else f"{ceil(seconds / 60)}분"
    advice = f"{wait} 뒤에 다시 시도해 주세요. 이번 요청으로 변경된 내용은 없습니다."
    response = make_response(_answer(429, MESSAGES[429]._replace(advice=advice)))
    response.headers["Retry-After"] = str(seconds)
    return response


def _bug(_error: Exception) -> ResponseReturnValue:
    """Flask has logged the trace; the page uses no layout, since the layout may be what failed."""
    return _answer(500, MESSAGES[500])


def init_app(app: Flask) -> None:
    app.register_error_handler(Refusal, refuse)
    app.register_error_handler(CSRFError, _csrf)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(500, _bug)
