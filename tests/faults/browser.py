"""A person at the web: log-in, CSRF, forms as the pages give them, and a lost press once more."""

from __future__ import annotations

import copy
import itertools
import re
import time
from html import unescape
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qsl, urljoin, urlsplit

import httpx

from sandbox import behaviours

CARD = "4518420000000007"
EXPIRY = "0927"
PATIENCE = 90.0
_addresses = itertools.count(2)
# Never used, since all of it is plain HTTP; but a client that makes its own reads every certificate there is.
TLS = httpx.create_ssl_context()


class Refused(Exception):
    """The page answered, and not with what was asked for."""


class _Forms(HTMLParser):
    """The forms of a page: method, action, hidden fields."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, str, dict[str, str]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.found.append((given.get("method", "get").lower(), given.get("action", ""), {}))
        elif tag == "input" and given.get("type") == "hidden" and self.found:
            self.found[-1][2][given.get("name", "")] = given.get("value", "")


def hidden(page: str, action: str) -> dict[str, str]:
    """The hidden fields of the form that is sent to `action`, or to the page's own address."""
    forms = _Forms()
    forms.feed(page)
    for method, aim, fields in forms.found:
        if method == "post" and "csrf_token" in fields and urlsplit(aim).path in ("", action):
            return fields
    raise Refused(f"no form for {action}")


def _client(web: str, cookies: httpx.Cookies | None = None) -> httpx.Client:
    """From an address of its own: the limits count by it (R-AUD-1)."""
    place = next(_addresses)
    own = f"127.{place // 62_500 + 1}.{place // 250 % 250}.{place % 250 + 2}"
    transport = httpx.HTTPTransport(local_address=own, verify=TLS)
    return httpx.Client(base_url=web, trust_env=False, timeout=30, transport=transport, cookies=cookies)


def outer_client() -> httpx.Client:
    """For the played gateways' own pages."""
    return httpx.Client(trust_env=False, timeout=30, verify=TLS)


class Browser:
    def __init__(self, web: str, sandbox: str, payer: dict[str, Any], *, seller: bool = False) -> None:
        self.web, self.sandbox, self.payer = web, sandbox, payer
        self.client, self.outer = _client(web), outer_client()
        self.log_in(payer["seller"] if seller else payer["login"])

    def close(self) -> None:
        self.client.close()
        self.outer.close()

    def twin(self) -> Browser:
        """The same log-in in another window, from another address."""
        other = copy.copy(self)
        other.client, other.outer = _client(self.web, self.client.cookies), outer_client()
        return other

    def move(self) -> None:
        """The same person from another address."""
        cookies = self.client.cookies
        self.client.close()
        self.client = _client(self.web, cookies)

    def log_in(self, login: str) -> None:
        fields = hidden(self.get("/login").text, "/login")
        answer = self.post("/login", fields | {"login": login, "password": self.payer["password"]})
        if answer.status_code != 302:
            raise Refused(f"log-in: {answer.status_code}")

    def get(self, address: str) -> httpx.Response:
        return self._again("GET", address, None)

    def post(self, address: str, fields: dict[str, str]) -> httpx.Response:
        return self._again("POST", address, fields)

    def _again(self, method: str, address: str, fields: dict[str, str] | None) -> httpx.Response:
        """The same once more while no answer comes or the system is ill, as a person reloads."""
        end = time.monotonic() + PATIENCE
        while True:
            try:
                answer = self.client.request(method, address, data=fields)
                if answer.status_code < 500:
                    return answer
                trouble = f"HTTP {answer.status_code}"
            except httpx.TransportError as error:
                trouble = type(error).__name__
            if time.monotonic() > end:
                raise TimeoutError(f"{method} {address}: {trouble}")
            time.sleep(0.05)

    # -- by card -------------------------------------------------------------------------------------------

    def ask_for_code(self, deal: int, *, behaviour: str = "") -> str:
        """Number and expiry; the address of the page that asks for the code."""
        address = f"/pay/{deal}"
        number = behaviours.card_number(behaviour) if behaviour else CARD
        fields = hidden(self.get(address).text, address)
        answer = self.post(address, fields | {"card_number": number, "expiry": EXPIRY})
        if answer.status_code not in (302, 303):
            raise Refused(f"card: {answer.status_code} {said(answer.text)}")
        return urlsplit(answer.headers["Location"]).path

    def code(self, deal: int) -> str:
        """The last that the card company sent to this company's payment contact for this bill."""
        told = self.outer.get(f"{self.sandbox}/messages.json", params={"to": self.payer["phone"]}).json()
        amount = f"] {self.payer['amounts'][str(deal)]:,}원"
        texts = (m["text"] for m in told if "결제 인증번호 [" in m["text"] and amount in m["text"])
        return str(next(texts).partition("결제 인증번호 [")[2][:6])

    def enter_code(self, page: str, code: str) -> str:
        """The press; where it leads."""
        content = self.get(page)
        if content.status_code in (302, 303):
            return urlsplit(content.headers["Location"]).path
        fields = hidden(content.text, page)
        answer = self.post(page, fields | {"code": code})
        return urlsplit(answer.headers.get("Location", "")).path or said(answer.text)

    def pay_by_card(self, deal: int, *, behaviour: str = "") -> str:
        page = self.ask_for_code(deal, behaviour=behaviour)
        if "/card/" not in page:
            return page
        return self.enter_code(page, self.code(deal))

    # -- by ZeroPay ----------------------------------------------------------------------------------------

    def pay_by_zeropay(self, deal: int, *, behaviour: str = "", password: str = "") -> str:
        address = f"/pay/{deal}/zeropay"
        page = self.get(f"/pay/{deal}")
        if page.status_code in (302, 303):
            return urlsplit(page.headers["Location"]).path
        answer = self.post(address, hidden(page.text, address))
        window = answer.headers["Location"]
        if not window.startswith(self.sandbox):
            return urlsplit(window).path
        password = password or (behaviours.password(behaviour) if behaviour else "123456")
        pressed = self.outer.post(window, data={"password": password, "press": "pay"})
        if "Location" not in pressed.headers:
            raise Refused(f"window: {pressed.status_code} {pressed.text[-900:]}")
        back = urlsplit(pressed.headers["Location"])
        page = self.get(f"{back.path}?{back.query}")
        finish = urlsplit(urljoin(back.path, _action(page.text, "/pay/zeropay/finish"))).path
        answer = self.post(finish, hidden(page.text, finish) | dict(parse_qsl(back.query)))
        return urlsplit(answer.headers.get("Location", "")).path

    def pay_until_answered(self, deal: int, *, behaviour: str = "") -> str:
        """A page that says "try again" is taken at its word."""
        end = time.monotonic() + PATIENCE
        while True:
            try:
                return self.pay(deal, behaviour=behaviour)
            except Refused:
                if time.monotonic() > end:
                    raise
                self.move()

    def pay(self, deal: int, *, behaviour: str = "") -> str:
        by = self.pay_by_zeropay if self.payer["zeropay"] else self.pay_by_card
        return by(deal, behaviour=behaviour)

    def cancel(self, payment: int) -> str:
        """Where it leads; the page of the outcome where it was pressed before."""
        address = f"/payments/{payment}/cancel"
        page = self.get(address)
        if page.status_code not in (302, 303):
            page = self.post(address, hidden(page.text, address) | {"reason": "서비스를 바꿉니다."})
        if page.status_code not in (302, 303):
            raise Refused(f"cancel: {page.status_code} {said(page.text)}")
        return urlsplit(page.headers["Location"]).path


def _action(page: str, default: str) -> str:
    found = re.search(r'<form[^>]*action="([^"]*)"', page[page.find("<main") :])
    return unescape(found[1]) if found else default


def said(page: str) -> str:
    """What a page says went wrong."""
    found = re.findall(r'class="[^"]*(?:error|alert|danger)[^"]*"[^>]*>(.*?)</', page, re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>|\s+", " ", text) for text in found)[:300]
