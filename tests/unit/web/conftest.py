"""A small application with the face and the guard, and nothing behind them: no database, no roles."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_login import LoginManager, UserMixin, login_user
from jinja2 import ChoiceLoader, FileSystemLoader

import app as package
from app import web
from app.web.limits import limiter


class Person(UserMixin):
    id = "1"
    name = "㈜한빛소프트"


@pytest.fixture
def settings() -> dict[str, Any]:
    return {
        "SECRET_KEY": "a-test-key-of-thirty-two-letters!",
        "TESTING": True,
        "PROPAGATE_EXCEPTIONS": False,
        "ZEROPAY_URL": "https://pay.example.test/zeropay",
        "RATELIMIT_STORAGE_URI": "memory://",
        # The limiter is one object for the process: another test may have left it switched off.
        "RATELIMIT_ENABLED": True,
    }


@pytest.fixture
def screens(settings: dict[str, Any]) -> Iterator[Flask]:
    others = limiter.enabled
    folder = Path(package.__file__).parent
    screens = Flask("app", root_path=str(folder))
    screens.config.update(settings)
    own = FileSystemLoader(Path(__file__).parent / "templates")
    screens.jinja_loader = ChoiceLoader([own, FileSystemLoader(folder / "templates")])  # type: ignore[assignment]
    manager = LoginManager(screens)
    manager.login_view = "login"
    manager.user_loader(lambda _: Person())
    web.init_app(screens)

    @screens.get("/login")
    def login() -> str:
        return "log in"

    @screens.get("/enter")
    def enter() -> str:
        login_user(Person())
        return "in"

    yield screens
    limiter.enabled = others
    limiter.reset()


@pytest.fixture
def client(screens: Flask) -> FlaskClient:
    return screens.test_client()
