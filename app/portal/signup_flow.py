"""What the sign-up's pages share: the order of the steps, who may open which, and how each is drawn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from app.errors import Refusal
from app.models.companies import Signup
from app.portal import ineligible
from app.portal.signup_forms import drafted
from app.web.forms import BaseForm, refusal_to_form
from app.workflows import signup as signups
from app.workflows import signup_take_up
from app.workflows.eligibility import Ineligible

blueprint = Blueprint("signup", __name__, url_prefix="/signup")

KEPT = "signup"
# The 본인인증 that was made in this browser.
PROVED = "signup_proved"
# A 본인인증 whose code is still to come: of the person who signs up, of a separate payment contact.
PERSON = "signup_person"
PAYER = "signup_payer"
# The name of the button '나중에 하기' in a step's own form.
PAUSE = "pause"
STEPS = (*signups.STEPS, ("check", "확인·제출"))
ORDER = tuple(key for key, _ in STEPS)


def step_url(step: str, token: str) -> str:
    kept: dict[str, Any] = {}
    if request.args.get("from") == "check" and step != "check":
        kept["from"] = "check"
    return url_for(f"signup.{step}", token=token, **kept)


def onward(step: str, token: str) -> Response:
    """To the next step, or back to the answers where '변경' led here."""
    following = "check" if request.args.get("from") == "check" else ORDER[ORDER.index(step) + 1]
    return redirect(url_for(f"signup.{following}", token=token))


def pauses() -> bool:
    """Whether '나중에 하기' was pressed in the form of a step, with what was typed there."""
    return request.method == "POST" and PAUSE in request.form


def saved(step: str, token: str) -> Response:
    """The step is done: onward, or away."""
    return leave("all") if pauses() else onward(step, token)


def put_off(step: str, found: Signup, form: BaseForm) -> Response:
    """'나중에 하기' on a step that is not done: what is typed well stays as a draft (R-JOIN-8)."""
    typed = drafted(step, form)
    if typed:
        signup_take_up.put_off(token=found.token, step=step, typed=typed)
    return leave("part" if typed else "none")


def leave(kept: str = "") -> Response:
    """Forget the sign-up in this browser: on a shared computer the next person finds nothing of it."""
    for place in (KEPT, PROVED, PERSON, PAYER):
        session.pop(place, None)
    return redirect(url_for("signup.paused", kept=kept or None))


def is_proved(found: Signup) -> bool:
    return signup_take_up.is_same_person(found, session.get(PROVED))


def strange(found: Signup) -> Response | None:
    """Where to go from another browser than its person's: an address proves nothing (R-JOIN-8)."""
    if is_proved(found):
        return None
    flash("작성하던 신청서를 이어서 작성하려면 이 기기에서 본인인증을 해 주세요.", "info")
    return redirect(url_for("signup.verify", token=found.token))


def enter(token: str, step: str) -> Signup | Response:
    """The sign-up, or where to go instead: an earlier step that is not done, or the page of one handed in."""
    found = signups.load(token=token)
    if found.submitted_at is not None:
        return redirect(url_for("signup.done", token=token))
    stranger = None if step in ("terms", "verify") else strange(found)
    if stranger is not None:
        return stranger
    session[KEPT] = token
    lacking = signups.missing(found)
    if "details" in lacking and ORDER.index(step) > ORDER.index("details") and signups.obstacle(found):
        return redirect(url_for("signup.eligibility", token=token))
    for earlier in ORDER[: ORDER.index(step)]:
        # Papers take time to get: everything else may be done before them.
        if earlier in lacking and earlier not in ("documents", "instrument"):
            flash(f"먼저 진행할 단계입니다. {lacking[earlier]}", "info")
            return redirect(url_for(f"signup.{earlier}", token=token))
    return found


def page(
    step: str,
    found: Signup,
    form: BaseForm | None = None,
    *,
    template: str = "",
    status: int = 200,
    **context: Any,
) -> ResponseReturnValue:
    if form is not None and pauses():
        return put_off(step, found, form)
    place = ORDER.index(step)
    back = url_for(f"signup.{ORDER[place - 1]}", token=found.token) if place else url_for("signup.start")
    if request.args.get("from") == "check":
        back = url_for("signup.check", token=found.token)
    html = render_template(
        f"portal/signup/{template or step}.html",
        form=form,
        signup=found,
        steps=[label for _, label in STEPS],
        current=place + 1,
        pausable=place > ORDER.index("verify") or template == "earlier",
        own_form=form is not None and not template,
        back=context.pop("back", back),
        **context,
    )
    return html, 422 if form is not None and form.errors else status


def tried(form: BaseForm, verb: Callable[[], object]) -> bool:
    """Whether the verb went through; its refusal lands at the fields that it names.

    Not so an Ineligible: that is a page of its own.
    """
    try:
        verb()
    except Ineligible:
        raise
    except Refusal as refusal:
        refusal_to_form(form, refusal)
        return False
    return True


def ineligible_page(step: str, token: str, refusal: Ineligible, *, status: int = 422) -> ResponseReturnValue:
    """What keeps the company out, at the step at which it can be mended."""
    verified = step == "verify"
    html = ineligible.page(
        refusal,
        correct=url_for(f"signup.{step}", token=token),
        label="다른 사람으로 본인인증" if verified else "기업정보 고치기",
        steps=[label for _, label in STEPS],
        current=ORDER.index(step) + 1,
        pause_url=url_for("signup.pause", token=token),
    )
    return html, status


def next_url(step: str, token: str) -> str:
    return str(onward(step, token).location)


@blueprint.after_request
def keep_nothing(answer: Response) -> Response:
    """Personal data stays in no cache, and 'back' after the last press finds the receipt, not the form."""
    answer.headers["Cache-Control"] = "no-store"
    return answer
