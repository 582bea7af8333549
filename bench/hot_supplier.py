"""Every payment to one supplier, against payments to 500: there is no row that they all must lock."""

from __future__ import annotations

from bench import payment_script
from bench.harness import SLICE_SECONDS, Claim, Result, in_turn
from bench.payment import jobs_of_ours, scripts
from bench.payment_clients import Clients, clients
from bench.payment_world import SUPPLIERS, Bills, Sides
from bench.world import World

CROWDS = {8: (2, 4), 32: (2, 16)}
"""Clients, as processes and threads of ours."""


def run(world: World) -> list[Result]:
    sides, hot, spread = Sides(world), Bills.hot(), Bills.spread()
    jobs = jobs_of_ours(world, sides, spread)
    results = []
    with scripts(world, payment_script.script(jobs=jobs)) as by_pgbench:
        for number, (processes, threads) in CROWDS.items():
            measured = in_turn(
                sides.paying("pgbench, one supplier", hot, by_pgbench(number)),
                sides.paying("pgbench", spread, by_pgbench(number)),
            )
            results.append(_result(f"hot-supplier-{number}-sql", f"by pgbench, {number} clients", *measured))
            with clients(world, processes=processes, threads=threads) as python:

                def ours(first: int, python: Clients = python) -> float:
                    return python.run("ours", first=first, seconds=SLICE_SECONDS)

                measured = in_turn(
                    sides.paying("ours, one supplier", hot, ours), sides.paying("ours", spread, ours)
                )
            results.append(_result(f"hot-supplier-{number}", f"by the verbs, {number} clients", *measured))
    sides.check()
    return results


def _result(name: str, how: str, hot: list[float], spread: list[float]) -> Result:
    claim = Claim(
        name=name,
        what=f"payments to one supplier, {how}",
        against=f"the same over {SUPPLIERS} suppliers",
        bar=0.8,
        binding=True,
    )
    return Result(claim=claim, ours=hot, theirs=spread)
