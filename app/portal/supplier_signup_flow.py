"""What the pages of a supplier's joining share: the steps' order, who may open which, how each is drawn."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from app.models.catalogue import SupplierSignup
from app.portal import ineligible
from app.portal.signup_flow import keep_nothing
from app.web.forms import BaseForm
from app.workflows import signup_take_up
from app.workflows import supplier_signup as signups
from app.workflows.eligibility import Ineligible

blueprint = Blueprint("supplier_signup", __name__, url_prefix="/supplier-signup")
blueprint.after_request(keep_nothing)

KEPT = "supplier_signup"
PERSON = "supplier_signup_person"
# The 본인인증 that was made in this browser.
PROVED = "supplier_signup_proved"
STEPS = (*signups.STEPS, ("check", "확인·제출"))
ORDER = tuple(key for key, _ in STEPS)
SHARED = ("terms", "verify", "code", "earlier", "account", "documents")
LATER = ("documents",)
"""Papers take time to get: what follows may be done before them."""


def address(step: str, token: str) -> str:
    """Of a step; on the way back to the answers it stays one."""
    kept: dict[str, Any] = {}
    if request.args.get("from") == "check" and step != "check":
        kept["from"] = "check"
    return url_for(f"supplier_signup.{step}", token=token, **kept)


def following(step: str, token: str) -> str:
    """The next step, or the answers where '변경' led here."""
    after = "check" if request.args.get("from") == "check" else ORDER[ORDER.index(step) + 1]
    return url_for(f"supplier_signup.{after}", token=token)


def is_proved(found: SupplierSignup) -> bool:
    return signup_take_up.is_same_person(found, session.get(PROVED))


def strange(found: SupplierSignup) -> Response | None:
    """Where to go from another browser than its person's: an address proves nothing (R-JOIN-8)."""
    if is_proved(found):
        return None
    flash("작성하던 신청서를 이어서 작성하려면 이 기기에서 본인인증을 해 주세요.", "info")
    return redirect(url_for("supplier_signup.verify", token=found.token))


def enter(token: str, step: str) -> SupplierSignup | Response:
    """The application, or where to go instead: an earlier step that is not done, or the receipt."""
    found = signups.load(token=token)
    if found.submitted_at is not None:
        return redirect(url_for("supplier_signup.done", token=token))
    stranger = None if step in ("terms", "verify") else strange(found)
    if stranger is not None:
        return stranger
    session[KEPT] = token
    lacking = signups.missing(found)
    if "details" in lacking and ORDER.index(step) > ORDER.index("details") and signups.obstacle(found):
        return redirect(url_for("supplier_signup.eligibility", token=token))
    for earlier in ORDER[: ORDER.index(step)]:
        if earlier in lacking and earlier not in LATER:
            flash(f"먼저 진행할 단계입니다. {lacking[earlier]}", "info")
            return redirect(url_for(f"supplier_signup.{earlier}", token=token))
    return found


def page(
    step: str,
    found: SupplierSignup,
    form: BaseForm | None = None,
    *,
    template: str = "",
    status: int = 200,
    **context: Any,
) -> ResponseReturnValue:
    place = ORDER.index(step)
    back = url_for("supplier_signup.start")
    if request.args.get("from") == "check":
        back = url_for("supplier_signup.check", token=found.token)
    elif place:
        back = url_for(f"supplier_signup.{ORDER[place - 1]}", token=found.token)
    template = template or step
    # What both sides are asked alike is drawn alike.
    folder = "signup" if template in SHARED else "supplier_signup"
    html = render_template(
        f"portal/{folder}/{template}.html",
        trail=[
            ("공급기업", url_for("public.suppliers")),
            ("공급기업 가입", url_for("supplier_signup.start")),
        ],
        form=form,
        signup=found,
        steps=[label for _, label in STEPS],
        current=place + 1,
        back=context.pop("back", back),
        **context,
    )
    return html, 422 if form is not None and form.errors else status


def ineligible_page(token: str, refusal: Ineligible, *, status: int = 422) -> ResponseReturnValue:
    """What keeps the company out; it is mended in its details, if at all."""
    html = ineligible.page(
        refusal,
        correct=url_for("supplier_signup.details", token=token),
        label="기업정보 고치기",
        steps=[label for _, label in STEPS],
        current=ORDER.index("details") + 1,
        home=("공급기업", url_for("public.suppliers")),
    )
    return html, status
