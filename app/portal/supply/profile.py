"""기업정보·계좌: what a supplier says of itself, where it is paid, how it stands (R-SUP-1, R-SET-1)."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from wtforms import SelectField, StringField, TextAreaField

from app.access import current_actor, needs
from app.errors import Conflict, InvalidInput
from app.models.catalogue import Supplier, SupplierState
from app.policy import Permission
from app.portal.supply.root import blueprint
from app.web import confirm
from app.web.errors import refused
from app.web.forms import BaseForm, PhoneField, Required, TolerantField, longest, refusal_to_form
from app.workflows import suppliers
from app.workflows.slip_snapshots import BANKS
from app.workflows.suppliers import SUPPLIER

SCREENED_NAMES = ("name", "representative")
"""Fixed once the supplier is 선정."""
RESUBMIT: dict[str, Any] = {
    "question": "보완한 내용을 제출할까요?",
    "consequence": "제출하면 ‘심사중’이 되고, 전문기관이 다시 심사합니다.",
    "label": "보완 제출",
}
CHANGE_ACCOUNT: dict[str, Any] = {
    "question": "정산 계좌를 바꿀까요?",
    "consequence": "바꾸면 계좌 확인이 취소되고, 새 계좌가 확인될 때까지 대금이 지급되지 않습니다.",
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


class AccountForm(BaseForm):
    """정산 계좌"""

    bank_code = SelectField("은행", [Required()])
    account_number = TolerantField("계좌번호", [Required()])
    account_holder = StringField("예금주", [Required(), longest(100)])


@blueprint.get("/profile")
@needs(Permission.SUPPLIER_VIEW)
def profile() -> ResponseReturnValue:
    actor = current_actor()
    supplier = suppliers.mine(actor=actor)
    return render_template(
        "portal/supply/profile.html",
        supplier=supplier,
        bank=BANKS.get(supplier.bank_code or "", supplier.bank_code),
        actions={edge.action for edge in SUPPLIER.open_to(actor, supplier)},
        resubmit=RESUBMIT,
    )


def _profile_form(supplier: Supplier) -> ProfileForm:
    form = ProfileForm(obj=supplier)
    if supplier.state not in (SupplierState.SCREENING, SupplierState.SUPPLEMENT):
        for name in SCREENED_NAMES:
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
    page = render_template("portal/supply/profile_form.html", form=form, supplier=supplier)
    return page, 422 if form.errors else 200


@blueprint.route("/profile/account", methods=["GET", "POST"])
@needs(Permission.OFFERING_WRITE)
def change_account() -> ResponseReturnValue:
    """A new account is typed, checked, then asked about: the old one's verification is lost (R-SET-1)."""
    actor, here = current_actor(), url_for("supply.profile")
    supplier, form = suppliers.mine(actor=actor), AccountForm()
    form.bank_code.choices = [("", "은행을 선택해 주세요"), *BANKS.items()]
    if form.validate_on_submit():
        question = confirm.ask(**CHANGE_ACCOUNT, cancel_url=here)
        if question is not None:
            return question
        try:
            suppliers.change_account(
                actor=actor,
                bank_code=form.bank_code.data or "",
                account_number=form.account_number.data or "",
                account_holder=form.account_holder.data or "",
            )
        except InvalidInput as refusal:
            refusal_to_form(form, refusal)
        else:
            flash("정산 계좌를 저장했습니다. 전문기관이 확인하면 알려 드립니다.", "success")
            return redirect(here)
    page = render_template(
        "portal/supply/account_form.html",
        form=form,
        supplier=supplier,
        bank=BANKS.get(supplier.bank_code or "", supplier.bank_code),
        confirm=CHANGE_ACCOUNT,
    )
    return page, 422 if form.errors else 200


@blueprint.post("/profile/resubmit")
@needs(Permission.OFFERING_WRITE)
def resubmit() -> ResponseReturnValue:
    """보완 제출"""
    here = url_for("supply.profile")
    question = confirm.ask(**RESUBMIT, cancel_url=here)
    if question is not None:
        return question
    try:
        suppliers.resubmit(actor=current_actor())
    except Conflict as refusal:
        return refused(refusal, to=here)
    flash("보완한 내용을 제출했습니다. 심사 결과는 알림으로 알려 드립니다.", "success")
    return redirect(here)
