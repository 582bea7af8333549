"""A payment over HTTP, from the press to the redirect: session, account, limits, CSRF, hold, settle.

The server is production's: gunicorn as `make run` starts it, the settings of production, PostgreSQL and
Valkey. Only the card company is not asked over the network: it approves at once, in the process.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from urllib.parse import urlencode

from flask import Flask, session

import config
from app import access, create_app, crypto
from app.policy import Actor, Role
from app.web.csrf import csrf_token
from bench import payment_site, payment_world
from bench.harness import SLICE_SECONDS, Claim, Result, in_turn
from bench.http_client import Client, Load, Visit, client
from bench.payment import jobs_of_ours
from bench.payment_world import Bills, Sides
from bench.world import ROOT, World
from ops import keys, system, valkey

SEVERAL = 8
PRESSES = 12
"""Of one visit: less than the limit of an address for a minute."""
AHEAD = 400
"""Visits that are prepared for a slice."""
BROWSER = "bench"
FOUND = b"HTTP/1.1 302 FOUND"
WHAT = "POST /pay/card/<token> with log-in, CSRF, limits, hold, settle and redirect; its card company"
WHAT += " approves at once in the process"


def run(world: World) -> list[Result]:
    sides = Sides(world)
    world.owner.execute("CREATE TABLE bench_row (id bigserial PRIMARY KEY, key text NOT NULL)")
    world.owner.execute("GRANT INSERT ON bench_row TO PUBLIC; GRANT USAGE ON bench_row_id_seq TO PUBLIC")
    jobs = jobs_of_ours(world, sides, Bills.hot())
    with _server(world, jobs) as (site, port), client(port) as browsers:
        visits = _visits(world, site)
        press = Presses(browsers, visits, "/pay/card/", FOUND)
        orm = Presses(browsers, visits, payment_site.ORM, FOUND)
        durable = Presses(browsers, visits, payment_site.DURABLE, FOUND)
        empty = Presses(browsers, _empty_visits(), "", b"HTTP/1.1 204 ", ahead=10 * AHEAD)
        one = in_turn(
            sides.counted("ours", lambda: press.median(1)),
            lambda: empty.median(1),
            lambda: durable.median(1),
            sides.counted("orm", lambda: orm.median(1)),
        )
        several = in_turn(
            sides.counted("ours", lambda: press.each(SEVERAL)),
            sides.counted("orm", lambda: orm.each(SEVERAL)),
            lambda: empty.each(SEVERAL),
        )
    sides.check()
    return _compared(one, several)


def _compared(one: list[list[float]], several: list[list[float]]) -> list[Result]:
    ours, empty, durable, orm = one
    often, orm_often, empty_often = several
    at_one, at_several = "median latency at 1 connection", f"rate at {SEVERAL} connections"
    floor = "an empty POST view of the same server: no log-in, no CSRF, 204"
    two_commits = "a POST of the same server that logs in, checks CSRF and limit, and commits one row twice"
    unit_of_work = "the ORM's unit of work on the same server, with log-in and CSRF"
    return [
        _result("payment-http", at_one, floor, ours, empty, bar=4.5, binding=False),
        _result("payment-http-durable", at_one, two_commits, ours, durable, bar=3.5),
        _result("payment-http-orm-1", at_one, unit_of_work, ours, orm),
        _result(f"payment-http-orm-{SEVERAL}", at_several, unit_of_work, often, orm_often, bar=2),
        _result(f"payment-http-{SEVERAL}", at_several, floor, often, empty_often),
    ]


def _result(
    name: str,
    how: str,
    against: str,
    ours: list[float],
    theirs: list[float],
    bar: float | None = None,
    binding: bool = True,
) -> Result:
    claim = Claim(
        name=name,
        what=f"{WHAT}, {how}",
        against=against,
        bar=bar,
        direction="at least" if "ORM" in against else "at most",
        binding=binding and bar is not None,
    )
    return Result(claim=claim, ours=ours, theirs=theirs)


class Presses:
    """One kind of request: slices of it, each with visits that nobody has used."""

    def __init__(
        self,
        browsers: Client,
        visits: Callable[[str], Visit],
        path: str,
        expected: bytes,
        ahead: int = AHEAD,
    ) -> None:
        self.browsers = browsers
        self.visits = visits
        self.path = path
        self.expected = expected
        self.ahead = ahead
        self.ready: list[Visit] = []

    def median(self, connections: int) -> float:
        return statistics.median(self._slice(connections).latencies)

    def each(self, connections: int) -> float:
        return self._slice(connections).each

    def _slice(self, connections: int) -> Load:
        self.ready += [self.visits(self.path) for _ in range(self.ahead - len(self.ready))]
        load = self.browsers.run(
            self.ready, connections=connections, seconds=SLICE_SECONDS, expected=self.expected
        )
        del self.ready[: load.visits]
        return load


def _empty_visits() -> Callable[[str], Visit]:
    head = f"POST {payment_site.EMPTY} HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: {BROWSER}\r\n"
    request = f"{head}Content-Length: 0\r\n\r\n".encode()
    visit = Visit("127.0.0.1", [request] * PRESSES)
    return lambda _: visit


def _visits(world: World, site: Flask) -> Callable[[str], Visit]:
    """Each of another company: it logs in, and presses '결제' for its bills one after the other."""
    world.owner.execute(
        """INSERT INTO card_authentication (token, deal_id, company_id, order_id, auth_key, last4,
                                            requested_at, expires_at)
           SELECT 'token-' || id, id, company_id, 'KV' || md5('order' || id), md5('auth' || id), '0007',
                  now(), now() + interval '1 day' FROM deal WHERE id BETWEEN %s AND %s""",
        (Bills.spread().first, Bills.spread().last),
    )
    # The server has keys of its own.
    world.owner.execute("UPDATE company SET phone = %s", (crypto.encrypt("01000000000"),))
    world.owner.execute("VACUUM ANALYZE card_authentication, company")
    companies = count(1)

    def visit(path: str) -> Visit:
        company = next(companies)
        address = f"127.{1 + company // 65_025}.{company // 255 % 255}.{1 + company % 255 % 254}"
        return Visit(address, _presses(site, company, address, path))

    return visit


def _presses(site: Flask, company: int, address: str, path: str) -> list[bytes]:
    cookie, token = _logged_in(site, company, address)
    first, last, step = Bills.spread().first, Bills.spread().last, payment_world.COMPANIES
    start = first + (company - payment_world.company_of(first)) % step
    requests = []
    for deal_id in range(start, last + 1, step)[:PRESSES]:
        body = urlencode({"code": "123456", "key": f"press-{path}{deal_id}", "csrf_token": token})
        head = f"POST {path}token-{deal_id} HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: {BROWSER}\r\n"
        head += f"Cookie: {cookie}\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        requests.append(f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode())
    return requests


def _logged_in(site: Flask, company: int, address: str) -> tuple[str, str]:
    """The cookie of a session that has just logged in, and its CSRF token."""
    person = Actor(id=company, role=Role.DEMAND, name="결제담당", company_id=company, ip=address)
    with site.test_request_context(
        "/", headers={"User-Agent": BROWSER}, environ_base={"REMOTE_ADDR": address}
    ):
        access.log_in(person)
        token = csrf_token()
        answer = site.response_class()
        site.session_interface.save_session(site, session, answer)
        return answer.headers["Set-Cookie"].partition(";")[0], token


@contextmanager
def _server(world: World, jobs: list[str]) -> Iterator[tuple[Flask, int]]:
    """gunicorn as the launcher starts it, but for the application; yields it with the same settings, and its
    port."""
    home = Path(world.app.config["KV_HOME"]) / "web"
    home.mkdir(exist_ok=True)
    [port] = system.free_ports(1)
    launched = system.System(system.Settings(home, port, 0), lambda *_: None)
    [web] = [part.command for part in launched._parts() if part.name == "web"]
    command = [*web[:-1], "bench.payment_site:site()"]
    try:
        env = _production(world, home) | {"PORT": str(port), payment_site.JOBS: ",".join(jobs)}
        site = create_app(config.load(env))
        with (home / "web.log").open("w") as log:
            process = subprocess.Popen(command, env=env, stdout=log, stderr=log, cwd=ROOT)
        try:
            _wait(process, port, home / "web.log")
            yield site, port
        finally:
            process.terminate()
            process.wait(30)
    finally:
        valkey.stop(home)


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    end = time.monotonic() + 60
    while not system.answers("127.0.0.1", port):
        if process.poll() is not None or time.monotonic() > end:
            raise RuntimeError(f"the server does not answer: {log.read_text()[-3000:]}")
        time.sleep(0.2)


def _production(world: World, home: Path) -> dict[str, str]:
    outer = {f"{name}_URL": "https://outer.invalid" for name in config.OUTER}
    return {
        **os.environ,
        **keys.load(home),
        **outer,
        "KV_ENV": "production",
        "DEMO": "0",
        "KV_HOME": str(home),
        "DATABASE_URL": world.app.config["SQLALCHEMY_DATABASE_URI"],
        "REDIS_URL": valkey.start(home),
        "BASE_URL": "https://voucher.example.kr",
        "MAIL_SENDER": "no-reply@voucher.example.kr",
        **{f"PAYER_{part}": played for part, played in config.DEMONSTRATION_PAYER.items()},
        "TZ": system.timezone(),
        "RATELIMIT_ENABLED": "1",
    }
