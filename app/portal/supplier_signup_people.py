"""Who joins for a supplier: 본인인증, and taking up what the same person left half-filled (R-JOIN-8).

Importing this module adds its pages to the blueprint of the supplier's joining.
"""

from __future__ import annotations

from flask import flash, redirect, session, url_for
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from app.access import needs
from app.errors import Conflict, Refusal
from app.models.catalogue import SupplierSignup
from app.models.companies import VerifiedAs
from app.models.people import VerificationPurpose
from app.policy import Permission
from app.portal import identity
from app.portal.signup_flow import tried
from app.portal.supplier_signup_flow import (
    PERSON,
    PROVED,
    address,
    blueprint,
    enter,
    following,
    is_proved,
    page,
    strange,
)
from app.web.errors import refused
from app.web.forms import refusal_to_form
from app.web.limits import CODE_LIMIT, limiter
from app.workflows import signup_take_up, verification
from app.workflows import supplier_signup as signups


@blueprint.route("/<token>/verify", methods=["GET", "POST"])
@needs(Permission.PUBLIC)
@limiter.limit(CODE_LIMIT, methods=["POST"])
def verify(token: str) -> ResponseReturnValue:
    found = enter(token, "verify")
    if isinstance(found, Response):
        return found
    form = identity.VerifyForm(data={"verified_as": found.answers.get("verified_as")})
    if form.validate_on_submit():
        try:
            asked = identity.ask(form, VerificationPurpose.SIGN_UP)
        except Refusal as refusal:
            refusal_to_form(form, refusal)
        else:
            identity.keep(PERSON, asked, verified_as=form.verified_as.data)
            return redirect(address("verify_code", token))
    form.birth7.data = None
    person = signups.verified_person(found) if is_proved(found) else None
    return page("verify", found, form, person=person, following=following("verify", token))


@blueprint.route("/<token>/verify/code", methods=["GET", "POST"])
@needs(Permission.PUBLIC)
@limiter.limit("20 per minute", methods=["POST"])
def verify_code(token: str) -> ResponseReturnValue:
    found = enter(token, "verify")
    if isinstance(found, Response):
        return found
    if PERSON not in session:
        return redirect(address("verify", token))
    form = identity.CodeForm()
    asked = verification.by_token(token=session[PERSON]["token"])
    if form.validate_on_submit() and tried(form, lambda: _take_person(found, form.code.data or "")):
        session.pop(PERSON)
        flash("본인인증을 마쳤습니다.", "success")
        if signup_take_up.earlier(signups.load(token=token)):
            return redirect(url_for("supplier_signup.earlier", token=token))
        return redirect(following("verify", token))
    return page(
        "verify",
        found,
        form,
        template="code",
        asked=asked,
        seconds=identity.seconds_left(asked.expires_at),
        sends_left=max(verification.MOST_SENDS - asked.sends, 0),
        back=address("verify", token),
        resend=address("verify_resend", token),
    )


def _take_person(found: SupplierSignup, code: str) -> None:
    kept = session[PERSON]
    person = verification.confirm(token=kept["token"], code=code)
    if not is_proved(found) and not signup_take_up.is_same_person(found, person.id):
        raise Conflict(
            "signup.another_person",
            "이 신청서를 작성하던 사람과 다른 사람입니다. 공급기업 가입을 처음부터 새로 시작해 주세요.",
        )
    signups.attach_verification(
        token=found.token, verification_token=kept["token"], verified_as=VerifiedAs(kept["verified_as"])
    )
    session[PROVED] = person.id


@blueprint.post("/<token>/verify/resend")
@needs(Permission.PUBLIC)
@limiter.limit(CODE_LIMIT)
def verify_resend(token: str) -> ResponseReturnValue:
    to = address("verify_code", token)
    try:
        verification.resend(token=session.get(PERSON, {}).get("token", ""))
    except Refusal as refusal:
        return refused(refusal, to=to)
    flash("인증번호를 다시 보냈습니다. 새로 받은 번호를 입력해 주세요.", "success")
    return redirect(to)


@blueprint.get("/<token>/earlier")
@needs(Permission.PUBLIC)
def earlier(token: str) -> ResponseReturnValue:
    """The same person's half-filled one of another device: whether to go on with it (R-JOIN-8)."""
    found = enter(token, "account")
    if isinstance(found, Response):
        return found
    kept = signup_take_up.earlier(found)
    if kept is None:
        return redirect(following("verify", token))
    lacking = signups.missing(kept)
    done = [label for step, label in signups.STEPS if step not in lacking]
    onward = following("verify", token)
    return page("verify", found, template="earlier", kept=kept, done=done, following=onward)


@blueprint.post("/<token>/earlier")
@needs(Permission.PUBLIC)
@limiter.limit("20 per minute")
def take_up(token: str) -> ResponseReturnValue:
    stranger = strange(signups.load(token=token))
    if stranger is not None:
        return stranger
    try:
        kept = signups.take_up(token=token)
    except Refusal as refusal:
        return refused(refusal, to=url_for("supplier_signup.resume", token=token))
    flash("작성하던 신청서를 이어서 작성합니다.", "success")
    return redirect(url_for("supplier_signup.resume", token=kept.token))
