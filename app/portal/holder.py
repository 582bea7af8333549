"""본인인증 of a company out of K-Startup's file, before its personal check card (R-INS-4, R-KST-3).

Importing this module adds its pages to the voucher's blueprint.
"""

from __future__ import annotations

from flask import flash, redirect, render_template, session, url_for
from flask.typing import ResponseReturnValue

from app.access import current_actor, needs
from app.errors import Refusal
from app.models.companies import VerifiedAs
from app.models.people import VerificationPurpose
from app.policy import Permission
from app.portal import identity
from app.portal.waiver import blueprint
from app.web.errors import refused
from app.web.forms import refusal_to_form
from app.web.limits import CODE_LIMIT, limiter
from app.workflows import applications, instrument_holder, instruments, verification

__all__ = ["blueprint"]

PERSON = "voucher_person"


@blueprint.route("/person", methods=["GET", "POST"])
@needs(Permission.INSTRUMENT_MANAGE)
@limiter.limit(CODE_LIMIT, methods=["POST"])
def person() -> ResponseReturnValue:
    application = applications.own(actor=current_actor())
    if not instruments.lacks_person(application.company):
        flash("이미 본인인증을 마쳤습니다.", "info")
        return redirect(url_for("voucher.index"))
    staff = instrument_holder.staff_may_verify(application)
    form: identity.PersonForm = identity.VerifyForm() if staff else identity.PersonForm()
    if form.validate_on_submit():
        try:
            # The 본인인증 of the sign-up that such a company did not go through.
            asked = identity.ask(form, VerificationPurpose.SIGN_UP)
        except Refusal as refusal:
            refusal_to_form(form, refusal)
        else:
            chosen = form["verified_as"].data if staff else VerifiedAs.REPRESENTATIVE.value
            identity.keep(PERSON, asked, verified_as=chosen)
            return redirect(url_for("voucher.person_code"))
    form.birth7.data = None
    page = render_template(
        "portal/voucher/person.html",
        form=form,
        staff=staff,
        representative=application.company.representative,
    )
    return page, 422 if form.errors else 200


@blueprint.route("/person/code", methods=["GET", "POST"])
@needs(Permission.INSTRUMENT_MANAGE)
@limiter.limit("20 per minute", methods=["POST"])
def person_code() -> ResponseReturnValue:
    if PERSON not in session:
        return redirect(url_for("voucher.person"))
    kept = session[PERSON]
    form = identity.CodeForm()
    if form.validate_on_submit():
        try:
            _take(kept, form.code.data or "")
        except Refusal as refusal:
            refusal_to_form(form, refusal)
        else:
            session.pop(PERSON)
            flash("본인인증을 마쳤습니다. 이제 신한개인체크카드를 쓸 수 있습니다.", "success")
            return redirect(url_for("voucher.index"))
    asked = verification.by_token(token=kept["token"])
    page = render_template(
        "portal/voucher/person_code.html",
        form=form,
        asked=asked,
        seconds=identity.seconds_left(asked.expires_at),
        sends_left=max(verification.MOST_SENDS - asked.sends, 0),
    )
    return page, 422 if form.errors else 200


def _take(kept: dict[str, str], code: str) -> None:
    verification.confirm(token=kept["token"], code=code)
    instrument_holder.verify_person(
        actor=current_actor(),
        verification_token=kept["token"],
        verified_as=VerifiedAs(kept["verified_as"]),
    )


@blueprint.post("/person/resend")
@needs(Permission.INSTRUMENT_MANAGE)
@limiter.limit(CODE_LIMIT)
def person_resend() -> ResponseReturnValue:
    to = url_for("voucher.person_code")
    try:
        verification.resend(token=session.get(PERSON, {}).get("token", ""))
    except Refusal as refusal:
        return refused(refusal, to=to)
    flash("인증번호를 다시 보냈습니다. 새로 받은 번호를 입력해 주세요.", "success")
    return redirect(to)
