"""부정 신고: filed in private by anyone, followed by a number and a secret code (R-SET-4).

What follows the number and the code is answered to the form itself: they never stand in an address.
"""

from __future__ import annotations

import uuid

from flask import Blueprint, Response, make_response, render_template
from flask.typing import ResponseReturnValue
from wtforms import HiddenField, RadioField, StringField, TextAreaField

from app.access import needs
from app.errors import Conflict, InvalidInput, NotFound
from app.models.abuse import AbuseCategory, AbuseReport
from app.policy import Permission
from app.web.forms import BaseForm, Required, UploadField, longest, refusal_to_form
from app.web.limits import CODE_LIMIT, limiter
from app.workflows import abuse

blueprint = Blueprint("abuse", __name__)

FILE_LIMIT = "5 per minute; 20 per hour"


class ReportForm(BaseForm):
    category = RadioField(
        "신고 유형",
        choices=[(one.value, one.label) for one in AbuseCategory],
        validators=[Required()],
    )
    about = StringField("신고 대상", [Required(), longest(abuse.LONGEST_ABOUT)])
    body = TextAreaField("신고 내용", [Required(), longest(abuse.LONGEST_BODY)])
    file = UploadField("증거 자료")
    contact = StringField("연락처", [longest(abuse.LONGEST_CONTACT)])
    form_id = HiddenField()
    """The same when it is pressed twice; a new one with each page."""


class FollowForm(BaseForm):
    number = StringField("접수번호", [Required(), longest(20)])
    code = StringField("확인코드", [Required(), longest(40)])


class ReplyForm(FollowForm):
    body = TextAreaField("추가로 알릴 내용", [Required(), longest(abuse.LONGEST_REPLY)])


def _private(page: str, status: int = 200) -> Response:
    """A page with a secret in it stays in no cache."""
    answer = make_response(page, status)
    answer.headers["Cache-Control"] = "no-store"
    return answer


@blueprint.get("/abuse")
@needs(Permission.PUBLIC)
def new() -> ResponseReturnValue:
    form = ReportForm(formdata=None, form_id=str(uuid.uuid4()))
    return render_template("portal/abuse/new.html", form=form)


@blueprint.post("/abuse")
@needs(Permission.PUBLIC)
@limiter.limit(FILE_LIMIT)
def file() -> ResponseReturnValue:
    form = ReportForm()
    if form.validate():
        sent = form.file.data
        upload = abuse.Upload(sent.filename or "", sent.read()) if sent and sent.filename else None
        try:
            filed = abuse.file(
                category=AbuseCategory(form.category.data),
                about=form.about.data or "",
                body=form.body.data or "",
                contact=form.contact.data or "",
                upload=upload,
                form_id=form.form_id.data or "",
            )
        except InvalidInput as refusal:
            refusal_to_form(form, refusal)
        else:
            return _private(render_template("portal/abuse/filed.html", filed=filed))
    return _private(render_template("portal/abuse/new.html", form=form), 422)


@blueprint.get("/abuse/status")
@needs(Permission.PUBLIC)
def status() -> ResponseReturnValue:
    return render_template("portal/abuse/status.html", form=FollowForm(formdata=None), report=None)


@blueprint.post("/abuse/status")
@needs(Permission.PUBLIC)
@limiter.limit(CODE_LIMIT)
def follow() -> ResponseReturnValue:
    form = FollowForm()
    if form.validate():
        try:
            report = abuse.follow(number=form.number.data or "", code=form.code.data or "")
        except NotFound as refusal:
            refusal_to_form(form, refusal)
        else:
            return _shown(report, _empty_reply(form))
    return _private(render_template("portal/abuse/status.html", form=form, report=None), 422)


@blueprint.post("/abuse/status/reply")
@needs(Permission.PUBLIC)
@limiter.limit(CODE_LIMIT)
def reply() -> ResponseReturnValue:
    form = ReplyForm()
    known = {"number": form.number.data or "", "code": form.code.data or ""}
    try:
        report = abuse.follow(**known)
    except NotFound as refusal:
        asked = FollowForm()
        refusal_to_form(asked, refusal)
        return _private(render_template("portal/abuse/status.html", form=asked, report=None), 422)
    if form.validate():
        try:
            report = abuse.add(**known, body=form.body.data or "")
        except (InvalidInput, Conflict) as refusal:
            refusal_to_form(form, refusal)
        else:
            return _shown(report, _empty_reply(form), said=True)
    return _shown(report, form, status=422)


def _empty_reply(known: FollowForm) -> ReplyForm:
    return ReplyForm(formdata=None, number=known.number.data, code=known.code.data)


def _shown(report: AbuseReport, form: ReplyForm, *, said: bool = False, status: int = 200) -> Response:
    page = render_template("portal/abuse/status.html", report=report, form=form, said=said)
    return _private(page, status)
