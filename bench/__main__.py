"""`python -m bench [NAME]`: run all entries or one; exit code 1 where a binding bar does not hold."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from pathlib import Path

from bench import (
    audit,
    confirm,
    documents,
    documents_jobs,
    hot_supplier,
    matching,
    payment,
    payment_http,
    payment_world,
    queue,
    search,
    settle,
    sweep,
)
from bench.harness import Result, table, write
from bench.world import Fill, World, server

RESULTS = Path(__file__).parent / "results.json"
ENTRIES: dict[str, Callable[[World], list[Result]]] = {
    "search": search.run,
    "sweep": sweep.run,
    "confirm": confirm.run,
    "queue": queue.run,
    "payment": payment.run,
    "payment_http": payment_http.run,
    "hot_supplier": hot_supplier.run,
    "audit": audit.run,
    "settle": settle.run,
    "documents": documents.run,
    "documents_memory": documents.run_memory,
    "documents_jobs": documents_jobs.run,
    "matching": matching.run,
}
FILLED: dict[str, Fill] = dict.fromkeys(
    ("payment", "payment_http", "hot_supplier", "audit", "settle", "matching"), payment_world.load
)
"""The entries that share what they begin with: it is loaded once."""


def main(arguments: list[str]) -> int:
    only = arguments[0] if arguments else None
    if only is not None and only not in ENTRIES:
        print(f"No entry {only}; there are: {', '.join(ENTRIES)}", file=sys.stderr)
        return 2
    # A terminated run ends its server as well.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    results: list[Result] = []
    with server() as worlds:
        for name, run in ENTRIES.items():
            if only in (None, name):
                print(f"{name} ...", file=sys.stderr, flush=True)
                with worlds(name, FILLED.get(name)) as world:
                    results += run(world)
    write(results, RESULTS)
    print(table(results))
    print(f"\n{RESULTS.relative_to(Path.cwd()) if RESULTS.is_relative_to(Path.cwd()) else RESULTS}")
    return int(any(result.claim.binding and not result.holds for result in results))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
