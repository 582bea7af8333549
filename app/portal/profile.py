"""'기업정보': what can be changed in which state, documents, the payment contact (R-SCR-2, R-JOIN-3).

Importing this module adds its pages to the company's blueprint.
"""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, session, url_for
from flask.typing import ResponseReturnValue
from wtforms import RadioField, StringField

from app.access import current_actor, needs
from app.errors import Refusal
from app.models.applications import Application
from app.models.companies import Company, CompanyKind, Document, DocumentKind
from app.models.people import VerificationPurpose
from app.policy import Permission
from app.portal import identity, mending
from app.portal.company import blueprint
from app.portal.signup_forms import EMAIL, CountField, documents_form
from app.web.errors import refused
from app.web.forms import BaseForm, BusinessNumberField, PhoneField, Required, longest, refusal_to_form
from app.web.limits import CODE_LIMIT, limiter
from app.workflows import applications, attachments, company_edits, verification

__all__ = ["blueprint"]

PAYER = "profile_payer"
LOCKED = "현재 상태가 ‘{}’이라서 기업정보를 수정할 수 없습니다."


class ProfileForm(BaseForm):
    kind = RadioField("기업구분", [Required()], choices=[(each.value, each.label) for each in CompanyKind])
    business_number = BusinessNumberField("사업자등록번호", [Required()])
    name = StringField("기업명", [Required(), longest(100)])
    representative = StringField("대표자명", [Required(), longest(50)])
    industry = StringField("업종", [Required(), longest(100)])
    employees = CountField("상시근로자 수", [Required()])
    address = StringField("주소", [Required(), longest(200)])
    email = StringField("기업 이메일", [Required(), longest(100)], render_kw=EMAIL)
    contact_name = StringField("담당자명", [Required(), longest(50)])
    contact_phone = PhoneField("담당자 휴대전화", [Required()])
    contact_email = StringField("담당자 이메일", [longest(100)], render_kw=EMAIL)


def _mine() -> tuple[Company, Application, tuple[str, ...]]:
    actor = current_actor()
    application = applications.own(actor=actor)
    company = application.company
    return company, application, company_edits.editable(application.state, company.programme)


def _asked_for() -> dict[str, Any]:
    """What a hold asks to mend: exactly this is marked (R-SCR-3a)."""
    found = mending.of(current_actor())
    return {"mending": found, "marks": found.marks if found else set()}


@blueprint.get("/profile")
@needs(Permission.DEMAND_VIEW)
def profile() -> ResponseReturnValue:
    company, application, editable = _mine()
    present = {document.kind: document for document in attachments.current(company_id=company.id)}
    return render_template(
        "portal/company/profile.html",
        company=company,
        application=application,
        editable=editable,
        **_asked_for(),
        documents=[(kind, present.get(kind)) for kind in _kinds(company, list(present.values()))],
        locked=LOCKED.format(application.state.label),
    )


def _kinds(company: Company, present: list[Document]) -> list[DocumentKind]:
    """Those that are needed, and what else was handed in."""
    before = company_edits.took_part_before(company.business_number, company.programme)
    needed = company_edits.required_documents(
        company.kind,
        programme=company.programme,
        verified_as=company.verified_as,
        joined_before=before,
    )
    return needed + [document.kind for document in present if document.kind not in needed]


@blueprint.route("/profile/edit", methods=["GET", "POST"])
@needs(Permission.COMPANY_EDIT)
def edit() -> ResponseReturnValue:
    company, application, editable = _mine()
    if not editable:
        flash(LOCKED.format(application.state.label), "warning")
        return redirect(url_for("company.profile"))
    form = _profile_form(company, editable)
    if form.validate_on_submit():
        changes: dict[str, Any] = {name: form[name].data for name in editable}
        if "kind" in changes:
            changes["kind"] = CompanyKind(changes["kind"])
        try:
            company_edits.edit(actor=current_actor(), changes=changes)
        except Refusal as refusal:
            refusal_to_form(form, refusal)
        else:
            flash("기업정보를 저장했습니다.", "success")
            return redirect(url_for("company.profile"))
    page = render_template(
        "portal/company/edit.html",
        form=form,
        company=company,
        editable=editable,
        **_asked_for(),
    )
    return page, 422 if form.errors else 200


def _profile_form(company: Company, editable: tuple[str, ...]) -> ProfileForm:
    """Without the fields that are fixed from 심사확정 on."""
    known = {name: getattr(company, name) or "" for name in company_edits.EDITABLE}
    form = ProfileForm(data=known | {"kind": company.kind.value, "employees": company.employees})
    for name in company_edits.ALSO_EDITABLE:
        if name not in editable:
            del form[name]
    return form


@blueprint.route("/profile/documents", methods=["GET", "POST"])
@needs(Permission.COMPANY_EDIT)
def documents() -> ResponseReturnValue:
    company, application, editable = _mine()
    if not editable:
        flash(LOCKED.format(application.state.label), "warning")
        return redirect(url_for("company.profile"))
    present = {document.kind: document for document in attachments.current(company_id=company.id)}
    kinds = _kinds(company, list(present.values()))
    form = documents_form(kinds)
    if form.validate_on_submit():
        chosen = [kind for kind in kinds if form[kind.value].data]
        for kind in chosen:
            _replace(form, kind)
        if chosen and not form.errors:
            flash("서류를 등록했습니다.", "success")
            return redirect(url_for("company.profile"))
        if not chosen:
            form.form_errors.append("등록할 파일을 선택해 주세요.")
    # Read anew: beside a file that was refused, another may have been taken.
    files = {each.kind.value: _existing(each) for each in attachments.current(company_id=company.id)}
    page = render_template(
        "portal/company/documents.html",
        form=form,
        files=files,
        kinds=kinds,
        **_asked_for(),
    )
    return page, 422 if form.errors else 200


def _replace(form: BaseForm, kind: DocumentKind) -> None:
    upload = form[kind.value].data
    name, content = upload.filename or "", upload.read()
    try:
        company_edits.replace_document(actor=current_actor(), kind=kind, file_name=name, content=content)
    except Refusal as refusal:
        form[kind.value].errors = [refusal.text]


def _existing(document: Document) -> list[dict[str, Any]]:
    address = url_for("company.document", document_id=document.id)
    return [{"name": document.file_name, "size": document.size, "url": address}]


@blueprint.route("/profile/payer", methods=["GET", "POST"])
@needs(Permission.COMPANY_EDIT)
@limiter.limit(CODE_LIMIT, methods=["POST"])
def payer() -> ResponseReturnValue:
    """Another payment contact: their own phone first (R-JOIN-3)."""
    form = identity.PersonForm()
    if form.validate_on_submit():
        try:
            asked = identity.ask(form, VerificationPurpose.PAYMENT_CONTACT)
        except Refusal as refusal:
            refusal_to_form(form, refusal)
        else:
            identity.keep(PAYER, asked)
            return redirect(url_for("company.payer_code"))
    form.birth7.data = None
    return render_template("portal/company/payer.html", form=form), 422 if form.errors else 200


@blueprint.route("/profile/payer/code", methods=["GET", "POST"])
@needs(Permission.COMPANY_EDIT)
@limiter.limit("20 per minute", methods=["POST"])
def payer_code() -> ResponseReturnValue:
    if PAYER not in session:
        return redirect(url_for("company.payer"))
    token = session[PAYER]["token"]
    form = identity.CodeForm()
    if form.validate_on_submit():
        try:
            verification.confirm(token=token, code=form.code.data or "")
            company_edits.edit(actor=current_actor(), changes={}, payment_verification_token=token)
        except Refusal as refusal:
            refusal_to_form(form, refusal)
        else:
            session.pop(PAYER)
            flash("결제 담당자를 바꾸었습니다.", "success")
            return redirect(url_for("company.profile"))
    asked = verification.by_token(token=token)
    seconds = identity.seconds_left(asked.expires_at)
    page = render_template("portal/company/payer_code.html", form=form, asked=asked, seconds=seconds)
    return page, 422 if form.errors else 200


@blueprint.post("/profile/payer/resend")
@needs(Permission.COMPANY_EDIT)
@limiter.limit(CODE_LIMIT)
def payer_resend() -> ResponseReturnValue:
    to = url_for("company.payer_code")
    try:
        verification.resend(token=session.get(PAYER, {}).get("token", ""))
    except Refusal as refusal:
        return refused(refusal, to=to)
    flash("인증번호를 다시 보냈습니다. 새로 받은 번호를 입력해 주세요.", "success")
    return redirect(to)
