"""The system of the faults, and the table of what was done to it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ops import testenv
from tests.faults.watch import VICTIMS
from tests.faults.world import World

WORLD = pytest.StashKey[World]()


@pytest.fixture(scope="session")
def world(pytestconfig: pytest.Config) -> Iterator[World]:
    with testenv.temporary_home() as home:
        running = World(home)
        pytestconfig.stash[WORLD] = running
        try:
            running.start()
            yield running
        finally:
            running.stop()


@pytest.fixture(autouse=True)
def _quiet(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if "world" in request.fixturenames:
        request.getfixturevalue("world").forget()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    running = config.stash.get(WORLD, None)
    if running is None or not running.kills:
        return
    flows = list(dict.fromkeys(flow for _, flow in running.kills))
    terminalreporter.section("kill -9 by victim and flow")
    terminalreporter.write_line("".join(name.rjust(14) for name in ("", *flows, "total")))
    others = sorted({victim for victim, _ in running.kills} - set(VICTIMS))
    for victim in (*VICTIMS, *others):
        counts = [running.kills[victim, flow] for flow in flows]
        terminalreporter.write_line("".join(str(cell).rjust(14) for cell in (victim, *counts, sum(counts))))
    for line in (f"{sum(running.kills.values())} kills", *running.notes):
        terminalreporter.write_line(line)
