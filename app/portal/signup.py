"""회원가입 of a demand company, page by page (R-JOIN-1 to R-JOIN-8).

The token of a half-filled sign-up stands in the address and in the browser's signed cookie, so that it can be
taken up again; in another browser only after 본인인증 of the same person. Every step keeps what was typed,
and a password is never put back into a page.
"""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from werkzeug.wrappers import Response

from app.access import needs
from app.errors import InvalidInput, NotFound, Refusal
from app.models.companies import CompanyKind, Document, DocumentKind, Signup, VerifiedAs
from app.models.vouchers import InstrumentKind
from app.policy import Permission
from app.portal import signup_people  # noqa: F401 (adds its pages)
from app.portal.auth import home_of
from app.portal.signup_flow import (
    KEPT,
    ORDER,
    PAYER,
    PERSON,
    blueprint,
    enter,
    ineligible_page,
    leave,
    next_url,
    page,
    pauses,
    saved,
    step_url,
    strange,
    tried,
)
from app.portal.signup_forms import (
    LATER,
    AccountForm,
    ContactForm,
    InstrumentForm,
    details_form,
    documents_form,
    terms_form,
)
from app.web.errors import refused
from app.web.forms import BaseForm
from app.web.limits import limiter
from app.workflows import (
    instruments,
    needed_documents,
    signup_cleanup,
    signup_drafts,
    signup_reads,
    signup_submit,
)
from app.workflows import signup as signups
from app.workflows.eligibility import Ineligible
from app.workflows.terms import TERMS

__all__ = ["blueprint"]

# Why a paper is asked for that most companies need not bring (R-JOIN-2, R-JOIN-5).
DOCUMENT_HINTS = {
    DocumentKind.PRIORITY_CERTIFICATE.value: "이전 연도에 참여한 기업은 올해 발급받은 장애인기업확인서나 "
    "여성기업확인서가 있어야 다시 신청할 수 있습니다. PDF, JPG, PNG (20MB 미만)",
    DocumentKind.INSURANCE_LIST.value: "담당자(임직원)로 인증했다면 그 사람이 명부에 있어야 합니다. "
    "PDF, JPG, PNG (20MB 미만)",
}


@blueprint.get("")
@needs(Permission.PUBLIC)
def start() -> ResponseReturnValue:
    if current_user.is_authenticated:
        return redirect(home_of(current_user.role))
    programme = signups.open_programme()
    papers = needed_documents.by_condition(programme)
    return render_template(
        "portal/signup/start.html",
        programme=programme,
        papers=papers,
        kept=_kept(),
        kept_days=signup_cleanup.KEPT_DAYS,
    )


def _kept() -> Signup | None:
    """The half-filled sign-up of this browser (R-JOIN-8)."""
    try:
        found = signups.load(token=session.get(KEPT, ""))
    except NotFound:
        return None
    return found if found.submitted_at is None else None


@blueprint.post("")
@needs(Permission.PUBLIC)
@limiter.limit("20 per hour")
def begin() -> ResponseReturnValue:
    found = signups.begin()
    session.pop(PERSON, None)
    session.pop(PAYER, None)
    return redirect(url_for("signup.terms", token=found.token))


@blueprint.post("/<token>/later")
@needs(Permission.PUBLIC)
def pause(token: str) -> ResponseReturnValue:
    """'나중에 하기' where nothing is typed; the token says nothing that is not in the address already."""
    return leave()


@blueprint.get("/later")
@needs(Permission.PUBLIC)
def paused() -> ResponseReturnValue:
    """How a sign-up is taken up again, whoever asks (R-JOIN-8)."""
    kept = request.args.get("kept", "")
    return render_template("portal/signup/paused.html", kept=kept, kept_days=signup_cleanup.KEPT_DAYS)


@blueprint.get("/<token>")
@needs(Permission.PUBLIC)
def resume(token: str) -> ResponseReturnValue:
    """'이어서 작성하기': the first step that is not done, or on which something was left unfinished."""
    found = signups.load(token=token)
    lacking = signups.missing(found)
    step = next((step for step in ORDER if step in lacking or signup_drafts.of(found, step)), "check")
    return redirect(url_for(f"signup.{step}", token=token))


@blueprint.route("/<token>/terms", methods=["GET", "POST"])
@needs(Permission.PUBLIC)
def terms(token: str) -> ResponseReturnValue:
    found = enter(token, "terms")
    if isinstance(found, Response):
        return found
    form = terms_form(found.answers)
    if form.validate_on_submit():
        accepted = [term.key for term in TERMS if form[term.key].data]
        if tried(form, lambda: signups.accept_terms(token=token, accepted=accepted)):
            return saved("terms", token)
    texts = {term.key: f"{term.text}\n\n(시행 {term.version})" for term in TERMS}
    return page("terms", found, form, boxes=[form[term.key] for term in TERMS], texts=texts)


@blueprint.route("/<token>/account", methods=["GET", "POST"])
@needs(Permission.PUBLIC)
def account(token: str) -> ResponseReturnValue:
    found = enter(token, "account")
    if isinstance(found, Response):
        return found
    form = AccountForm(data={**found.answers, **signup_drafts.of(found, "account")})
    if form.validate_on_submit():
        login, password = form.login.data.strip(), form.password.data
        if tried(form, lambda: signups.set_account(token=token, login=login, password=password)):
            return saved("account", token)
    following = next_url("account", token) if found.password_hash else ""
    return page("account", found, form, following=following)


@blueprint.route("/<token>/details", methods=["GET", "POST"])
@needs(Permission.PUBLIC)
def details(token: str) -> ResponseReturnValue:
    found = enter(token, "details")
    if isinstance(found, Response):
        return found
    known = {**found.answers, **signup_drafts.of(found, "details")}
    if known.get("verified_as") == VerifiedAs.REPRESENTATIVE.value:
        known.setdefault("representative", known["verified_name"])
    form = details_form(known, asks_employees=signups.programme_of(found).needs_employees)
    if form.validate_on_submit():
        typed = {name: form[name].data for name in (*signups.DETAILS, "employees") if name in form}
        typed["kind"] = CompanyKind(form.kind.data)
        try:
            if tried(form, lambda: signups.set_details(token=token, details=typed)):
                return saved("details", token)
        except Ineligible:
            return leave("all") if pauses() else redirect(step_url("eligibility", token))
    return page("details", found, form)


@blueprint.get("/<token>/eligibility")
@needs(Permission.PUBLIC)
def eligibility(token: str) -> ResponseReturnValue:
    """Why a company with the details typed so far cannot join; nothing of them is lost (R-JOIN-7a)."""
    found = enter(token, "details")
    if isinstance(found, Response):
        return found
    obstacle = signups.obstacle(found)
    if obstacle is None:
        return redirect(url_for("signup.resume", token=token))
    return ineligible_page("details", token, obstacle, status=200)


@blueprint.route("/<token>/contact", methods=["GET", "POST"])
@needs(Permission.PUBLIC)
def contact(token: str) -> ResponseReturnValue:
    found = enter(token, "contact")
    if isinstance(found, Response):
        return found
    people = signup_reads.people(found)
    known = {**found.answers, "contact_phone": found.contact_phone or ""}
    known |= {"payer": "separate" if people.payer else "verified"}
    form = ContactForm(data={**known, **signup_drafts.of(found, "contact")})
    if form.validate_on_submit():
        separate = form.payer.data == "separate"
        typed = {name: form[name].data for name in ("same_as_representative", *signups.CONTACT)}
        typed["separate_payer"] = separate
        if tried(form, lambda: signups.set_contact(token=token, contact=typed)):
            if separate and not people.payer and not pauses():
                return redirect(step_url("payer", token))
            return saved("contact", token)
    return page("contact", found, form, people=people)


@blueprint.route("/<token>/documents", methods=["GET", "POST"])
@needs(Permission.PUBLIC)
def documents(token: str) -> ResponseReturnValue:
    found = enter(token, "documents")
    if isinstance(found, Response):
        return found
    kinds = signups.required_documents(found)
    form = documents_form(kinds)
    if form.validate_on_submit():
        for kind in kinds:
            _attach(token, form, kind)
        if pauses():
            return leave("none" if form.errors else "all")
    present = {document.kind: document for document in signups.documents(token=token)}
    if form.is_submitted() and not form.errors:
        for kind in [kind for kind in kinds if kind not in present]:
            form[kind.value].errors = [f"{kind.label} 파일을 선택해 주세요."]
        if not form.errors:
            return saved("documents", token)
    files = {kind.value: _existing(token, present.get(kind)) for kind in kinds}
    later = next_url("documents", token)
    return page("documents", found, form, files=files, later=later, hints=DOCUMENT_HINTS)


def _attach(token: str, form: BaseForm, kind: DocumentKind) -> None:
    upload = form[kind.value].data
    if not upload:
        return
    try:
        name, content = upload.filename or "", upload.read()
        signups.attach_document(token=token, kind=kind, file_name=name, content=content)
    except Refusal as refusal:
        form[kind.value].errors = [refusal.text]


def _existing(token: str, document: Document | None) -> list[dict[str, Any]]:
    if document is None:
        return []
    delete = url_for("signup.remove_document", token=token, document_id=document.id)
    return [{"name": document.file_name, "size": document.size, "delete_url": delete}]


@blueprint.post("/<token>/documents/<int:document_id>/delete")
@needs(Permission.PUBLIC)
def remove_document(token: str, document_id: int) -> ResponseReturnValue:
    stranger = strange(signups.load(token=token))
    if stranger is not None:
        return stranger
    signups.remove_document(token=token, document_id=document_id)
    flash("파일을 삭제했습니다.", "success")
    return redirect(url_for("signup.documents", token=token))


@blueprint.route("/<token>/instrument", methods=["GET", "POST"])
@needs(Permission.PUBLIC)
def instrument(token: str) -> ResponseReturnValue:
    found = enter(token, "instrument")
    if isinstance(found, Response):
        return found
    choices = instruments.choices(signups.programme_of(found))
    known = {**_chosen(found), **signup_drafts.of(found, "instrument")}
    form = InstrumentForm(data=known).offer([c.kind for c in choices if c.open], signups.agencies())
    if form.validate_on_submit() and tried(form, lambda: _choose(token, form)):
        return saved("instrument", token)
    return page("instrument", found, form, closed=[choice for choice in choices if not choice.open])


def _chosen(found: Signup) -> dict[str, str | None]:
    answers = found.answers
    kind = (answers["instrument"] or LATER) if "instrument" in answers else None
    return {"instrument": kind, "agency_id": str(answers["agency_id"]) if "agency_id" in answers else None}


def _choose(token: str, form: InstrumentForm) -> None:
    kind = None if form.instrument.data == LATER else InstrumentKind(form.instrument.data)
    signups.set_instrument(token=token, kind=kind)
    signups.set_agency(token=token, agency_id=int(form.agency_id.data))


@blueprint.get("/<token>/check")
@needs(Permission.PUBLIC)
def check(token: str) -> ResponseReturnValue:
    found = enter(token, "check")
    return found if isinstance(found, Response) else _check_page(found, None)


def _check_page(found: Signup, refusal: Refusal | None) -> ResponseReturnValue:
    answers = found.answers
    return page(
        "check",
        found,
        status=422 if refusal else 200,
        lacking=signups.missing(found),
        refusal=refusal,
        terms=[term for term in TERMS if answers["terms"].get(term.key, {}).get("accepted")],
        people=signup_reads.people(found),
        verified_as=VerifiedAs(answers["verified_as"]),
        kind=CompanyKind(answers["kind"]),
        documents=signups.documents(token=found.token),
        instrument=InstrumentKind(answers["instrument"]) if answers.get("instrument") else None,
        agency=signup_reads.chosen_agency(found),
    )


@blueprint.post("/<token>/submit")
@needs(Permission.PUBLIC)
@limiter.limit("20 per minute")
def submit(token: str) -> ResponseReturnValue:
    """'회원가입(심사접수)'. A second press finds the first one's application (R-JOIN-8)."""
    stranger = strange(signups.load(token=token))
    if stranger is not None:
        return stranger
    try:
        signup_submit.submit(token=token, ip=request.remote_addr)
    except NotFound:
        raise
    except Ineligible as refusal:
        step = "verify" if "representative" in refusal.fields else "details"
        return ineligible_page(step, token, refusal)
    except InvalidInput as refusal:
        found = enter(token, "check")
        if isinstance(found, Response):
            return found
        return _check_page(found, refusal)
    except Refusal as refusal:
        return refused(refusal, to=url_for("signup.check", token=token))
    return redirect(url_for("signup.done", token=token))


@blueprint.get("/<token>/done")
@needs(Permission.PUBLIC)
def done(token: str) -> ResponseReturnValue:
    if signups.load(token=token).submitted_at is None:
        return redirect(url_for("signup.resume", token=token))
    return render_template("portal/signup/done.html", application=signup_submit.receipt(token=token))
