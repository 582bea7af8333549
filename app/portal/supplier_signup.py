"""공급기업 가입, page by page (R-SUP-1; the steps as R-JOIN-1 to R-JOIN-4 and R-JOIN-8).

Like the demand side's: the token of what is half-filled stands in the address and in the browser's signed
cookie, and in another browser it opens only to the same person. Importing this module makes the pages.
"""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from werkzeug.wrappers import Response

from app.access import needs
from app.errors import InvalidInput, NotFound, Refusal
from app.models.catalogue import SupplierSignup
from app.models.companies import CompanyKind, Document, DocumentKind, VerifiedAs
from app.policy import Permission
from app.portal import supplier_signup_people
from app.portal.auth import home_of
from app.portal.signup_flow import tried
from app.portal.signup_forms import AccountForm, documents_form, terms_form
from app.portal.supplier_signup_flow import (
    KEPT,
    ORDER,
    PERSON,
    address,
    blueprint,
    enter,
    following,
    ineligible_page,
    page,
    strange,
)
from app.portal.supplier_signup_forms import SettlementAccountForm, SupplierDetailsForm
from app.web.errors import refused
from app.web.forms import BaseForm
from app.web.limits import limiter
from app.workflows import supplier_signup as signups
from app.workflows import supplier_signup_submit
from app.workflows.eligibility import Ineligible
from app.workflows.slip_snapshots import BANKS
from app.workflows.supplier_terms import SUPPLIER_TERMS

__all__ = ["blueprint", "supplier_signup_people"]

HINTS = {
    DocumentKind.BANK_BOOK.value: "앞 단계에서 입력한 정산 계좌의 계좌번호와 예금주가 보이는 면. "
    "PDF, JPG, PNG (20MB 미만)",
    DocumentKind.INSURANCE_LIST.value: "담당자(임직원)로 인증했다면 그 사람이 명부에 있어야 합니다. "
    "PDF, JPG, PNG (20MB 미만)",
}


@blueprint.get("")
@needs(Permission.PUBLIC)
def start() -> ResponseReturnValue:
    if current_user.is_authenticated:
        return redirect(home_of(current_user.role))
    return render_template("portal/supplier_signup/start.html", kept=_kept())


def _kept() -> SupplierSignup | None:
    """The half-filled one of this browser (R-JOIN-8)."""
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
    return redirect(url_for("supplier_signup.terms", token=found.token))


@blueprint.get("/<token>")
@needs(Permission.PUBLIC)
def resume(token: str) -> ResponseReturnValue:
    """'이어서 작성하기': the first step that is not done."""
    lacking = signups.missing(signups.load(token=token))
    step = next((step for step in ORDER if step in lacking), "check")
    return redirect(url_for(f"supplier_signup.{step}", token=token))


@blueprint.route("/<token>/terms", methods=["GET", "POST"])
@needs(Permission.PUBLIC)
def terms(token: str) -> ResponseReturnValue:
    found = enter(token, "terms")
    if isinstance(found, Response):
        return found
    form = terms_form(found.answers, SUPPLIER_TERMS)
    if form.validate_on_submit():
        accepted = [term.key for term in SUPPLIER_TERMS if form[term.key].data]
        if tried(form, lambda: signups.accept_terms(token=token, accepted=accepted)):
            return redirect(following("terms", token))
    texts = {term.key: f"{term.text}\n\n(시행 {term.version})" for term in SUPPLIER_TERMS}
    boxes = [form[term.key] for term in SUPPLIER_TERMS]
    return page("terms", found, form, boxes=boxes, texts=texts)


@blueprint.route("/<token>/account", methods=["GET", "POST"])
@needs(Permission.PUBLIC)
@limiter.limit("20 per minute", methods=["POST"])
def account(token: str) -> ResponseReturnValue:
    found = enter(token, "account")
    if isinstance(found, Response):
        return found
    form = AccountForm(data=found.answers)
    if form.validate_on_submit():
        login, password = form.login.data.strip(), form.password.data
        if tried(form, lambda: signups.set_account(token=token, login=login, password=password)):
            return redirect(following("account", token))
    onward = following("account", token) if found.password_hash else ""
    return page("account", found, form, following=onward)


@blueprint.route("/<token>/details", methods=["GET", "POST"])
@needs(Permission.PUBLIC)
@limiter.limit("20 per minute", methods=["POST"])
def details(token: str) -> ResponseReturnValue:
    found = enter(token, "details")
    if isinstance(found, Response):
        return found
    known = dict(found.answers)
    if known.get("verified_as") == VerifiedAs.REPRESENTATIVE.value:
        known.setdefault("representative", known["verified_name"])
    form = SupplierDetailsForm(data=known)
    if form.validate_on_submit():
        typed = {name: form[name].data for name in signups.DETAILS}
        typed["kind"] = CompanyKind(form.kind.data)
        try:
            if tried(form, lambda: signups.set_details(token=token, details=typed)):
                return redirect(following("details", token))
        except Ineligible:
            return redirect(address("eligibility", token))
    return page("details", found, form)


@blueprint.get("/<token>/eligibility")
@needs(Permission.PUBLIC)
def eligibility(token: str) -> ResponseReturnValue:
    """Why a company with the details typed so far cannot join; nothing of them is lost."""
    found = enter(token, "details")
    if isinstance(found, Response):
        return found
    obstacle = signups.obstacle(found)
    if obstacle is None:
        return redirect(url_for("supplier_signup.resume", token=token))
    return ineligible_page(token, obstacle, status=200)


@blueprint.route("/<token>/bank", methods=["GET", "POST"])
@needs(Permission.PUBLIC)
@limiter.limit("20 per hour", methods=["POST"])
def bank(token: str) -> ResponseReturnValue:
    """정산 계좌: whose it is, the bank says (R-SET-1)."""
    found = enter(token, "bank")
    if isinstance(found, Response):
        return found
    kept = signups.kept_account(found)
    known = {"account_holder": found.answers["name"]}
    if kept is not None:
        known = {"bank_code": kept.bank_code, "account_holder": kept.holder}
    form = SettlementAccountForm(data=known)
    if form.validate_on_submit():
        typed = {name: form[name].data for name in ("bank_code", "account_number", "account_holder")}
        if tried(form, lambda: signups.set_bank(token=token, **typed)):
            _say_what_the_bank_said(signups.load(token=token))
            return redirect(following("bank", token))
    onward = following("bank", token) if kept and "bank" not in signups.missing(found) else ""
    return page("bank", found, form, kept=kept, banks=BANKS, following=onward)


def _say_what_the_bank_said(found: SupplierSignup) -> None:
    if found.account_verified_at is not None:
        flash("예금주를 확인했습니다.", "success")
        return
    text = (
        "은행이 지금 응답하지 않아 예금주를 확인하지 못했습니다. 계속 신청할 수 있으며 심사할 때 확인합니다."
    )
    flash(text, "warning")


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
    present = {document.kind: document for document in signups.documents(token=token)}
    if form.is_submitted() and not form.errors:
        for kind in [kind for kind in kinds if kind not in present]:
            form[kind.value].errors = [f"{kind.label} 파일을 선택해 주세요."]
        if not form.errors:
            return redirect(following("documents", token))
    files = {kind.value: _existing(token, present.get(kind)) for kind in kinds}
    return page("documents", found, form, files=files, later=following("documents", token), hints=HINTS)


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
    delete = url_for("supplier_signup.remove_document", token=token, document_id=document.id)
    return [{"name": document.file_name, "size": document.size, "delete_url": delete}]


@blueprint.post("/<token>/documents/<int:document_id>/delete")
@needs(Permission.PUBLIC)
def remove_document(token: str, document_id: int) -> ResponseReturnValue:
    stranger = strange(signups.load(token=token))
    if stranger is not None:
        return stranger
    signups.remove_document(token=token, document_id=document_id)
    flash("파일을 삭제했습니다.", "success")
    return redirect(url_for("supplier_signup.documents", token=token))


@blueprint.get("/<token>/check")
@needs(Permission.PUBLIC)
def check(token: str) -> ResponseReturnValue:
    found = enter(token, "check")
    return found if isinstance(found, Response) else _check_page(found, None)


def _check_page(found: SupplierSignup, refusal: Refusal | None) -> ResponseReturnValue:
    answers = found.answers
    agreed = [term for term in SUPPLIER_TERMS if answers["terms"].get(term.key, {}).get("accepted")]
    return page(
        "check",
        found,
        status=422 if refusal else 200,
        lacking=signups.missing(found),
        refusal=refusal,
        terms=agreed,
        person=signups.verified_person(found),
        verified_as=VerifiedAs(answers["verified_as"]),
        kind=CompanyKind(answers["kind"]),
        account=signups.kept_account(found),
        banks=BANKS,
        documents=signups.documents(token=found.token),
    )


@blueprint.post("/<token>/submit")
@needs(Permission.PUBLIC)
@limiter.limit("20 per minute")
def submit(token: str) -> ResponseReturnValue:
    """'공급기업 신청하기'. A second press finds the first one's supplier (R-JOIN-8)."""
    stranger = strange(signups.load(token=token))
    if stranger is not None:
        return stranger
    try:
        supplier_signup_submit.submit(token=token, ip=request.remote_addr)
    except NotFound:
        raise
    except Ineligible as refusal:
        return ineligible_page(token, refusal)
    except InvalidInput as refusal:
        found = enter(token, "check")
        if isinstance(found, Response):
            return found
        return _check_page(found, refusal)
    except Refusal as refusal:
        return refused(refusal, to=url_for("supplier_signup.check", token=token))
    return redirect(url_for("supplier_signup.done", token=token))


@blueprint.get("/<token>/done")
@needs(Permission.PUBLIC)
def done(token: str) -> ResponseReturnValue:
    if signups.load(token=token).submitted_at is None:
        return redirect(url_for("supplier_signup.resume", token=token))
    supplier = supplier_signup_submit.receipt(token=token)
    return render_template(
        "portal/supplier_signup/done.html",
        supplier=supplier,
        number=supplier_signup_submit.receipt_number(supplier),
    )
