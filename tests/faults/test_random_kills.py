"""kill -9 by a clock of its own, in the middle of whatever happens (fault matrix 1 and 2)."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable

import psutil

from tests.faults.browser import Browser
from tests.faults.watch import kill
from tests.faults.world import NIGHTLY, World

KILLS = 60 if NIGHTLY else 15
BACKENDS = 30 if NIGHTLY else 5
BILLS = 80 if NIGHTLY else 24
PAYERS = 3


def one_web_worker(world: World) -> None:
    """The supervisor's gunicorn has another, and starts a new one."""
    workers = psutil.Process(world.pid("web")).children()
    kill([random.choice(workers).pid])
    world.kills["web", "random"] += 1


def one_backend(world: World) -> None:
    """PostgreSQL ends all the others too and recovers, since one may have spoilt the shared memory."""
    postmaster = int((world.home / "pg" / "postmaster.pid").read_text().split("\n", 1)[0])
    found = [
        each.pid for each in psutil.Process(postmaster).children() if "[local]" in " ".join(each.cmdline())
    ]
    if found:
        kill([random.choice(found)])
        world.kills["backend", "random"] += 1


def bombard(world: World, strike: Callable[[World], None], blows: int) -> None:
    """Several people pay, and blows fall until they are through; then nothing is lost and nothing double."""
    payers = [world.payer(BILLS, zeropay=bool(n % 2)) for n in range(PAYERS)]
    browsers = [world.browser(payer) for payer in payers]
    over, pressed, errors = threading.Event(), [], []

    def pay(browser: Browser) -> None:
        try:
            for deal in browser.payer["deals"]:
                pressed.append(deal)
                browser.pay_until_answered(deal)
                browser.move()
                if over.is_set():
                    return
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=pay, args=(browser,)) for browser in browsers]
    for thread in threads:
        thread.start()
    for _ in range(blows):
        time.sleep(random.uniform(0.1, 0.5))
        strike(world)
    over.set()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(pressed) >= PAYERS
    world.settle_down()
    states = world.call("books.states", deals=pressed)
    assert {each[-1] for each in states.values() if each} <= {"paid", "failed"}
    assert all(each.count("paid") <= 1 for each in states.values())


def test_web_workers_die_by_a_random_clock(world: World) -> None:
    """Row 2: the same press again is the same payment."""
    bombard(world, one_web_worker, KILLS)


def test_a_backend_of_the_database_dies(world: World) -> None:
    """Row 1: what was answered is there once."""
    bombard(world, one_backend, BACKENDS)
