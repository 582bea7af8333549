"""Log-in, log-out, finding a password, and the initial one (R-ROLE-1, R-KST-2, R-KST-4, R-AUD-1)."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.jobs import outbox
from app.models.people import Account
from app.policy import CLOCK, Role
from app.workflows import passwords, programmes
from tests import factories
from tests.integration.portal.applicant import LogIn, text
from tests.integration.workflows.joining import code_for

PASSWORD = "Company-2020"
HOMES = {Role.DEMAND: "/company", Role.SUPPLIER: "/supply", Role.REVIEWER: "/console"}


@pytest.fixture(autouse=True)
def _programme(site: Flask) -> None:
    programmes.create_programme(actor=CLOCK, year=2020)


def make_account(role: Role = Role.DEMAND, **fields: object) -> Account:
    account = factories.make_account(role, password_hash=passwords.hash_password(password=PASSWORD), **fields)
    factories.db.session.commit()
    return account


def log_in(
    client: FlaskClient, login: str, password: str = PASSWORD, address: str = "/login"
) -> TestResponse:
    return client.post(address, data={"login": login, "password": password})


@pytest.mark.parametrize("role", HOMES)
def test_each_role_lands_on_its_own_home(site: Flask, role: Role) -> None:
    """R-ROLE-1"""
    answer = log_in(site.test_client(), make_account(role).login)
    assert answer.status_code == 302
    assert answer.location.rstrip("/").endswith(HOMES[role])


def test_the_page_that_asked_for_the_log_in_is_opened_after_it(site: Flask) -> None:
    account, client = make_account(), site.test_client()
    asked = client.get("/company/status")
    assert asked.status_code == 302 and "/login?next=/company/status" in asked.location
    assert log_in(client, account.login, address=asked.location).location == "/company/status"


@pytest.mark.parametrize("target", ["https://evil.example", "//evil.example", "/\\evil.example"])
def test_never_sends_to_another_host(site: Flask, target: str) -> None:
    answer = log_in(site.test_client(), make_account().login, address=f"/login?next={target}")
    assert "evil" not in answer.location


def test_wrong_password_and_unknown_login_say_the_same_and_keep_the_login(site: Flask) -> None:
    account = make_account()
    pages = [
        text(log_in(site.test_client(), login, "wrong"), 422)
        for login in (account.login, "nobody-of-that-name")
    ]
    assert all("아이디 또는 비밀번호가 맞지 않습니다" in page for page in pages)
    assert f'value="{account.login}"' in pages[0]
    assert "wrong" not in pages[0]
    assert "<title>오류: 로그인" in pages[0]


def test_five_failures_lock(site: Flask) -> None:
    """R-AUD-1"""
    account, client = make_account(), site.test_client()
    for _ in range(5):
        log_in(client, account.login, "wrong")
    assert "15분 동안 로그인할 수 없습니다" in text(log_in(client, account.login), 422)


def test_log_out_ends_the_session(site: Flask, log_in_as: LogIn) -> None:
    client = log_in_as(make_account())
    assert client.post("/logout").status_code == 302
    assert "/login" in client.get("/company").location


def test_who_is_logged_in_is_led_home_from_the_log_in_page(site: Flask, log_in_as: LogIn) -> None:
    assert log_in_as(make_account()).get("/login").location == "/company"


def read_code(sandbox_url: str, phone: str) -> str:
    outbox.drain()
    return code_for(sandbox_url, phone)


def test_password_is_found_by_login_phone_and_code(site: Flask, sandbox_url: str) -> None:
    """R-KST-2"""
    account, client = make_account(phone="01066001100"), site.test_client()
    sent = client.post("/password/find", data={"login": account.login, "phone": "010-6600-1100"})
    assert sent.location == "/password/code"
    assert "남은 시간" in text(client.get("/password/code"))
    assert "인증번호가 맞지 않습니다" in text(client.post("/password/code", data={"code": "000000"}), 422)
    code = read_code(sandbox_url, "01066001100")
    assert client.post("/password/code", data={"code": code}).location == "/password/new"
    differ = client.post("/password/new", data={"password": "Brand-new-7", "again": "other"})
    page = text(differ, 422)
    assert "두 번 입력한 비밀번호가 서로 다릅니다" in page and "Brand-new-7" not in page
    weak = client.post("/password/new", data={"password": "1234", "again": "1234"})
    assert weak.status_code == 422
    done = client.post("/password/new", data={"password": "Brand-new-7", "again": "Brand-new-7"})
    assert done.location == "/login"
    assert log_in(client, account.login, "Brand-new-7").location == "/company"


def test_finding_a_password_does_not_tell_whether_the_login_exists(site: Flask) -> None:
    account = make_account(phone="01066001101")
    answers = []
    for login, phone in (
        (account.login, "01066001101"),
        (account.login, "01066009999"),
        ("none", "01066001101"),
    ):
        client = site.test_client()
        answer = client.post("/password/find", data={"login": login, "phone": phone})
        answers.append((answer.status_code, answer.location, client.get("/password/code").status_code))
    assert len(set(answers)) == 1


def test_code_can_be_sent_again(site: Flask, sandbox_url: str) -> None:
    account, client = make_account(phone="01066001102"), site.test_client()
    client.post("/password/find", data={"login": account.login, "phone": "01066001102"})
    first = read_code(sandbox_url, "01066001102")
    assert client.post("/password/resend").location == "/password/code"
    second = read_code(sandbox_url, "01066001102")
    assert first != second
    assert client.post("/password/code", data={"code": second}).location == "/password/new"


@pytest.mark.parametrize("address", ["/password/code", "/password/new"])
def test_later_steps_begin_at_the_first(site: Flask, address: str) -> None:
    assert site.test_client().get(address).location == "/password/find"


def test_initial_password_opens_nothing_but_the_code_step(site: Flask, sandbox_url: str) -> None:
    """R-KST-4"""
    account = make_account(login="kst-2020", phone="01066001103")
    account.password_hash, account.opens_by_code_only = None, True
    factories.db.session.commit()
    client = site.test_client()
    assert log_in(client, "kst-2020", "kst-20201").location == "/password/code"
    assert "/login" in client.get("/company").location
    code = read_code(sandbox_url, "01066001103")
    assert client.post("/password/code", data={"code": code}).location == "/password/new"
    client.post("/password/new", data={"password": "Brand-new-8", "again": "Brand-new-8"})
    assert log_in(client, "kst-2020", "kst-20201").status_code == 422
    assert log_in(client, "kst-2020", "Brand-new-8").location == "/company"
