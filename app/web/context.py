"""What every template may ask for.

The rooms above hang their answers on `app.extensions`: the layouts know neither companies nor agencies.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from flask import Flask, current_app
from flask_login import current_user

from app.clock import real_now
from app.web import assets, csp, pages, session

DEFAULT_URLS = {
    "home": "/",
    "login": "/login",
    "logout": "/logout",
    "signup": "/signup",
    "wishlist": "/wishlist",
    "search": "/services",
    "privacy": "/privacy",
    "terms": "/terms",
    "support": "/support",
    "abuse": "/abuse",
    "check": "/slips/check",
}


class MenuItem(NamedTuple):
    label: str
    url: str
    active: bool = False
    children: tuple[MenuItem, ...] = ()


MAIN_MENU = (
    MenuItem("사업안내", "/about"),
    MenuItem("사업공고", "/notices"),
    MenuItem("공급기업", "/suppliers"),
    MenuItem("수요기업", "/companies"),
    MenuItem("고객센터", "/support"),
)


def _answer(name: str, default: Any) -> Any:
    answer = current_app.extensions.get(name)
    return default if answer is None else answer()


def demo_banner() -> dict[str, Any] | None:
    """The demonstration's clock (R-TIME-7), or None where there is no demonstration."""
    banner: dict[str, Any] | None = _answer("demo_banner", None)
    return banner and {"clock_url": "/demo/clock", "next_deadline": None, **banner}


def site_urls() -> dict[str, str]:
    return {**DEFAULT_URLS, **_answer("site_urls", {})}


def user_label() -> str:
    label: str = _answer("user_label", "") or str(getattr(current_user, "name", "") or "")
    return label


GLOBALS: dict[str, Any] = {
    "url_for": assets.address,
    "csp_nonce": csp.nonce,
    "page_url": pages.page_url,
    "kept_args": pages.kept_args,
    "session_timer": session.timer,
    "demo_banner": demo_banner,
    "site_urls": site_urls,
    "user_label": user_label,
    "main_menu": lambda: _answer("main_menu", MAIN_MENU),
    "role_menu": lambda: _answer("role_menu", ()),
    "help_lines": lambda: _answer("help_lines", ()),
    "real_year": lambda: real_now().year,
}


def init_app(app: Flask) -> None:
    app.jinja_env.globals.update(GLOBALS)
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
