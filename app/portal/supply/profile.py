"""기업정보·계좌: what a supplier says of itself, where it is paid, how it stands (R-SUP-1, R-SET-1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from wtforms import StringField, TextAreaField

from app.access import current_actor, needs
from app.errors import Conflict, InvalidInput
from app.models.catalogue import Supplier
from app.models.companies import DocumentKind
from app.policy import Actor, Permission
from app.portal.supplier_signup_forms import SettlementAccountForm
from app.portal.supply.root import blueprint
from app.web import confirm
from app.web.errors import refused
from app.web.forms import BaseForm, PhoneField, Required, longest, refusal_to_form
from app.web.limits import limiter
from app.workflows import supplier_accounts, supplier_history, supplier_papers, suppliers
from app.workflows.slip_snapshots import BANKS
from app.workflows.supplier_history import Mended
from app.workflows.supplier_lifecycle import SUPPLIER

RESUBMIT: dict[str, Any] = {
    "question": "보완한 내용을 제출할까요?",
    "consequence": "제출하면 ‘심사중’이 되고, 전문기관이 다시 심사합니다.",
    "label": "보완 제출",
}
CHANGE_ACCOUNT: dict[str, Any] = {
    "question": "정산 계좌를 바꿀까요?",
    "consequence": "은행에 예금주를 바로 확인합니다. 은행이 응답하지 않으면 전문기관이 확인할 때까지 대금이 "
    "지급되지 않습니다.",
    "label": "계좌 변경",
}


class ProfileForm(BaseForm):
    """기업정보"""

    name = StringField("기업명", [Required(), longest(100)])
    representative = StringField("대표자", [Required(), longest(50)])
    phone = PhoneField("대표 전화", [Required()], mobile=False)
    email = StringField("이메일", [Required(), longest(100)])
    address = StringField("주소", [Required(), longest(200)])
    introduction = TextAreaField("기업 소개", [longest(4000)])


@dataclass(frozen=True, kw_only=True)
class Item:
    """Something that a 보완 names, and where it is mended."""

    mark: str
    label: str
    url: str
    done: bool


@dataclass(frozen=True, kw_only=True)
class Mending:
    reason: str
    items: list[Item]

    @property
    def marks(self) -> set[str]:
        return {item.mark for item in self.items}


def mending(actor: Actor, supplier: Supplier) -> Mending | None:
    """None where there is nothing to mend now (R-SCR-3a)."""
    found = supplier_history.mended(actor=actor, supplier=supplier)
    if found is None or not supplier_papers.replaceable(supplier):
        return None
    items = [
        Item(
            mark=mark,
            label=supplier_history.mark_label(mark),
            url=_place(mark),
            done=mark in found.touched,
        )
        for mark in found.marks
    ]
    return Mending(reason=found.reason, items=items)


def _place(mark: str) -> str:
    if mark == "account":
        return url_for("supply.change_account")
    papers = {kind.value for kind in DocumentKind}
    return url_for("supply.documents" if mark in papers else "supply.edit_profile", _anchor=mark)


@blueprint.get("/profile")
@needs(Permission.SUPPLIER_VIEW)
def profile() -> ResponseReturnValue:
    actor = current_actor()
    supplier = suppliers.mine(actor=actor)
    found = supplier_history.mended(actor=actor, supplier=supplier)
    return render_template(
        "portal/supply/profile.html",
        supplier=supplier,
        bank=BANKS.get(supplier.bank_code or "", supplier.bank_code),
        actions={edge.action for edge in SUPPLIER.open_to(actor, supplier)},
        mending=mending(actor, supplier),
        papers=supplier_papers.of(supplier),
        replaceable=supplier_papers.replaceable(supplier),
        history=_history(supplier),
        resubmit=RESUBMIT | {"consequence": _consequence(found)},
    )


def _history(supplier: Supplier) -> list[dict[str, Any]]:
    return [
        {
            "at": entry.at,
            "title": entry.title,
            "who": entry.who,
            "note": entry.reason or "",
            "tone": entry.tone,
            "current": place == 0,
        }
        for place, entry in enumerate(supplier_history.history(supplier.id, own=True))
    ]


def _consequence(found: Mended | None) -> str:
    """What handing in means, after what is still as it was."""
    meaning = str(RESUBMIT["consequence"])
    if found is None or not found.untouched:
        return meaning
    return f"보완을 요청받았지만 아직 바꾸지 않은 항목이 있습니다: {', '.join(found.untouched)}. {meaning}"


def _profile_form(supplier: Supplier) -> ProfileForm:
    form = ProfileForm(obj=supplier)
    if supplier.state not in suppliers.UNDECIDED:
        for name in suppliers.SCREENED_NAMES:
            del form[name]
    return form


@blueprint.route("/profile/edit", methods=["GET", "POST"])
@needs(Permission.OFFERING_WRITE)
def edit_profile() -> ResponseReturnValue:
    actor = current_actor()
    supplier = suppliers.mine(actor=actor)
    form = _profile_form(supplier)
    if form.validate_on_submit():
        fields = {name: value or "" for name, value in form.data.items() if name != "csrf_token"}
        try:
            suppliers.edit(actor=actor, **fields)
        except (Conflict, InvalidInput) as refusal:
            refusal_to_form(form, refusal)
        else:
            flash("기업정보를 저장했습니다.", "success")
            return redirect(url_for("supply.profile"))
    asked = mending(actor, supplier)
    page = render_template("portal/supply/profile_form.html", form=form, supplier=supplier, mending=asked)
    return page, 422 if form.errors else 200


@blueprint.route("/profile/account", methods=["GET", "POST"])
@needs(Permission.OFFERING_WRITE)
@limiter.limit("20 per hour", methods=["POST"])
def change_account() -> ResponseReturnValue:
    """A new account is typed, asked about, and its holder checked at the bank at once (R-SET-1)."""
    actor, here = current_actor(), url_for("supply.profile")
    supplier, form = suppliers.mine(actor=actor), SettlementAccountForm()
    if form.validate_on_submit():
        question = confirm.ask(**CHANGE_ACCOUNT, cancel_url=here)
        if question is not None:
            return question
        try:
            changed = supplier_accounts.change_account(
                actor=actor,
                bank_code=form.bank_code.data or "",
                account_number=form.account_number.data or "",
                account_holder=form.account_holder.data or "",
            )
        except InvalidInput as refusal:
            refusal_to_form(form, refusal)
        else:
            _say_what_the_bank_said(changed)
            return redirect(here)
    page = render_template(
        "portal/supply/account_form.html",
        form=form,
        supplier=supplier,
        bank=BANKS.get(supplier.bank_code or "", supplier.bank_code),
        confirm=CHANGE_ACCOUNT,
    )
    return page, 422 if form.errors else 200


def _say_what_the_bank_said(supplier: Supplier) -> None:
    if supplier.account_verified_at is not None:
        flash("정산 계좌를 저장했습니다. 예금주를 확인했습니다.", "success")
        return
    text = "정산 계좌를 저장했습니다. 은행이 응답하지 않아 예금주는 전문기관이 나중에 확인합니다."
    flash(text, "warning")


@blueprint.post("/profile/resubmit")
@needs(Permission.OFFERING_WRITE)
def resubmit() -> ResponseReturnValue:
    """보완 제출"""
    actor, here = current_actor(), url_for("supply.profile")
    found = supplier_history.mended(actor=actor, supplier=suppliers.mine(actor=actor))
    question = confirm.ask(**RESUBMIT | {"consequence": _consequence(found)}, cancel_url=here)
    if question is not None:
        return question
    try:
        suppliers.resubmit(actor=actor)
    except Conflict as refusal:
        return refused(refusal, to=here)
    flash("보완한 내용을 제출했습니다. 심사 결과는 알림으로 알려 드립니다.", "success")
    return redirect(here)
