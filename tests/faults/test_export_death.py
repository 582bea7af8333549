"""R-DOC-2: the worker of an export dies, and another goes on with it to the same bytes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.faults.world import World

DOCUMENTS, PART = 12, 3
PATIENCE = 240.0


@pytest.fixture
def small_parts(world: World) -> Iterator[World]:
    """Small parts, and a lease that still outlasts many of them."""
    world.settle_down()
    world.retune(lease=6.0, chunk=PART)
    yield world
    for name in [name for name in world.parts if name.startswith("exporter-")]:
        world.take_away(name)
    world.retune()


def done(world: World, export_id: int) -> dict[str, Any]:
    end = time.monotonic() + PATIENCE
    while True:
        state: dict[str, Any] = world.call("scene.export_state", export_id=export_id)
        if state["state"] != "running" or time.monotonic() > end:
            return state
        time.sleep(0.25)


@pytest.mark.parametrize(("form", "year"), [("zip", 2201), ("pdf", 2202)])
def test_killed_between_parts_and_between_file_and_row(small_parts: World, form: str, year: int) -> None:
    """One dies before its third part, who takes it up with the next part's file made and not yet noted."""
    world = small_parts
    world.arm("export.part", role="worker", victim="worker", passes=2)
    world.arm("export.made", role="worker", victim="worker", passes=4)
    exports = world.call("scene.start_exports", documents=DOCUMENTS, form=form, year=year)
    for number in range(2):
        world.put(f"exporter-{number}", role="worker")
    first, second = (done(world, export_id) for export_id in exports)
    struck = [step for step in ("export.part", "export.made") if world.struck(step, role="worker")]
    assert struck == ["export.part", "export.made"]
    for _ in struck:
        world.kills["worker", "export"] += 1
    assert (first["state"], first["done"]) == ("done", DOCUMENTS)
    assert first == second and len(first["parts"]) == DOCUMENTS // PART
    assert [documents for documents, _ in first["parts"]] == [PART] * len(first["parts"])
