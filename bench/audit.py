"""What the audit trail's integrity costs a payment (R-AUD-1): chain, digest and an anchor each second,
against plain rows with a constant hash that nobody looks up.

Both by pgbench, where nothing else is in the way. The plain rows lie in a table of their own with the same
rows, indexes and guards, so that the whole trail can be verified afterwards.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from multiprocessing.connection import Connection

import config
from app import create_core
from app.db import db
from app.workflows import record
from bench import payment_script
from bench.harness import Claim, Result, in_turn
from bench.payment import jobs_of_ours, scripts
from bench.payment_world import Bills, Sides
from bench.world import World

CLIENTS = (8, 32)
SECONDS = 3.0
"""Of a slice: it must see more than one anchor."""
EVERY = 1.0


def run(world: World) -> list[Result]:
    _plain_table(world)
    sides, bills = Sides(world), Bills.spread()
    jobs = jobs_of_ours(world, sides, bills)
    chained = payment_script.script(jobs=jobs)
    plain = payment_script.script(jobs=jobs, audit=payment_script.PLAIN)
    results = []
    with scripts(world, chained) as ours, scripts(world, plain) as theirs, _sealer(world) as sealing:
        for number in CLIENTS:
            chain, bare = ours(number, SECONDS), theirs(number, SECONDS)

            def sealed(first: int, chain: Callable[[int], float] = chain) -> float:
                with sealing():
                    return chain(first)

            measured = in_turn(
                sides.paying("with chain", bills, sealed), sides.paying(UNCHAINED, bills, bare)
            )
            results.append(_result(number, *measured))
    _check(world, sides)
    return results


UNCHAINED = "with plain rows"


def _result(number: int, ours: list[float], theirs: list[float]) -> Result:
    claim = Claim(
        name=f"audit-{number}",
        what=f"payments with audit chains and an anchor each second, pgbench, {number} clients",
        against="the same with plain audit rows: a constant hash, no look at the chain, no anchor",
        bar=0.68,
        binding=True,
    )
    return Result(claim=claim, ours=ours, theirs=theirs)


def _plain_table(world: World) -> None:
    run = world.owner.execute
    table = payment_script.PLAIN
    run(f"CREATE TABLE {table} (LIKE audit_row INCLUDING ALL)")
    run(
        f"""CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
            FOR EACH STATEMENT EXECUTE FUNCTION public.refuse_change()"""
    )
    run(f"INSERT INTO {table} OVERRIDING SYSTEM VALUE SELECT * FROM audit_row ORDER BY id")
    run(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT max(id) FROM {table}))")
    run(f"VACUUM ANALYZE {table}")
    # What was loaded is anchored before anything is measured.
    record.seal()
    db.session.remove()


def _check(world: World, sides: Sides) -> None:
    """The plain side's audit rows are those of its own table; the trail holds, and is anchored to its end."""
    plain = world.owner.execute(
        f"""SELECT concat('audit_row ', entity, ' ', action), count(*) FROM {payment_script.PLAIN}
             WHERE hash = decode(repeat('00', 32), 'hex') GROUP BY 1"""
    )
    sides.written[UNCHAINED].update(dict(plain.fetchall()))
    sides.check()
    record.seal()
    [unsealed] = world.ids(
        "SELECT (SELECT count(*) FROM audit_row) - (SELECT sum(rows)::bigint FROM audit_anchor)"
    )
    assert unsealed == 0, f"{unsealed} audit rows lie outside all anchors"
    problems = record.verify()
    assert not problems, problems[:5]


@contextmanager
def _sealer(world: World) -> Iterator[Callable[[], AbstractContextManager[None]]]:
    """A process that anchors once a second, as the scheduler has it done, while what it yields is entered."""
    spawn = multiprocessing.get_context("spawn")
    settings = {"KV_ENV": "test", "KV_HOME": world.app.config["KV_HOME"]}
    settings["DATABASE_URL"] = world.app.config["SQLALCHEMY_DATABASE_URI"]
    here, there = spawn.Pipe()
    process = spawn.Process(target=_seal, args=(there, settings), daemon=True)
    process.start()
    there.close()
    here.recv()

    @contextmanager
    def sealing() -> Iterator[None]:
        here.send(True)
        try:
            yield
        finally:
            here.send(False)
            assert here.recv() > 0, "nothing was anchored meanwhile"

    try:
        yield sealing
    finally:
        here.close()
        process.join(20)
        if process.is_alive():
            process.kill()


def _seal(connection: Connection, settings: dict[str, str]) -> None:
    app = create_core(config.load(settings))
    with app.app_context():
        record.seal()
        db.session.remove()
        connection.send("ready")
        try:
            while connection.recv():
                sealed, next_time = 0, time.monotonic() + EVERY
                while not connection.poll(max(next_time - time.monotonic(), 0)):
                    next_time += EVERY
                    sealed += record.seal()
                    db.session.remove()
                connection.recv()
                connection.send(sealed)
        except EOFError:
            db.engine.dispose()
