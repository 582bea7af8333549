"""Who is at the door, and what each door demands: default deny (R-ROLE-1, R-AUD-1).

Every endpoint declares a permission with `@needs(...)`; an application with an undeclared one does not start.
Flask-Admin's views declare theirs as a class attribute, checked by `app.backoffice.base`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from flask import Flask, abort, current_app, redirect, request, url_for
from flask_admin import BaseView
from flask_login import LoginManager, UserMixin, current_user, login_user, logout_user
from werkzeug.wrappers import Response

from app.policy import Actor, Permission
from app.workflows import accounts

View = TypeVar("View", bound=Callable[..., Any])

# Flask's own, and the heartbeat of those who are logged in: they answer to everybody.
OPEN_ENDPOINTS = frozenset({"static", "web.extend"})

login_manager = LoginManager()
login_manager.login_view = "auth.login"
login_manager.login_message = "로그인이 필요한 화면입니다. 로그인해 주세요."
login_manager.login_message_category = "info"


class User(UserMixin):
    """The log-in as Flask-Login and the templates see it."""

    def __init__(self, actor: Actor) -> None:
        self.actor = actor
        self.id = actor.id
        self.name = actor.name
        self.role = actor.role

    @property
    def is_staff(self) -> bool:
        return self.actor.role.is_staff


@login_manager.user_loader  # type: ignore[untyped-decorator,unused-ignore]
def _load(account_id: str) -> User | None:
    actor = accounts.actor_for(account_id=int(account_id), ip=request.remote_addr)
    return User(actor) if actor else None


def current_actor() -> Actor:
    """The person of this request. Raises 401 where nobody is logged in."""
    if not current_user.is_authenticated:
        abort(401)
    actor: Actor = current_user.actor
    return actor


def actor_or_none() -> Actor | None:
    """The person of this request, or None for a visitor."""
    # One look at the proxy; a visitor has no actor.
    actor: Actor | None = getattr(current_user._get_current_object(), "actor", None)
    return actor


def log_in(actor: Actor) -> None:
    login_user(User(actor))


def log_out() -> None:
    logout_user()


def allowed(permission: Permission) -> bool:
    """Whether the person of this request, or anybody, may do this."""
    if permission is Permission.PUBLIC:
        return True
    return bool(current_user.is_authenticated and current_user.actor.may(permission))


def needs(permission: Permission) -> Callable[[View], View]:
    """Declare what an endpoint demands. Put it directly under the route."""

    def declare(view: View) -> View:
        view.permission = permission  # type: ignore[attr-defined]
        return view

    return declare


def permission_of(app: Flask, endpoint: str) -> Permission | None:
    """What an endpoint demands, or None where it does not say."""
    if endpoint in OPEN_ENDPOINTS or endpoint.endswith(".static"):
        return Permission.PUBLIC
    view = app.view_functions[endpoint]
    declared = getattr(view, "permission", None)
    if declared is None:
        owner = getattr(view, "__self__", None) or _admin_view(app, endpoint)
        declared = getattr(owner, "permission", None)
    return declared


def _admin_view(app: Flask, endpoint: str) -> BaseView | None:
    for admin in app.extensions.get("admin", []):
        for view in admin._views:
            if endpoint.rpartition(".")[0] == view.endpoint:
                return view
    return None


def check_declared(app: Flask) -> None:
    """Refuse to start with an endpoint that declares no permission."""
    silent = [name for name in app.view_functions if permission_of(app, name) is None]
    if silent:
        raise RuntimeError("endpoints without a declared permission: " + ", ".join(sorted(silent)))


def _guard() -> Response | None:
    if request.endpoint is None:
        return None
    permission = permission_of(current_app, request.endpoint)
    if permission is None:
        abort(403)
    if allowed(permission):
        return None
    if not current_user.is_authenticated:
        target = request.full_path.rstrip("?") if request.method == "GET" else None
        return redirect(url_for("auth.login", next=target))
    abort(403)


def init_app(app: Flask) -> None:
    """Call before app.web: the idle session asks who is logged in."""
    login_manager.init_app(app)


def guard(app: Flask) -> None:
    """Call after app.web, so that a refusal already has its nonce and its page."""
    app.before_request(_guard)
