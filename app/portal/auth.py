"""Log-in, log-out and '비밀번호 찾기' (R-ROLE-1, R-KST-2, R-KST-4)."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Blueprint, flash, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from wtforms import PasswordField, StringField

from app import access
from app.access import needs
from app.errors import Refusal
from app.policy import Permission, Role
from app.portal import identity
from app.web.forms import BaseForm, PhoneField, Required, refusal_to_form
from app.web.limits import CODE_LIMIT, LOGIN_LIMIT, limiter
from app.workflows import accounts, password_reset, verification

blueprint = Blueprint("auth", __name__)

# The token of a code that was sent stays in the browser's signed cookie: an address would land in histories.
RESET = "password_reset"


class LoginForm(BaseForm):
    login = StringField("아이디", [Required()], render_kw={"autocomplete": "username"})
    password = PasswordField("비밀번호", [Required()], render_kw={"autocomplete": "current-password"})


class FindForm(BaseForm):
    login = StringField("아이디", [Required()], render_kw={"autocomplete": "username"})
    phone = PhoneField("휴대폰 번호", [Required()], render_kw={"autocomplete": "tel"})


class NewPasswordForm(BaseForm):
    password = PasswordField("새 비밀번호", [Required()], render_kw={"autocomplete": "new-password"})
    again = PasswordField("새 비밀번호 확인", [Required()], render_kw={"autocomplete": "new-password"})


def home_of(role: Role) -> str:
    """Where a role lands after log-in (R-ROLE-1)."""
    if role is Role.DEMAND:
        return url_for("company.home")
    if role is Role.SUPPLIER:
        return url_for("supply.home")
    return url_for("console.index")


def _wanted() -> str | None:
    """The page that asked for the log-in; never an address of another host."""
    target = request.args.get("next", "")
    parts = urlsplit(target)
    inside = target.startswith("/") and not target.startswith(("//", "/\\"))
    return target if inside and not parts.netloc and not parts.scheme else None


@blueprint.route("/login", methods=["GET", "POST"])
@needs(Permission.PUBLIC)
@limiter.limit(LOGIN_LIMIT, methods=["POST"])
def login() -> ResponseReturnValue:
    if request.method == "GET" and current_user.is_authenticated:
        return redirect(home_of(current_user.role))
    form = LoginForm()
    if form.validate_on_submit():
        try:
            return _signed_in(form)
        except Refusal as refusal:
            refusal_to_form(form, refusal)
    return render_template("portal/auth/login.html", form=form), 422 if form.errors else 200


def _signed_in(form: LoginForm) -> ResponseReturnValue:
    answer = accounts.authenticate(login=form.login.data, password=form.password.data, ip=request.remote_addr)
    if answer.code_only:
        session[RESET] = password_reset.begin(account_id=answer.account_id)
        flash("처음 로그인하셨습니다. 휴대폰으로 보낸 인증번호를 확인하고 새 비밀번호를 정해 주세요.", "info")
        return redirect(url_for("auth.code"))
    actor = accounts.actor_for(account_id=answer.account_id, ip=request.remote_addr)
    if actor is None:
        raise LookupError("an account that has just signed in is gone")
    wanted = _wanted()
    session.clear()
    access.log_in(actor)
    return redirect(wanted or home_of(actor.role))


@blueprint.post("/logout")
@needs(Permission.PUBLIC)
def logout() -> ResponseReturnValue:
    access.log_out()
    session.clear()
    flash("로그아웃되었습니다.", "success")
    return redirect(url_for("public.index"))


@blueprint.route("/password/find", methods=["GET", "POST"])
@needs(Permission.PUBLIC)
@limiter.limit(CODE_LIMIT, methods=["POST"])
def find_password() -> ResponseReturnValue:
    form = FindForm()
    if form.validate_on_submit():
        try:
            token = password_reset.request(
                login=form.login.data, phone=form.phone.data, ip=request.remote_addr
            )
        except Refusal as refusal:
            refusal_to_form(form, refusal)
        else:
            session[RESET] = token
            flash("아이디와 휴대폰 번호가 등록된 정보와 같으면 인증번호를 보냈습니다.", "info")
            return redirect(url_for("auth.code"))
    return render_template("portal/auth/find.html", form=form), 422 if form.errors else 200


@blueprint.route("/password/code", methods=["GET", "POST"])
@needs(Permission.PUBLIC)
@limiter.limit(CODE_LIMIT, methods=["POST"])
def code() -> ResponseReturnValue:
    if RESET not in session:
        return redirect(url_for("auth.find_password"))
    form = identity.CodeForm()
    if form.validate_on_submit():
        try:
            password_reset.confirm(token=session[RESET], code=form.code.data or "")
        except Refusal as refusal:
            refusal_to_form(form, refusal)
        else:
            return redirect(url_for("auth.new_password"))
    seconds = identity.seconds_left(verification.by_token(token=session[RESET]).expires_at)
    page = render_template("portal/auth/code.html", form=form, seconds=seconds)
    return page, 422 if form.errors else 200


@blueprint.post("/password/resend")
@needs(Permission.PUBLIC)
@limiter.limit(CODE_LIMIT)
def resend_code() -> ResponseReturnValue:
    if RESET not in session:
        return redirect(url_for("auth.find_password"))
    try:
        password_reset.resend(token=session[RESET])
    except Refusal as refusal:
        flash(refusal.text, "danger")
    else:
        flash("인증번호를 다시 보냈습니다.", "success")
    return redirect(url_for("auth.code"))


@blueprint.route("/password/new", methods=["GET", "POST"])
@needs(Permission.PUBLIC)
@limiter.limit(CODE_LIMIT, methods=["POST"])
def new_password() -> ResponseReturnValue:
    """The '비밀번호' popup of the original, which showed the password; here its person sets one (R-KST-2)."""
    if RESET not in session:
        return redirect(url_for("auth.find_password"))
    form = NewPasswordForm()
    if form.validate_on_submit():
        if form.password.data != form.again.data:
            form.again.errors = ("두 번 입력한 비밀번호가 서로 다릅니다. 같은 비밀번호를 입력해 주세요.",)
        else:
            try:
                password_reset.finish(
                    token=session[RESET], new_password=form.password.data, ip=request.remote_addr
                )
            except Refusal as refusal:
                refusal_to_form(form, refusal)
            else:
                session.pop(RESET)
                flash("새 비밀번호를 정했습니다. 새 비밀번호로 로그인해 주세요.", "success")
                return redirect(url_for("auth.login"))
    return render_template("portal/auth/new.html", form=form), 422 if form.errors else 200
