"""The demonstration: its own time in the banner, and the programme that fills it (R-TIME-7).

Registered only where DEMO is on; config.py refuses that in production.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, Flask, flash, redirect, request
from flask.typing import ResponseReturnValue
from flask_login import current_user

from app import clock, policy
from app.access import needs
from app.errors import InvalidInput, Refusal
from app.policy import Actor, Permission
from app.web.confirm import ask
from app.workflows import demonstration

blueprint = Blueprint("demo", __name__)

QUESTIONS = {
    "hour": "시연 시각을 한 시간 앞으로 옮길까요?",
    "day": "시연 시각을 하루 앞으로 옮길까요?",
    demonstration.NEXT_DEADLINE: "시연 시각을 다음 기한으로 옮길까요?",
}
NOT_YET = "시연 자료를 준비하고 있습니다. 잠시 뒤 새로고침해 주세요."
"""The first start fills the demonstration while the web comes up: nobody sees half of it."""
CONSEQUENCE = "시각은 되돌릴 수 없으며, 지나간 기한의 거래와 바우처는 바로 처리됩니다."


def _person() -> Actor:
    """Anybody may move a demonstration's time; who it was is recorded where it is known."""
    return current_user.actor if current_user.is_authenticated else policy.CLOCK


def _banner() -> dict[str, Any]:
    return {"now": clock.now(), "can_move": True, "next_deadline": demonstration.next_deadline()}


@blueprint.before_app_request
def _live_in_the_demonstration() -> ResponseReturnValue | None:
    if request.endpoint == "static":
        return None
    if not demonstration.has_begun():
        return NOT_YET, 503, {"Retry-After": "5", "Content-Type": "text/plain; charset=utf-8"}
    demonstration.set_process_clock()
    return None


@blueprint.post("/demo/clock")
@needs(Permission.PUBLIC)
def move() -> ResponseReturnValue:
    step = request.form.get("by", "")
    if step not in QUESTIONS:
        raise InvalidInput("demonstration.step", "옮길 시간을 골라 주세요.")
    back = _back()
    question = ask(question=QUESTIONS[step], consequence=CONSEQUENCE, label="앞으로 옮기기", cancel_url=back)
    if question is not None:
        return question
    try:
        moved = demonstration.move(actor=_person(), step=step)
    except Refusal as refusal:
        flash(refusal.text, "danger")
    else:
        flash(f"시연 시각을 {clock.write_day(moved.date())} {moved:%H시 %M분}으로 옮겼습니다.", "success")
    return redirect(back)


def _back() -> str:
    """The page that the control stood on; never an address of another host."""
    parts = urlsplit(request.form.get("next") or request.referrer or "/")
    path = parts.path if parts.path.startswith("/") and not parts.path.startswith("//") else "/"
    return f"{path}?{parts.query}" if parts.query else path


def init_app(app: Flask) -> None:
    if not app.config["DEMO"]:
        return
    app.register_blueprint(blueprint)
    app.extensions["demo_banner"] = _banner
