"""A session that nobody uses ends after 30 minutes of real time, with a warning and '연장' (R-AUD-1)."""

from __future__ import annotations

from flask import Blueprint, Flask, current_app, flash, jsonify, redirect, request, url_for
from flask import session as cookie
from flask.typing import ResponseReturnValue
from flask_login import current_user, logout_user

from app.clock import real_now

IDLE_MINUTES = 30
WARNING_SECONDS = 120
SEEN = "_seen_at"
ENDED = "{}분 동안 이용이 없어 자동으로 로그아웃되었습니다. 다시 로그인해 주세요."

blueprint = Blueprint("web", __name__)


def _now() -> int:
    return int(real_now().timestamp())


def idle_limit() -> int:
    """Seconds without a request after which a session ends."""
    return int(current_app.config.get("IDLE_MINUTES", IDLE_MINUTES)) * 60


def remaining_seconds() -> int:
    return max(int(cookie.get(SEEN, _now())) + idle_limit() - _now(), 0)


def timer() -> dict[str, int] | None:
    """What the header's clock counts down from; None for those who are not logged in."""
    if not current_user.is_authenticated:
        return None
    return {"remaining": remaining_seconds(), "warning": WARNING_SECONDS}


def login_url(next_address: str | None = None) -> str:
    view: str | None = getattr(getattr(current_app, "login_manager", None), "login_view", None)
    if not view:
        return "/login"
    return url_for(view, next=next_address) if next_address else url_for(view)


def _is_background() -> bool:
    """A poll of the page is no sign of a person."""
    return "X-Background" in request.headers


def _is_file() -> bool:
    return request.endpoint is None or request.endpoint == "static" or request.endpoint.endswith(".static")


def end_when_idle() -> ResponseReturnValue | None:
    if _is_file() or not current_user.is_authenticated:
        return None
    if SEEN in cookie and remaining_seconds() == 0:
        return _end()
    if not _is_background():
        cookie[SEEN] = _now()
    return None


def _end() -> ResponseReturnValue:
    logout_user()
    cookie.clear()
    flash(ENDED.format(idle_limit() // 60), "warning")
    target = login_url(request.full_path.rstrip("?") if request.method == "GET" else None)
    if "HX-Request" in request.headers:
        return "", 401, {"HX-Redirect": target}
    if request.endpoint == "web.extend":
        return jsonify(error="session_ended", login=target), 401
    return redirect(target)


@blueprint.post("/session/extend")
def extend() -> ResponseReturnValue:
    """'연장': having come here is the extension."""
    if not current_user.is_authenticated:
        return jsonify(error="session_ended", login=login_url()), 401
    return jsonify(remaining=remaining_seconds())


def init_app(app: Flask) -> None:
    app.before_request(end_when_idle)
