"""계정: log-ins of staff and suppliers, opened and closed with a reason (R-AUD-1)."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose
from wtforms import PasswordField, SelectField, StringField

from app.access import current_actor, needs
from app.backoffice.parts import Page, everything, export_format, listed, run, spreadsheet, typed
from app.documents.exports import Column
from app.errors import Refusal
from app.korean import question, with_object
from app.policy import Permission, Role
from app.web import confirm
from app.web.forms import BaseForm, PhoneField, Required, longest, refusal_to_form
from app.workflows import accounts, accounts_reads, programmes

STAFF = [role for role in Role if role.is_staff]
COLUMNS: list[Column[Any]] = [
    Column("아이디", lambda r: r.account.login),
    Column("이름", lambda r: r.account.name),
    Column("역할", lambda r: r.account.role.label),
    Column("소속", lambda r: r.belongs),
    Column("상태", lambda r: "사용" if r.account.is_active else "중지"),
    Column("마지막 로그인", lambda r: r.account.last_login_at, kind="instant"),
    Column("등록일", lambda r: r.account.created_at, kind="instant"),
]


class AccountForm(BaseForm):
    """Staff only: companies and suppliers join by their own ways."""

    login = StringField("아이디", validators=[Required(), longest(30)])
    password = PasswordField("비밀번호", validators=[Required(), longest(200)])
    name = StringField("이름", validators=[Required(), longest(50)])
    role = SelectField("역할", choices=[(role.value, role.label) for role in STAFF])
    agency_id = SelectField("소속 기관", coerce=int, description="운영기관 역할은 그 운영기관을 골라 주세요.")
    email = StringField("이메일", validators=[longest(100)])
    phone = PhoneField("휴대폰")


class Accounts(Page):
    permission = Permission.OPERATIONS_VIEW

    @expose("/")
    def index(self) -> ResponseReturnValue:
        wanted = request.args.get("role", "")
        found: dict[str, Any] = {
            "role": next((role for role in Role if role.value == wanted), None),
            "active": {"1": True, "0": False}.get(request.args.get("active", "")),
            "text": typed("q"),
        }
        if export_format():
            return spreadsheet(everything(accounts_reads.listing, **found), COLUMNS, name="계정")
        listing = listed(accounts_reads.listing, **found)
        roles = [role for role in Role if role is not Role.SYSTEM]
        return self.render("backoffice/operations/accounts.html", listing=listing, roles=roles, **found)

    @expose("/new", methods=["GET", "POST"])
    @needs(Permission.ACCOUNT_MANAGE)
    def new(self) -> ResponseReturnValue:
        form = AccountForm()
        agencies = [*programmes.operating_agencies(), programmes.lead_agency()]
        form.agency_id.choices = [(agency.id, agency.name) for agency in agencies]
        if form.validate_on_submit():
            try:
                account = accounts.create(
                    actor=current_actor(),
                    login=(form.login.data or "").strip(),
                    password=form.password.data or "",
                    role=Role(form.role.data),
                    name=(form.name.data or "").strip(),
                    agency_id=form.agency_id.data,
                    email=form.email.data or None,
                    phone=form.phone.data or None,
                )
            except Refusal as refusal:
                refusal_to_form(form, refusal)
            else:
                flash(f"계정 {with_object(account.login)} 만들었습니다.", "success")
                return redirect(url_for(".index"))
        page = self.render("backoffice/operations/account_new.html", form=form)
        return page, 422 if form.is_submitted() else 200

    @expose("/<int:id>/<any(open, close):action>", methods=["POST"])
    @needs(Permission.ACCOUNT_MANAGE)
    def set_active(self, id: int, action: str) -> ResponseReturnValue:
        account = accounts_reads.get(actor=current_actor(), account_id=id)
        to, label = url_for(".index"), "사용 재개" if action == "open" else "사용 중지"
        asked = confirm.ask(
            question=f"계정 {account.login}: {question(label)}",
            label=label,
            reason_required=True,
            cancel_url=to,
        )
        if asked is not None:
            return asked
        return run(
            accounts.set_active,
            to=to,
            done=f"계정 {account.login}: '{label}' 처리했습니다.",
            account_id=id,
            active=action == "open",
            reason=request.form.get("reason", ""),
        )
