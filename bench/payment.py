"""The database's part of a payment (R-PAY-4): hold and settle, without the gateway between them.

Against pgbench with the same statements, and against the same payment as an ORM application writes it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from app.jobs.outbox import HANDLERS
from bench import payment_script, pgbench
from bench.harness import SLICE_SECONDS, Claim, Result, in_turn
from bench.payment_clients import clients
from bench.payment_world import Bills, Sides
from bench.world import World

CROWDS = {1: (1, 1), 2: (2, 1), 8: (2, 4)}
"""Clients, as processes and threads of ours and of the ORM's."""
WHAT = "hold and settle by their verbs, two transactions with every check, row and message"


def run(world: World) -> list[Result]:
    sides, bills = Sides(world), Bills.spread()
    jobs = jobs_of_ours(world, sides, bills)
    results = []
    with scripts(world, payment_script.script(jobs=jobs)) as by_pgbench:
        for number, (processes, threads) in CROWDS.items():
            with clients(world, processes=processes, threads=threads) as python:
                measured = in_turn(
                    sides.paying(
                        "ours", bills, lambda at: python.run("ours", first=at, seconds=SLICE_SECONDS)
                    ),
                    sides.paying("pgbench", bills, by_pgbench(number)),
                    sides.paying(
                        "orm", bills, lambda at: python.run("orm", first=at, seconds=SLICE_SECONDS, jobs=jobs)
                    ),
                )
            results += _compared(number, *measured)
    sides.check()
    return results


def jobs_of_ours(world: World, sides: Sides, bills: Bills) -> list[str]:
    """What our payment asks of the outbox beside its messages, by paying: the peers ask for the same."""
    with clients(world, processes=1, threads=1) as python:
        sides.paying("ours", bills, lambda at: python.run("ours", first=at, seconds=0.01))()
    asked = {kind.removeprefix("outbox_message "): n for kind, n in sides.each("ours").items()}
    return [kind for kind in asked if kind in HANDLERS and kind != "sms" for _ in range(int(asked[kind]))]


class Slices(Protocol):
    def __call__(self, number: int, seconds: float = SLICE_SECONDS) -> Callable[[int], float]:
        """For a number of clients: a slice of pgbench, which is told the first bill that it may pay."""


@contextmanager
def scripts(world: World, text: str) -> Iterator[Slices]:
    with tempfile.NamedTemporaryFile("w", prefix="kvbench-", suffix=".sql", encoding="utf-8") as file:
        file.write(text)
        file.flush()

        def of(number: int, seconds: float = SLICE_SECONDS) -> Callable[[int], float]:
            def one_slice(first: int) -> float:
                variables = {"first": first, "clients": number, "k": -1}
                return pgbench.run(
                    world, Path(file.name), clients=number, seconds=seconds, variables=variables
                )

            return one_slice

        yield of


def _compared(number: int, ours: list[float], pgbenchs: list[float], orms: list[float]) -> list[Result]:
    crowd = "one client" if number == 1 else f"{number} clients at once"
    plain = f"pgbench with the same statements and rows, prepared, {crowd}"
    peers = (
        (f"payment-{number}", plain, 0.3, True, pgbenchs),
        (f"payment-{number}-aim", plain, 0.5, False, pgbenchs),
        (f"payment-{number}-orm", f"the same rows by an ORM's unit of work, {crowd}", 3.0, True, orms),
    )
    return [
        Result(
            claim=Claim(name=name, what=f"{WHAT}, {crowd}", against=against, bar=bar, binding=binding),
            ours=ours,
            theirs=theirs,
        )
        for name, against, bar, binding, theirs in peers
    ]
