"""What every screen shares: the guard (CSP, CSRF, limits, idle sessions) and the face (filters, errors)."""

from __future__ import annotations

from flask import Flask

from app.web import context, csp, errors, filters, limits, session, uploads
from app.web.cookies import SessionCookies
from app.web.csrf import csrf
from app.web.limits import limiter
from app.web.pages import KeyConverter

__all__ = ["csrf", "init_app", "limiter"]


def init_app(app: Flask) -> None:
    """Register all of it, in the order in which a request must meet it. Needs flask_login's manager first.

    The CSP comes before CSRF protection, whose refusal page already needs the nonce; the idle session ends
    before a view runs.
    """
    app.session_interface = SessionCookies()
    # Before the first address is added: an id that no table could hold is an unknown address, no error.
    app.url_map.converters["int"] = KeyConverter
    csp.init_app(app)
    csrf.init_app(app)
    limits.init_app(app)
    session.init_app(app)
    filters.init_app(app)
    context.init_app(app)
    errors.init_app(app)
    uploads.init_app(app)
    app.register_blueprint(session.blueprint)
