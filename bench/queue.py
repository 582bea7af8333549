"""The reviewers' queue over half a million companies (R-SCR-3): ours, stock Flask-Admin, Django's admin.

Each is asked through its own test client, in this process, for twenty rows oldest first. Ours shows the
budget officer all agencies' cases, as the peers do; what an agency's manager sees, with every button there
is, is measured beside it.
"""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote

from sqlalchemy import make_url

from app import create_app
from app.workflows.queue_reads import cursor_of
from bench import queue_peers, queue_world
from bench.harness import ROUNDS, Claim, Result, in_turn, per_call
from bench.queue_peers import PAGE, Get
from bench.queue_world import COMMON, COMPANIES, RARE
from bench.world import World

DEEP = 10_000
FLASK_ADMIN, DJANGO = "a stock Flask-Admin view", "Django's admin change list"


@dataclass(frozen=True)
class Sides:
    """Addresses of the same page at ours and at the two peers."""

    officer: Get
    manager: Get
    flask_admin: Get
    django: Get


def run(world: World) -> list[Result]:
    queue_world.load(world)
    sides = _sides(world)
    return [
        *_first(sides),
        *_search(sides, "common", COMMON),
        *_search(sides, "rare", RARE),
        *_deep(sides, world),
        _memory(sides),
    ]


def _sides(world: World) -> Sides:
    url = make_url(world.app.config["SQLALCHEMY_DATABASE_URI"])
    site = create_app({**world.app.config, "DEMO": False, "RATELIMIT_ENABLED": False})

    def ours(login: str) -> Get:
        [key] = world.ids(f"SELECT id FROM account WHERE login = '{login}'")
        client = site.test_client()
        with client.session_transaction() as cookie:
            cookie["_user_id"], cookie["_fresh"] = str(key), True

        def get(query: str) -> str:
            answer = client.get(f"/console/screening/{query}")
            assert answer.status_code == 200, answer.status
            return answer.text

        return get

    [lead] = world.ids("SELECT id FROM agency WHERE is_lead")
    [agency, *_] = world.ids("SELECT id FROM agency WHERE NOT is_lead ORDER BY id")
    return Sides(
        officer=ours(f"staff{lead}-0"),
        manager=ours(f"staff{agency}-0"),
        flask_admin=queue_peers.flask_admin(url),
        django=queue_peers.django_admin(url),
    )


def _first(sides: Sides) -> list[Result]:
    asked = (lambda: sides.officer("?state=all"), lambda: sides.flask_admin(""), lambda: sides.django(""))
    alike(*asked)
    ours, flask_admin, django, manager = in_turn(*map(_sliced, (*asked, lambda: sides.manager(""))))
    what = f"the first {PAGE} of {COMPANIES:,}, oldest first"
    own = "the same, as an agency's manager sees their own with every button there is"
    return [
        _claim("queue-first", what, FLASK_ADMIN, 4, ours, flask_admin),
        _claim("queue-first-dj", what, DJANGO, 5, ours, django),
        _claim("queue-manager", own, FLASK_ADMIN, None, manager, flask_admin),
        _claim("queue-manager-dj", own, DJANGO, None, manager, django),
    ]


def _search(sides: Sides, name: str, word: str) -> list[Result]:
    typed = quote(word)
    asked = (
        lambda: sides.officer(f"?state=all&q={typed}"),
        lambda: sides.flask_admin(f"?search={typed}"),
        lambda: sides.django(f"?q={typed}"),
    )
    alike(*asked)
    ours, flask_admin, django = in_turn(*map(_sliced, asked))
    what = f"two letters, {'about 2 % of the names' if word == COMMON else 'in one name'}"
    return [
        _claim(f"queue-{name}", what, FLASK_ADMIN, 10, ours, flask_admin),
        _claim(f"queue-{name}-dj", what, DJANGO, 10, ours, django),
    ]


def _deep(sides: Sides, world: World) -> list[Result]:
    [last] = world.owner.execute(
        "SELECT submitted_at, id FROM application ORDER BY submitted_at, id OFFSET %s LIMIT 1",
        ((DEEP - 1) * PAGE - 1,),
    ).fetchall()
    asked = (
        lambda: sides.officer(f"?state=all&after={cursor_of(*last)}"),
        lambda: sides.flask_admin(f"?page={DEEP - 1}"),
        lambda: sides.django(f"?p={DEEP}"),
    )
    alike(*asked)
    ours, flask_admin, django, first = in_turn(*map(_sliced, (*asked, lambda: sides.officer("?state=all"))))
    claim = Claim(
        name="queue-deep-own",
        what=f"page {DEEP:,}",
        against="our own first page",
        bar=1.5,
        direction="at most",
        binding=True,
    )
    return [
        _claim("queue-deep", f"page {DEEP:,}", FLASK_ADMIN, 25, ours, flask_admin),
        _claim("queue-deep-dj", f"page {DEEP:,}", DJANGO, 25, ours, django),
        Result(claim=claim, ours=ours, theirs=first),
    ]


def _memory(sides: Sides) -> Result:
    claim = Claim(
        name="queue-memory",
        what="what Python allocates at most during one first page",
        against=FLASK_ADMIN,
        bar=0.6,
        direction="at most",
        binding=True,
        unit="megabytes",
    )
    pairs = [(_peak(lambda: sides.manager("")), _peak(lambda: sides.flask_admin(""))) for _ in range(ROUNDS)]
    return Result(claim=claim, ours=[ours for ours, _ in pairs], theirs=[theirs for _, theirs in pairs])


def _claim(
    name: str, what: str, against: str, bar: float | None, ours: list[float], theirs: list[float]
) -> Result:
    claim = Claim(name=name, what=what, against=against, bar=bar, binding=bar is not None)
    return Result(claim=claim, ours=ours, theirs=theirs)


def _sliced(ask: Callable[[], str]) -> Callable[[], float]:
    return lambda: per_call(ask)


def alike(*asked: Callable[[], str]) -> None:
    """The same receipt numbers on each page, in the same order."""
    shown = [_receipts(ask()) for ask in asked]
    assert shown[0], "an empty page"
    assert all(numbers == shown[0] for numbers in shown), "the pages show different rows"


def _receipts(page: str) -> list[str]:
    return list(dict.fromkeys(queue_world.RECEIPT.findall(page)))


def _peak(ask: Callable[[], str]) -> float:
    """Megabytes at the highest point of one request, above what lay there before."""
    ask()
    gc.collect()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        ask()
        return (tracemalloc.get_traced_memory()[1] - before) / 1e6
    finally:
        tracemalloc.stop()
