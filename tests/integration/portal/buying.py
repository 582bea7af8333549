"""A demand company at its browser, for the tests of the market's pages."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.models.vouchers import InstrumentKind
from tests import money
from tests.money import Payer

LogIn = Callable[[Any], FlaskClient]


@dataclass
class Buyer:
    payer: Payer
    browser: FlaskClient

    def get(self, address: str, status: int = 200) -> str:
        answer = self.browser.get(address)
        assert answer.status_code == status, answer.get_data(as_text=True)[:2000]
        return answer.get_data(as_text=True)

    def post(self, address: str, **form: Any) -> TestResponse:
        return self.browser.post(address, data=form)


def log_in(log_in_as: LogIn, actor_id: int | None) -> FlaskClient:
    return log_in_as(SimpleNamespace(id=actor_id))


def make_buyer(
    site: Flask, log_in_as: LogIn, sandbox_url: str, *, kind: InstrumentKind | None = None
) -> Buyer:
    fields: dict[str, Any] = {"kind": kind} if kind else {}
    payer = money.make_payer(sandbox_url, **fields)
    return Buyer(payer, log_in(log_in_as, payer.actor.id))


def hidden(page: str, name: str) -> str:
    """The value of a hidden field of a page."""
    found = re.search(rf'<input[^>]*name="{name}"[^>]*value="([^"]*)"', page)
    assert found, f"no field {name}"
    return found[1]


def path_of(answer: TestResponse) -> str:
    """Where a redirect leads, without the host."""
    assert answer.status_code in (302, 303), answer.get_data(as_text=True)[:2000]
    return re.sub(r"^https?://[^/]+", "", answer.headers["Location"])
