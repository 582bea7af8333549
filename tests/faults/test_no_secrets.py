"""R-PAY-2: after payments that went well, badly and to pieces, no number, expiry, code or password is kept.

Searched are every row of every table, the database's own files and log, every process's log, Valkey with its
append-only file, every file of KV_HOME with the text of its PDFs, and the bodies of the pages that say no.
The played gateways' book is left out: it shows the messages that were sent, as a phone would.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pypdf
import redis

from sandbox import behaviours
from tests.faults import scene
from tests.faults.browser import CARD, Browser, hidden
from tests.faults.watch import kill_postgres
from tests.faults.world import World

EXPIRY = "11/87"
WRONG_EXPIRY = "13/99"
BAD_NUMBER = "4518420000000008"
WINDOW_PASSWORD = "739164"
PLAYED = ("sandbox.sqlite3", "sandbox.sqlite3-wal", "sandbox.sqlite3-shm")


@dataclass
class Secrets:
    """What was typed in the course of the test."""

    numbers: set[str] = field(default_factory=set)
    codes: set[str] = field(default_factory=set)

    def patterns(self) -> dict[str, re.Pattern[bytes]]:
        """By a name that says which, without saying it."""
        found = {}
        for number in sorted(self.numbers):
            groups = [number[at : at + 4] for at in range(0, len(number), 4)]
            found[f"card …{number[-4:]}"] = "[ -]?".join(groups)
        for expiry in (EXPIRY, WRONG_EXPIRY):
            month, year = expiry.split("/")
            alone = rf"(?<![0-9/.,:-]){month} ?/ ?{year}(?![0-9/.,:-])"
            found[f"expiry of {month}"] = rf"{alone}|(?:expiry|cardExpiry)\W{{1,6}}{month}/?{year}"
        # Six digits may stand in an instant or an id by chance: a code stands alone.
        for code in (*sorted(self.codes), WINDOW_PASSWORD):
            found[f"code {code[:2]}…"] = rf"(?<![0-9A-Za-z.,:+/=_-]){code}(?![0-9A-Za-z.,:+/=_-])"
        found["log-in password"] = re.escape(scene.PASSWORD)
        return {name: re.compile(pattern.encode()) for name, pattern in found.items()}


def test_no_secret_is_kept_anywhere(world: World) -> None:
    world.until_up()
    secrets = Secrets({CARD, BAD_NUMBER})
    payer, wallet = world.payer(9), world.payer(4, zeropay=True)
    browser = world.browser(payer)
    pages = [*pay_by_card(browser, secrets), *pay_by_zeropay(world.browser(wallet))]
    pages += refusals(world, browser, secrets)
    statuses = {page.status_code for page in pages}
    assert statuses >= {400, 403, 404, 413, 422, 429, 500}, statuses
    assert len(secrets.codes) >= 5
    world.settle_down()
    patterns = secrets.patterns()
    assert search(
        {"seen by the search itself": f"number={CARD} code '{WINDOW_PASSWORD}'".encode()}.items(), patterns
    )
    kept = search(((f"page {page.status_code}", page.content) for page in pages), patterns)
    texts = {name: pattern.pattern.decode() for name, pattern in patterns.items()}
    assert world.call("books.rows_with", patterns={"an order": "KV20[0-9]{6}-"}), "the rows are searched"
    kept += world.call("books.rows_with", patterns=texts)
    kept += search(files(world.home), patterns) + search(queue(world), patterns)
    kept += blocks_with(world.home, secrets.numbers)
    assert kept == []


def pay_by_card(browser: Browser, secrets: Secrets) -> Iterator[httpx.Response]:
    """Approved, declined, lost, garbled, hung up; each after a code that is not the one."""
    deals = iter(browser.payer["deals"])
    for behaviour in ("", "09", "52", "59", "61"):
        deal = next(deals)
        number = behaviours.card_number(behaviour) if behaviour else CARD
        secrets.numbers.add(number)
        address = f"/pay/{deal}"
        typed = {"card_number": "-".join(re.findall("....", number)), "expiry": EXPIRY}
        answer = browser.post(address, hidden(browser.get(address).text, address) | typed)
        page = answer.headers["Location"]
        code = browser.code(deal)
        secrets.codes.add(code)
        for each in (f"{(int(code) + 1) % 1_000_000:06d}", code):
            content = browser.get(page)
            if content.status_code == 200:
                yield browser.post(page, hidden(content.text, page) | {"code": each})
        browser.move()
    deal = next(deals)
    address = f"/pay/{deal}"
    for typed in (
        {"card_number": BAD_NUMBER, "expiry": EXPIRY},
        {"card_number": CARD, "expiry": WRONG_EXPIRY},
        {"card_number": f"{CARD}x", "expiry": EXPIRY},
    ):
        yield browser.post(address, hidden(browser.get(address).text, address) | typed)
    browser.move()


def pay_by_zeropay(browser: Browser) -> Iterator[httpx.Response]:
    """The password is typed in ZeroPay's own window; here it must not come by at all."""
    for deal, behaviour in zip(browser.payer["deals"], ("", "09", "52", "13"), strict=True):
        password = behaviours.password(behaviour) if behaviour else WINDOW_PASSWORD
        browser.pay_by_zeropay(deal, password=password)
        yield browser.get(f"/pay/{deal}")
        browser.move()


def refusals(world: World, browser: Browser, secrets: Secrets) -> Iterator[httpx.Response]:
    """Every page that says no, with a card in what was sent."""
    deal = browser.payer["deals"][-1]
    address, typed = f"/pay/{deal}", {"card_number": CARD, "expiry": EXPIRY, "code": min(secrets.codes)}
    fields = hidden(browser.get(address).text, address)
    yield browser.post(address, typed)  # no token: 400
    yield browser.post("/pay/999999999", fields | typed)
    yield browser.post("/pay/card/no-such-token", fields | typed)
    yield browser.post("/payments/999999999/cancel", fields | typed)
    yield browser.post(address, fields | typed | {"more": "x" * 70_000_000})
    seller = world.browser(browser.payer, seller=True)
    own = seller.get("/supply")
    token = re.search(r'name="csrf_token" value="([^"]+)"', own.text)
    assert token is not None
    yield seller.post(address, typed | {"csrf_token": token[1]})
    browser.move()
    for _ in range(7):
        yield browser.post(address, fields | typed | {"card_number": BAD_NUMBER})
    browser.move()
    yield from broken(world, browser, address, fields | typed)


def broken(world: World, browser: Browser, address: str, fields: dict[str, str]) -> Iterator[httpx.Response]:
    """The database dies under the request."""
    with world.held_down():
        kill_postgres(world.home)
        world.kills["postgres", "secrets"] += 1
        yield browser.client.post(address, data=fields)
    world.until_up()
    browser.post(address, fields)


def search(found: Any, patterns: dict[str, re.Pattern[bytes]]) -> list[str]:
    """Where which secret lies."""
    return [
        f"{what} is in {where}: …{content[max(match.start() - 60, 0) : match.start()]!r}"
        for where, content in found
        for what, pattern in patterns.items()
        if (match := pattern.search(content))
    ]


def files(home: Path) -> Iterator[tuple[str, bytes]]:
    """Everything that lies under KV_HOME; of a PDF its text as well."""
    for path in home.rglob("*"):
        name = str(path.relative_to(home))
        if not path.is_file() or path.name in PLAYED or is_block(name):
            continue
        content = path.read_bytes()
        if content.startswith(b"%PDF"):
            pages = pypdf.PdfReader(io.BytesIO(content)).pages
            yield name, "\n".join(page.extract_text() for page in pages).encode()
        else:
            yield name, content


def is_block(name: str) -> bool:
    """One of the database's own files: they hold the dead rows too, and many digits by chance."""
    return name.startswith("pg/") and not name.endswith((".log", ".conf"))


def blocks_with(home: Path, numbers: set[str]) -> list[str]:
    """Where a card number lies among the database's blocks, its log of changes included."""
    written = [
        gap.join(number[at : at + 4] for at in range(0, 16, 4)).encode()
        for number in numbers
        for gap in ("", "-", " ")
    ]
    paths = (path for path in (home / "pg").rglob("*") if path.is_file())
    found = []
    for path in paths:
        content = path.read_bytes()
        found += [f"a card number is in {path.name}" for each in written if each in content]
    return found


def queue(world: World) -> Iterator[tuple[str, bytes]]:
    client = redis.Redis.from_url(world.environment["REDIS_URL"])
    try:
        for key in client.scan_iter():
            yield "Valkey", key + b" " + (client.dump(key) or b"")
    finally:
        client.close()
