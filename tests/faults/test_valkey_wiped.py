"""Valkey loses all it had: nothing undone is left once the schedule has woken it again (fault matrix 3)."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from typing import Any

import pytest
import redis

from ops import valkey
from tests.faults.world import World

PATIENCE = 120.0


def flush(world: World) -> None:
    client = redis.Redis.from_url(world.environment["REDIS_URL"])
    client.flushall()
    client.close()


def lose_the_disk(world: World) -> None:
    """kill -9, and its append-only file gone."""
    with world.held_down():
        world.strike("valkey", flow="wiped")
        for path in (world.home / "valkey").glob("appendonly*"):
            shutil.rmtree(path)
        valkey.start(world.home)


@pytest.mark.parametrize("wipe", [flush, lose_the_disk], ids=["flushall", "disk"])
def test_nothing_undone_is_left(world: World, wipe: Callable[[World], Any]) -> None:
    payer = world.payer(4)
    browser = world.browser(payer)
    # Nobody works: what is asked for piles up, in the queue and in the outbox.
    world.take_away("worker")
    for deal in payer["deals"][:2]:
        browser.pay(deal, behaviour="52")
    browser.pay(payer["deals"][2], behaviour="82")
    browser.cancel(world.call("books.payments_of", deals=payer["deals"])[2])
    browser.move()
    keys = world.call("scene.put_messages", count=20, company_id=payer["company_id"], mark=wipe.__name__)
    waiting = world.call("books.left")
    assert len(waiting["undecided"]) == 3 and set(keys) <= set(waiting["undone"])
    wipe(world)
    world.put("worker")
    # Money moves while the queue is empty, too.
    browser.pay(payer["deals"][3])
    end = time.monotonic() + PATIENCE
    while any(world.call("books.left").values()):
        assert time.monotonic() < end, world.call("books.left")
        time.sleep(0.5)
    assert world.arrived(payer["contact"], wipe.__name__) == sorted(keys)
    states = world.call("books.states", deals=payer["deals"])
    assert [each[-1] for each in states.values()] == ["paid", "paid", "cancelled", "paid"]
    world.settle_down()
