"""Whose phones the sign-up verifies: the person's who signs up, and a separate payment contact's.

R-JOIN-1, R-JOIN-3. Importing this module adds its pages to the sign-up's blueprint.
"""

from __future__ import annotations

from flask import flash, redirect, session, url_for
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from app.access import needs
from app.errors import Conflict, Refusal
from app.models.companies import Signup, VerifiedAs
from app.models.people import Verification, VerificationPurpose
from app.policy import Permission
from app.portal import identity
from app.portal.signup_flow import (
    PAYER,
    PERSON,
    PROVED,
    blueprint,
    enter,
    ineligible_page,
    is_proved,
    next_url,
    onward,
    page,
    step_url,
    strange,
    tried,
)
from app.web.errors import refused
from app.web.forms import BaseForm, refusal_to_form
from app.web.limits import CODE_LIMIT, limiter
from app.workflows import signup as signups
from app.workflows import signup_reads, signup_take_up, verification
from app.workflows.eligibility import Ineligible


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
            return redirect(step_url("verify_code", token))
    form.birth7.data = None
    person, following = signup_reads.people(found).verified, next_url("verify", token)
    if not is_proved(found):
        person = None
    return page("verify", found, form, person=person, following=following)


@blueprint.route("/<token>/verify/code", methods=["GET", "POST"])
@needs(Permission.PUBLIC)
@limiter.limit("20 per minute", methods=["POST"])
def verify_code(token: str) -> ResponseReturnValue:
    found = enter(token, "verify")
    if isinstance(found, Response):
        return found
    if PERSON not in session:
        return redirect(step_url("verify", token))
    form = identity.CodeForm()
    asked = verification.by_token(token=session[PERSON]["token"])
    try:
        done = form.validate_on_submit() and tried(form, lambda: _take_person(found, form.code.data))
    except Ineligible as refusal:
        session.pop(PERSON)
        return ineligible_page("verify", token, refusal)
    if done:
        session.pop(PERSON)
        flash("본인인증을 마쳤습니다.", "success")
        if signup_take_up.earlier(signups.load(token=token)):
            return redirect(url_for("signup.earlier", token=token))
        return onward("verify", token)
    return _code_page("verify", found, form, asked, again="verify")


@blueprint.get("/<token>/earlier")
@needs(Permission.PUBLIC)
def earlier(token: str) -> ResponseReturnValue:
    """The same person's half-filled sign-up of another device: whether to go on with it (R-JOIN-8)."""
    found = enter(token, "account")
    if isinstance(found, Response):
        return found
    kept = signup_take_up.earlier(found)
    if kept is None:
        return onward("verify", token)
    lacking = signups.missing(kept)
    done = [label for step, label in signups.STEPS if step not in lacking]
    return page(
        "verify", found, template="earlier", kept=kept, done=done, following=next_url("verify", token)
    )


@blueprint.post("/<token>/earlier")
@needs(Permission.PUBLIC)
@limiter.limit("20 per minute")
def take_up(token: str) -> ResponseReturnValue:
    stranger = strange(signups.load(token=token))
    if stranger is not None:
        return stranger
    try:
        kept = signup_take_up.take_up(token=token)
    except Refusal as refusal:
        return refused(refusal, to=url_for("signup.resume", token=token))
    flash("작성하던 신청서를 이어서 작성합니다.", "success")
    return redirect(url_for("signup.resume", token=kept.token))


def _take_person(found: Signup, code: str) -> None:
    kept = session[PERSON]
    person = verification.confirm(token=kept["token"], code=code)
    if not is_proved(found) and not signup_take_up.is_same_person(found, person.id):
        raise Conflict(
            "signup.another_person",
            "이 신청서를 작성하던 사람과 다른 사람입니다. 회원가입을 처음부터 새로 시작해 주세요.",
        )
    signups.attach_verification(
        token=found.token, verification_token=kept["token"], verified_as=VerifiedAs(kept["verified_as"])
    )
    session[PROVED] = person.id


def _code_page(
    step: str, found: Signup, form: BaseForm, asked: Verification, *, again: str
) -> ResponseReturnValue:
    """`again` is the page that asked for the phone."""
    return page(
        step,
        found,
        form,
        template="code",
        asked=asked,
        seconds=identity.seconds_left(asked.expires_at),
        sends_left=max(verification.MOST_SENDS - asked.sends, 0),
        back=step_url(again, found.token),
        resend=step_url(f"{again}_resend", found.token),
    )


@blueprint.post("/<token>/verify/resend")
@needs(Permission.PUBLIC)
@limiter.limit(CODE_LIMIT)
def verify_resend(token: str) -> ResponseReturnValue:
    return _resend(PERSON, to=step_url("verify_code", token))


@blueprint.post("/<token>/payer/resend")
@needs(Permission.PUBLIC)
@limiter.limit(CODE_LIMIT)
def payer_resend(token: str) -> ResponseReturnValue:
    return _resend(PAYER, to=step_url("payer_code", token))


def _resend(place: str, *, to: str) -> ResponseReturnValue:
    try:
        verification.resend(token=session.get(place, {}).get("token", ""))
    except Refusal as refusal:
        return refused(refusal, to=to)
    flash("인증번호를 다시 보냈습니다. 새로 받은 번호를 입력해 주세요.", "success")
    return redirect(to)


@blueprint.route("/<token>/payer", methods=["GET", "POST"])
@needs(Permission.PUBLIC)
@limiter.limit(CODE_LIMIT, methods=["POST"])
def payer(token: str) -> ResponseReturnValue:
    """A separate payment contact verifies their own mobile phone (R-JOIN-3)."""
    found = enter(token, "documents")
    if isinstance(found, Response):
        return found
    form = identity.PersonForm()
    if form.validate_on_submit():
        try:
            asked = identity.ask(form, VerificationPurpose.PAYMENT_CONTACT)
        except Refusal as refusal:
            refusal_to_form(form, refusal)
        else:
            identity.keep(PAYER, asked)
            return redirect(step_url("payer_code", token))
    form.birth7.data = None
    return page("contact", found, form, template="payer", back=step_url("contact", token))


@blueprint.route("/<token>/payer/code", methods=["GET", "POST"])
@needs(Permission.PUBLIC)
@limiter.limit("20 per minute", methods=["POST"])
def payer_code(token: str) -> ResponseReturnValue:
    found = enter(token, "documents")
    if isinstance(found, Response):
        return found
    if PAYER not in session:
        return redirect(step_url("payer", token))
    form = identity.CodeForm()
    asked = verification.by_token(token=session[PAYER]["token"])
    if form.validate_on_submit() and tried(form, lambda: _take_payer(found, form.code.data)):
        session.pop(PAYER)
        flash("결제 담당자의 휴대폰 인증을 마쳤습니다.", "success")
        return onward("contact", token)
    return _code_page("contact", found, form, asked, again="payer")


def _take_payer(found: Signup, code: str) -> None:
    kept = session[PAYER]["token"]
    verification.confirm(token=kept, code=code)
    known = {**found.answers, "contact_phone": found.contact_phone, "separate_payer": True}
    signups.set_contact(token=found.token, contact=known, payment_verification_token=kept)
