"""The one CSRF guard: every POST, console included; signed call-backs are exempted by name."""

from __future__ import annotations

import secrets

from flask import Flask, current_app, g, session
from flask_wtf.csrf import CSRFProtect, generate_csrf

from app.web.cookies import ShortSerializer

FIELD = "csrf_token"


def csrf_token() -> str:
    """The request's token, as Flask-WTF makes and reads it."""
    if FIELD not in g:
        # A session without one begins one, by which every later token is checked.
        known = session.setdefault(FIELD, secrets.token_hex(20))
        g.csrf_token = ShortSerializer(current_app.secret_key or "", salt="wtf-csrf-token").dumps(known)
    token: str = generate_csrf()
    return token


class Guard(CSRFProtect):
    def init_app(self, app: Flask) -> None:
        super().init_app(app)
        app.jinja_env.globals[FIELD] = csrf_token
        app.context_processor(lambda: {FIELD: csrf_token})


csrf = Guard()
