"""Chromium against the whole running system: web, worker, scheduler and sandbox as processes of their own.

One demonstration serves all tests. Tests that move its time forward come last, since it never goes back.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

from ops import browser as browsers
from ops import testenv
from ops.system import FLASK, System, running_system
from tests.e2e.pages.outer import Phone

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
ARTIFACTS = HERE / "artifacts"
OUTCOME = pytest.StashKey[bool]()
FOREIGN = "a request to a foreign host"
# All people of the tests knock from one address; how often one may is a test of its own (tests/unit/web).
EXTRA = {"RATELIMIT_ENABLED": "0"}
# Milliseconds, on a machine that has other things to do.
PATIENCE = 30_000
FIRST = ("test_every_page", "test_keyboard", "test_intake")
"""Files that find the demonstration as it was filled; the others move its time."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    ours = [item for item in items if HERE in item.path.parents]
    for item in ours:
        item.add_marker(pytest.mark.e2e)
    order = {name: place for place, name in enumerate(FIRST)}
    places = [place for place, item in enumerate(items) if item in ours]
    ours.sort(key=lambda item: order.get(item.path.stem, len(FIRST)))
    for place, item in zip(places, ours, strict=True):
        items[place] = item


@pytest.fixture(scope="session")
def system() -> Iterator[System]:
    """A filled demonstration; one for all browser tests."""
    with testenv.temporary_home() as home, running_system(home, extra=EXTRA) as running:
        yield running


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(**browsers.launch_options())
        yield running
        running.close()


class Watch:
    """What a page did that it should not have: console errors, failed scripts, foreign requests."""

    def __init__(self, allowed: set[str]) -> None:
        self.allowed = allowed
        self.complaints: list[str] = []

    def attach(self, page: Page) -> None:
        page.on("pageerror", lambda error: self.complaints.append(f"{page.url}: script error: {error}"))
        page.on("console", lambda message: self._message(page, message))
        page.on("request", lambda request: self._request(page, request.url))

    def _message(self, page: Page, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.complaints.append(f"{page.url}: {message.text} ({message.location.get('url')})")

    def _request(self, page: Page, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme in ("http", "https") and parts.netloc not in self.allowed:
            self.complaints.append(f"{page.url}: {FOREIGN}: {parts.netloc}")


@pytest.fixture
def watch(system: System) -> Iterator[Watch]:
    hosts = {urlsplit(url).netloc for url in (system.settings.web_url, system.settings.sandbox_url)}
    watching = Watch(hosts)
    yield watching
    assert not watching.complaints, "\n".join(watching.complaints)


@pytest.fixture(autouse=True)
def quiet_servers(system: System) -> Iterator[None]:
    """No process of the system logs an error while a test runs: what a page hides, its server says."""
    logs = [system.settings.home / "log" / f"{part}.log" for part in ("web", "worker", "scheduler")]
    before = {log: log.stat().st_size if log.exists() else 0 for log in logs}
    yield
    for log in logs:
        if not log.exists():
            continue
        with log.open(encoding="utf-8") as lines:
            lines.seek(before[log])
            loud = [line for line in lines if '"level": "ERROR"' in line or "Traceback" in line]
        assert not loud, f"{log.name}: " + "\n".join(loud[:5])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:
    report = yield
    if report.when == "call":
        item.stash[OUTCOME] = report.failed
    return report


def _keep_pictures(name: str, contexts: list[BrowserContext]) -> None:
    """What each person saw when the test failed."""
    ARTIFACTS.mkdir(exist_ok=True)
    pages = [page for context in contexts for page in context.pages]
    for place, page in enumerate(pages):
        stem = ARTIFACTS / f"{re.sub(r'[^A-Za-z0-9_]+', '_', name)}-{place + 1}"
        page.screenshot(path=f"{stem}.png", full_page=True)
        Path(f"{stem}.html").write_text(f"<!-- {page.url} -->\n{page.content()}", encoding="utf-8")


@pytest.fixture
def new_context(
    request: pytest.FixtureRequest, system: System, chromium: Browser, watch: Watch
) -> Iterator[Callable[..., BrowserContext]]:
    """A person at a browser of their own."""
    contexts: list[BrowserContext] = []

    def make(**options: Any) -> BrowserContext:
        settings = {"base_url": system.settings.web_url, "locale": "ko-KR", "timezone_id": "Asia/Seoul"}
        context = chromium.new_context(**(settings | options))
        context.set_default_timeout(PATIENCE)
        context.on("page", watch.attach)
        contexts.append(context)
        return context

    yield make
    if request.node.stash.get(OUTCOME, False):
        _keep_pictures(request.node.name, contexts)
    for context in contexts:
        context.close()


@pytest.fixture
def phone(system: System) -> Phone:
    return Phone(system.settings.sandbox_url)


@pytest.fixture
def log_in(system: System) -> Callable[..., None]:
    """Log in at the page as one of the demonstration's people: all of them have the same password."""
    demonstration = system.accounts[0]["password"]

    def at(page: Page, login: str, password: str = demonstration) -> None:
        page.goto("/login")
        page.get_by_label("아이디").fill(login)
        page.get_by_label("비밀번호", exact=True).fill(password)
        page.get_by_role("main").get_by_role("button", name="로그인", exact=True).click()
        page.wait_for_url(re.compile(r"^(?!.*/login)"))

    return at


@pytest.fixture
def person(new_context: Callable[..., BrowserContext], log_in: Callable[..., None]) -> Callable[..., Page]:
    """Somebody at a browser of their own, logged in."""

    def come(login: str, password: str | None = None) -> Page:
        page = new_context().new_page()
        log_in(page, login, *([password] if password else []))
        return page

    return come


@pytest.fixture
def flask(system: System) -> Callable[..., Any]:
    """A command of the platform in the running system's environment; its JSON."""

    def run(*arguments: str) -> Any:
        command = [*FLASK, *arguments, "--json"]
        done = subprocess.run(
            command, cwd=ROOT, env=system.environment, capture_output=True, check=False, timeout=180
        )
        assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()
        return json.loads(done.stdout)

    return run


@pytest.fixture(scope="session")
def routes(system: System) -> list[dict[str, str]]:
    """Every address that answers to GET, as the application itself lists them: `rule` and `endpoint`."""
    script = (
        "import json, wsgi; print(json.dumps([{'rule': r.rule, 'endpoint': r.endpoint}"
        " for r in wsgi.app.url_map.iter_rules() if 'GET' in r.methods]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env=system.environment, capture_output=True, check=True
    )
    found: list[dict[str, str]] = json.loads(done.stdout)
    return found


@pytest.fixture
def scratch() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)
