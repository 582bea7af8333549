"""The press as browsers send it, over a real threaded server, with the guard against forged forms on."""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from html.parser import HTMLParser
from typing import Any

import httpx
import pytest
from flask import Flask
from werkzeug.serving import make_server

from app.db import db
from app.models.payments import Payment
from tests import invariant, money

CLICKS = 24


class Form(HTMLParser):
    """The fields of a page's form that holds the field `name`, as a browser would send them."""

    def __init__(self, page: str, name: str) -> None:
        super().__init__()
        self._forms: list[dict[str, str]] = []
        self.feed(page)
        [self.fields] = [form for form in self._forms if name in form]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = {key: value or "" for key, value in attrs}
        if tag == "form":
            self._forms.append({})
        elif tag in ("input", "textarea") and self._forms and "name" in named:
            self._forms[-1][named["name"]] = named.get("value", "")


@pytest.fixture
def server(committed: Flask, whole_site: Flask) -> Iterator[str]:
    """The whole site behind a real server, a thread for each request."""
    before = whole_site.config["WTF_CSRF_ENABLED"] if "WTF_CSRF_ENABLED" in whole_site.config else True
    whole_site.config["WTF_CSRF_ENABLED"] = True
    web = make_server("127.0.0.1", 0, whole_site, threaded=True)
    thread = threading.Thread(target=web.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{web.server_port}"
    web.shutdown()
    thread.join(10)
    web.server_close()
    whole_site.config["WTF_CSRF_ENABLED"] = before


@pytest.fixture
def browser(server: str, whole_site: Flask) -> Iterator[Callable[[money.Payer], httpx.Client]]:
    opened: list[httpx.Client] = []

    def open_as(payer: money.Payer) -> httpx.Client:
        with whole_site.test_client() as client:
            with client.session_transaction() as cookie:
                cookie["_user_id"] = str(payer.actor.id)
                cookie["_fresh"] = True
            signed = client.get_cookie("session", domain="localhost")
        assert signed is not None
        cookies = httpx.Cookies()
        cookies.set("session", signed.value, domain="127.0.0.1")
        limits = httpx.Limits(max_connections=CLICKS * 2)
        opened.append(
            httpx.Client(base_url=server, trust_env=False, cookies=cookies, limits=limits, timeout=60)
        )
        return opened[-1]

    yield open_as
    for client in opened:
        client.close()


def code_page(browser: httpx.Client, deal_id: int, *, number: str = money.CARD) -> tuple[str, dict[str, str]]:
    """From the bill to the page that asks for the code; its address and its form's fields."""
    address = f"/pay/{deal_id}"
    fields = Form(browser.get(address).text, "card_number").fields
    sent = fields | {"card_number": number, "expiry": money.EXPIRY}
    answer = browser.post(address, data=sent)
    assert answer.status_code == 302, answer.text
    page = answer.headers["Location"]
    return page, Form(browser.get(page).text, "code").fields


def clicks(browser: httpx.Client, *posts: tuple[str, dict[str, str]]) -> list[httpx.Response]:
    gate = threading.Barrier(len(posts))

    def click(post: tuple[str, dict[str, str]]) -> httpx.Response:
        gate.wait(30)
        return browser.post(post[0], data=post[1])

    db.session.rollback()
    with ThreadPoolExecutor(len(posts)) as pool:
        return list(pool.map(click, posts))


def seen(answers: list[httpx.Response]) -> Counter[Any]:
    """Where each led: the result's page, or the status of what was shown instead."""
    return Counter(answer.headers.get("Location", answer.status_code) for answer in answers)


def test_clicks_of_one_page_pay_once_and_all_lead_to_the_result(
    browser: Callable[[money.Payer], httpx.Client], sandbox: str, books: invariant.Books
) -> None:
    payer = money.make_payer(sandbox)
    deal = money.make_bill(payer, 100_000)
    one = browser(payer)
    page, fields = code_page(one, deal.id)
    post = (page, fields | {"code": money.code_for(payer)})
    found = seen(clicks(one, *[post] * CLICKS))
    [payment] = db.session.query(Payment).all()
    [(target, count)] = found.items()
    assert count == CLICKS and re.search(rf"/{payment.id}\b", target)
    # An hour later the same form is sent again: the page is still the payment's.
    again = one.post(post[0], data=post[1])
    assert again.headers["Location"] == target
    assert books.charged() == 1 and sum(payer.left()) == 3_900_000
    invariant.mend()
    books.check()


def test_two_tabs_of_one_bill_pay_once(
    browser: Callable[[money.Payer], httpx.Client], sandbox: str, books: invariant.Books
) -> None:
    payer = money.make_payer(sandbox)
    one = browser(payer)
    for n in range(5):
        deal = money.make_bill(payer, 100_000)
        posts = []
        for _ in range(3):
            page, fields = code_page(one, deal.id)
            posts.append((page, fields | {"code": money.code_for(payer)}))
        answers = clicks(one, *posts * 2)
        assert all(answer.status_code in (302, 303, 409, 422) for answer in answers), seen(answers)
        assert books.charged() == n + 1
    invariant.mend()
    books.check()


def test_a_press_without_the_page_s_own_token_does_nothing(
    browser: Callable[[money.Payer], httpx.Client], sandbox: str, books: invariant.Books
) -> None:
    payer = money.make_payer(sandbox)
    deal = money.make_bill(payer, 100_000)
    one = browser(payer)
    page, fields = code_page(one, deal.id)
    for token in ("", "made up"):
        forged = fields | {"code": money.code_for(payer), "csrf_token": token}
        answers = clicks(one, *[(page, forged)] * 4)
        assert {answer.status_code for answer in answers} <= {400, 403, 422}
    assert db.session.query(Payment).count() == 0
    books.check()


def test_cancelling_in_two_tabs_gives_back_once(
    browser: Callable[[money.Payer], httpx.Client], sandbox: str, books: invariant.Books
) -> None:
    """R-PAY-6"""
    payer = money.make_payer(sandbox)
    payment = money.pay(payer, money.make_bill(payer, 100_000))
    order_id = payment.order_id
    one = browser(payer)
    address = f"/payments/{payment.id}/cancel"
    fields = Form(one.get(address).text, "reason").fields
    answers = clicks(one, *[(address, fields | {"reason": "변경"})] * 8)
    assert all(answer.status_code in (302, 303) for answer in answers), seen(answers)
    assert money.book(sandbox, order_id) == [("charge", 100_000), ("cancel", 100_000)]
    assert sum(payer.left()) == 4_000_000
    invariant.mend()
    books.check()
