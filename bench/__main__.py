"""`python -m bench [NAME]`: run all entries or one; exit code 1 where a binding bar does not hold."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from pathlib import Path

from bench import confirm, payment, queue, search, sweep
from bench.harness import Result, table, write
from bench.world import World, server

RESULTS = Path(__file__).parent / "results.json"
ENTRIES: dict[str, Callable[[World], list[Result]]] = {
    "search": search.run,
    "sweep": sweep.run,
    "payment": payment.run,
    "confirm": confirm.run,
    "queue": queue.run,
}


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
                with worlds(name) as world:
                    results += run(world)
    write(results, RESULTS)
    print(table(results))
    print(f"\n{RESULTS.relative_to(Path.cwd()) if RESULTS.is_relative_to(Path.cwd()) else RESULTS}")
    return int(any(result.claim.binding and not result.holds for result in results))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
