"""Every page of every role: it opens, axe finds nothing, its console is quiet, no host but ours is asked."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page

from ops.system import System
from tests.e2e import axe, narrow
from tests.e2e.conftest import Watch
from tests.e2e.pages import markup
from tests.e2e.pages.common import fetch
from tests.e2e.pages.crawl import Crawl, Found, links_of, map_of

# Role -> log-in and the page on which it lands; None for somebody who is not logged in.
ROLES: dict[str, tuple[str | None, str]] = {
    "visitor": (None, "/"),
    "demand": ("demand", "/company"),
    "demand on hold": ("demand3", "/company"),
    "supplier": ("supplier3", "/supply"),
    "reviewer": ("reviewer1", "/console/"),
    "manager": ("manager1", "/console/"),
    "budget officer": ("budget", "/console/"),
    "finance officer": ("finance1", "/console/"),
    "programme manager": ("programme", "/console/"),
    "auditor": ("auditor", "/console/"),
    "system administrator": ("sysadmin", "/console/"),
}
IN_THE_WAY = "a step between two presses: walked, and looked at by axe, in test_the_way.py"
JOINING = "a step of a supplier's joining: walked, and looked at by axe, in test_supplier_joining.py"
FRAGMENT = "a piece of a page that its page asks for"
OFF = "Flask-Admin's own view, switched off: tests/integration/backoffice_base"
# What no link leads to, each with the reason.
ZEROPAY_ONLY = "where a payment by ZeroPay wants one: tests/integration/portal/test_invoice_pages.py"
UNLINKED = {
    "static": "files of the pages",
    "api.list_deals": "a supplier's system asks, signed: tests/integration/portal/test_api.py",
    "api.list_usage": "a supplier's system asks, signed: tests/integration/portal/test_api.py",
    "compare.asked": "what came of asking several suppliers at once: a press that the crawl does not make",
    "console.static": "files of the pages",
    "signup.terms": IN_THE_WAY,
    "signup.verify": IN_THE_WAY,
    "signup.verify_code": IN_THE_WAY,
    "signup.account": IN_THE_WAY,
    "signup.details": IN_THE_WAY,
    "signup.contact": IN_THE_WAY,
    "signup.documents": IN_THE_WAY,
    "signup.instrument": IN_THE_WAY,
    "signup.check": IN_THE_WAY,
    "signup.done": IN_THE_WAY,
    "signup.eligibility": "a company that cannot take part: test_signup_detours.py",
    "signup.earlier": "the same person on another device: test_signup_detours.py",
    "signup.resume": "leads on to the first step that is not done: tests/integration/portal",
    "signup.payer": "a separate payment contact: tests/integration/portal",
    "signup.payer_code": "a separate payment contact: tests/integration/portal",
    "supplier_signup.terms": JOINING,
    "supplier_signup.verify": JOINING,
    "supplier_signup.verify_code": JOINING,
    "supplier_signup.account": JOINING,
    "supplier_signup.details": JOINING,
    "supplier_signup.bank": JOINING,
    "supplier_signup.documents": JOINING,
    "supplier_signup.check": JOINING,
    "supplier_signup.done": JOINING,
    "supplier_signup.eligibility": "a company that cannot join: tests/integration/portal",
    "supplier_signup.earlier": "the same person on another device: tests/integration/portal",
    "supplier_signup.resume": "leads on to the first step that is not done: tests/integration/portal",
    "supply.documents": "offered while something is mended: test_supplier_joining.py",
    "auth.code": "behind a code that was asked for: test_intake.py",
    "auth.new_password": "behind a code that was asked for: test_intake.py",
    "company.edits_export": "offered where something was edited: tests/integration/portal",
    "company.payer_code": "behind a code that was asked for: tests/integration/portal",
    "payments.card_code": IN_THE_WAY,
    "payments.result": IN_THE_WAY,
    "payments.result_now": FRAGMENT,
    "payments.papers": FRAGMENT,
    "payments.cancel": "offered on the day of payment: tests/integration/portal/test_payment_cancel.py",
    "payments.cart_pay": "a selection of the 장바구니 leads there: tests/integration/portal",
    "payments.cart_codes": "a selection of the 장바구니 leads there: tests/integration/portal",
    "payments.cart_result": "a selection of the 장바구니 leads there: tests/integration/portal",
    "payments.zeropay_return": "where ZeroPay's window leads back to: tests/integration/portal",
    "supply.bill": IN_THE_WAY,
    "supply.invoice": ZEROPAY_ONLY,
    "supply.invoice_document": ZEROPAY_ONLY,
    "supply.invoice_template": ZEROPAY_ONLY,
    "supply.invoices_export": ZEROPAY_ONLY,
    "supply.invoice_preview": "an uploaded file leads there: tests/integration/portal",
    "supply.invoice_refused": "an uploaded file leads there: tests/integration/portal",
    "console_settlement.result": "an uploaded file leads there: tests/integration/backoffice",
    "supply.usage_preview": "an uploaded file leads there: tests/integration/portal",
    "supply.usage_refused": "an uploaded file leads there: tests/integration/portal",
    "supply.turn_down": "offered while a consultation waits: tests/integration/portal/test_supply_numbers.py",
    "console_case.compare": "a paper that took another's place leads there: tests/integration/backoffice",
    "slips.check": "printed on every paper; opened below",
    "slips.checked": "printed on every paper as a QR code; opened below",
    "console_bulk.show": "a bulk action's own page: walked, and looked at by axe, in test_screening_day.py",
    "console_bulk.progress": FRAGMENT,
    "console_clocks.progress": FRAGMENT,
    "console_exports.progress": FRAGMENT,
    "console_invoices.document": "where a supplier gave a copy: portal/test_invoice_pages.py",
    "console_clocks.show": "a declared stop leads there: tests/integration/backoffice",
    "console_case.index": "leads on to the queue: tests/integration/backoffice",
    "voucher.person": "offered to a company that K-Startup named: test_intake.py",
    "voucher.person_code": "behind a code that was asked for: test_intake.py",
    "voucher.change_account": "offered while a card is on its way: tests/integration/portal",
    "console_screening.ajax_lookup": OFF,
    "console_screening.details_view": OFF,
    "console_screening.edit_view": OFF,
    "console_screening.create_view": OFF,
    "console_screening.export": OFF,
}


@pytest.fixture(scope="module")
def reached() -> dict[str, set[str]]:
    """Role -> endpoints; filled by the tests, judged by the last."""
    return {}


@pytest.fixture(scope="module")
def variants() -> set[tuple[str, str]]:
    return set()


@pytest.fixture(scope="module")
def gaze() -> axe.Gaze:
    return axe.Gaze()


class Visitor:
    """Opens what the crawl finds, and writes down what is wrong with it.

    Each role asks for each of its pages; the browser draws those that are not like one that it drew before.
    """

    def __init__(self, page: Page, gaze: axe.Gaze) -> None:
        self.page, self.gaze = page, gaze
        self.wrong: list[str] = []

    def open(self, found: Found) -> list[str]:
        """The links that stand there."""
        answer = fetch(self.page, found.url)
        if answer.status >= 400 or (found.is_file and not (answer.status == 200 and answer.body())):
            self.wrong.append(f"{found.url}: {answer.status}, linked from {found.source}")
            return []
        if found.is_file:
            return []
        sent = markup.read(answer.text(), address=answer.url)
        if self.gaze.knows(sent, endpoint=found.endpoint):
            return list(sent.links)
        return self.draw(found)

    def draw(self, found: Found) -> list[str]:
        response = self.page.goto(found.url)
        if response is None or response.status >= 400:
            status = response and response.status
            self.wrong.append(f"{found.url}: {status}, linked from {found.source}")
            return []
        wrong = self.gaze.violations(self.page, endpoint=found.endpoint)
        if not found.endpoint.startswith("console"):
            wrong += narrow.runs_out(self.page)
        self.wrong += [f"{self.page.url}: {one}" for one in wrong]
        return links_of(self.page)


@pytest.mark.slow
@pytest.mark.parametrize("role", ROLES)
def test_every_page_of(
    role: str,
    system: System,
    new_context: Callable[..., BrowserContext],
    log_in: Callable[..., None],
    routes: list[dict[str, str]],
    reached: dict[str, set[str]],
    variants: set[tuple[str, str]],
    gaze: axe.Gaze,
) -> None:
    login, home = ROLES[role]
    page = new_context().new_page()
    if login:
        log_in(page, login)
    visitor = Visitor(page, gaze)
    crawl = Crawl(map_of(routes), system.settings.web_url, variants)
    crawl.add(home)
    reached[role] = {found.endpoint for found in crawl.walk(visit=visitor.open)}
    assert not visitor.wrong, "\n".join(visitor.wrong)
    assert len(reached[role]) > 5, "the menu is gone"


def test_the_page_that_checks_a_paper(new_context: Callable[..., BrowserContext]) -> None:
    """Anybody may ask; a wrong number is told as such (R-DOC-1)."""
    page = new_context().new_page()
    page.goto("/slips/check")
    axe.check(page)
    answer = fetch(page, "/slips/check/AAAA-BBBB-CCCC-DDDD")
    assert answer.status == 404
    assert "확인되지 않는 번호입니다" in answer.text()


def test_no_page_is_left_out(routes: list[dict[str, str]], reached: dict[str, set[str]]) -> None:
    """A new page that no role can find, or a link that is gone, is seen here."""
    if set(reached) != set(ROLES):
        pytest.skip("only some of the roles have walked")
    endpoints = {route["endpoint"] for route in routes}
    assert sorted(set(UNLINKED) - endpoints) == []
    found = set().union(*reached.values())
    assert sorted(endpoints - found - set(UNLINKED)) == []


def test_the_eyes_are_open(new_context: Callable[..., BrowserContext], watch: Watch) -> None:
    """What the tests above rely on: axe and the watch see what is wrong."""
    page = new_context().new_page()
    page.goto("/")
    page.evaluate("() => { document.querySelector('main').innerHTML = '<input>'; }")
    assert any(one.startswith("label:") for one in axe.violations(page))
    page.evaluate("() => fetch('https://foreign.example/').catch(() => console.error('gone'))")
    with page.expect_event("pageerror"):
        page.evaluate("() => setTimeout(() => { throw new Error('broken'); })")
    seen, watch.complaints[:] = "\n".join(watch.complaints), []
    assert "gone" in seen
    assert "script error: broken" in seen
