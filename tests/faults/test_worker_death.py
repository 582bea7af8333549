"""A worker dies with its horse, another is up: what it had in hand is done within 60 s, once (4, 13)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from app.jobs import outbox
from app.workflows import bulk
from tests.faults.world import World

BOUND = 60.0
PATIENCE = 180.0
"""For what has no bound of its own, on a machine that does other things as well."""
ROWS = 12


@pytest.fixture
def real_leases(world: World) -> Iterator[World]:
    """As in life, but that a bulk run goes on in small steps."""
    world.settle_down()
    world.retune(lease=None, chunk=3)
    yield world
    for name in [name for name in world.parts if name.startswith("worker-")]:
        world.take_away(name)
    world.retune()


def test_what_a_dead_worker_had_in_hand_is_done(real_leases: World) -> None:
    """Of the outbox, of the resolver and of a bulk run at once; each of the three loses its worker."""
    world, payer = real_leases, real_leases.payer(1)
    world.browser(payer).pay(payer["deals"][0], behaviour="52")
    for number in range(3):
        world.put(f"worker-{number}", role="worker")
    world.arm("outbox.handled", role="worker", victim="worker", passes=2)
    world.arm("resolution.answered", role="worker", victim="worker")
    world.arm("bulk.chunk", role="worker", victim="worker", passes=2)
    keys = world.call("scene.put_messages", count=20, company_id=payer["company_id"], mark="death")
    run = world.call("scene.start_bulk", rows=ROWS)
    world.call("books.pass_time")
    begun = {step: wait_for(lambda step=step: world.struck(step, role="worker")) for step in STEPS}
    for _ in STEPS:
        world.kills["worker", "in hand"] += 1
    took: dict[str, float] = {}
    while len(took) < len(STEPS):
        for step in set(STEPS) - set(took):
            if DONE[step](world, payer, keys, run):
                took[step] = time.monotonic() - begun[step]
        assert time.monotonic() - max(begun.values()) < BOUND, took
        time.sleep(0.25)
    world.notes += [f"{step}: its dead worker's work was done after {took[step]:.1f} s" for step in STEPS]
    assert world.arrived(payer["contact"], "death") == sorted(keys)
    assert bulk_done(world, payer, keys, run)
    world.settle_down()


def outbox_done(world: World, payer: dict[str, Any], keys: list[str], run: dict[str, int]) -> bool:
    return all(message["done"] for message in world.call("scene.messages", keys=keys).values())


def resolution_done(world: World, payer: dict[str, Any], keys: list[str], run: dict[str, int]) -> bool:
    return list(world.call("books.states", deals=payer["deals"]).values()) == [["paid"]]


def bulk_done(world: World, payer: dict[str, Any], keys: list[str], run: dict[str, int]) -> bool:
    """No voucher twice (UNIQUE would refuse it) and none missing."""
    state: dict[str, Any] = world.call("scene.bulk_state", **run)
    return state == {"state": "done", "done": ROWS, "vouchers": ROWS, "companies": ROWS}


DONE: dict[str, Callable[..., bool]] = {
    "outbox.handled": outbox_done,
    "resolution.answered": resolution_done,
    "bulk.chunk": bulk_done,
}
STEPS = tuple(DONE)


def wait_for(holds: Callable[[], bool]) -> float:
    """When it came about."""
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.25)
    return time.monotonic()


def test_the_leases_leave_room() -> None:
    """Found again at the next tick after the lease: that must lie well inside the bound."""
    assert outbox.LEASE.total_seconds() <= 30 and bulk.LEASE.total_seconds() <= 30


def test_the_queue_behind_a_poisoned_message_flows(world: World) -> None:
    """Row 13: tried so often, then put aside for a person to see; who lies beside it is not harmed."""
    world.settle_down()
    world.retune(lease=1.0, tries=3)
    payer = world.payer(0)
    poison = world.call("scene.put_poison", mark="row13")
    keys = world.call("scene.put_messages", count=5, company_id=payer["company_id"], mark="behind")
    behind = wait_for(lambda: outbox_done(world, payer, keys, {}))
    assert not all(each["gave_up"] for each in world.call("scene.messages", keys=poison).values()), behind
    while not all(each["gave_up"] for each in world.call("scene.messages", keys=poison).values()):
        world.call("books.pass_time")
        world.call("scene.wake", name="drain_outbox")
        time.sleep(0.25)
    told = world.call("scene.messages", keys=poison)
    assert told["poison:row13:malformed"] == {"tries": 3, "done": False, "gave_up": True, "error": "KeyError"}
    assert told["poison:row13:deadly"] == {"tries": 4, "done": False, "gave_up": True, "error": "WorkerDied"}
    assert world.arrived(payer["contact"], "behind") == sorted(keys)
    world.call("scene.forget_messages", keys=poison)
    world.retune()
    world.settle_down()
