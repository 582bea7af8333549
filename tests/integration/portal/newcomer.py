"""Somebody who signs up through the pages, step by step: for the tests of the sign-up."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.models.numbers import complete_business_number
from app.models.programme import Agency
from tests.integration.portal.applicant import text, upload
from tests.integration.workflows.joining import PASSWORD, code_for

_serial = itertools.count(1)
STEPS = ("terms", "verify", "account", "details", "contact", "documents", "instrument", "check")


@dataclass
class Newcomer:
    """Somebody who signs up, and what they type."""

    browser: FlaskClient
    sandbox: str
    agency: Agency
    n: int
    token: str = ""
    person: str = "홍길동"

    @property
    def phone(self) -> str:
        return f"010{66100000 + self.n * 100}"

    def url(self, step: str) -> str:
        return f"/signup/{self.token}/{step}"

    def get(self, step: str, status: int = 200) -> str:
        return text(self.browser.get(self.url(step)), status)

    def post(self, step: str, **form: Any) -> TestResponse:
        return self.browser.post(self.url(step), data=form)

    def begin(self) -> None:
        self.token = self.browser.post("/signup").location.split("/")[2]

    def terms(self) -> TestResponse:
        return self.post("terms", service="y", privacy="y")

    def ask(self, step: str, *, phone: str, **form: Any) -> TestResponse:
        who = {"name": self.person, "birth7": "8001011", "carrier": "SKT", "phone": phone}
        return self.post(step, **who | form)

    def verify(self, verified_as: str = "representative") -> TestResponse:
        asked = self.ask("verify", phone=self.phone, verified_as=verified_as)
        assert asked.location.endswith("/verify/code"), text(asked)
        return self.post("verify/code", code=code_for(self.sandbox, self.phone))

    def account(self) -> TestResponse:
        return self.post("account", login=f"newcomer-{self.n}", password=PASSWORD, again=PASSWORD)

    def details(self, **changes: Any) -> TestResponse:
        typed = {
            "kind": "corporate",
            "business_number": self.number,
            "name": f"주식회사 새싹{self.n}",
            "representative": self.person,
            "industry": "소프트웨어 개발",
            "address": "서울특별시 중구 세종대로 110",
            "email": "office@example.co.kr",
        }
        return self.post("details", **typed | changes)

    @property
    def number(self) -> str:
        return complete_business_number(f"{310000000 + self.n * 7}")

    def contact(self, **changes: Any) -> TestResponse:
        return self.post("contact", **{"same_as_representative": "y", "payer": "verified"} | changes)

    def documents(self, *kinds: str) -> TestResponse:
        kinds = kinds or ("business_registration", "tax_clearance", "corporate_register")
        return self.post("documents", **{kind: upload() for kind in kinds})

    def instrument(self, kind: str = "zeropay") -> TestResponse:
        return self.post("instrument", instrument=kind, agency_id=str(self.agency.id))

    def up_to(self, last: str) -> Newcomer:
        """Everything before this step is done."""
        self.begin()
        for step in STEPS[: STEPS.index(last)]:
            done = getattr(self, step)()
            assert done.status_code == 302, text(done)
        return self


def make_newcomer(site: Flask, agency: Agency, sandbox_url: str) -> Newcomer:
    n = next(_serial)
    return Newcomer(
        site.test_client(),
        sandbox_url,
        agency,
        n,
        person=f"홍길동{'가나다라마바사아자차카타파하'[n % 14]}{n}",
    )


def step_of(answer: TestResponse) -> str:
    assert answer.status_code == 302, text(answer)
    return re.sub(r"^.*/signup/[^/]+/?", "", answer.location)
