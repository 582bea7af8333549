"""pgbench, PostgreSQL's own load generator, from the wheel that brings the server."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

from sqlalchemy import make_url

from app.db import APPLICATION_ROLE
from bench.world import World
from ops import postgres

_RATE = re.compile(r"^tps = ([\d.]+) \(without initial connection time\)", re.MULTILINE)


def run(
    world: World, script: Path, *, clients: int, seconds: float, variables: Mapping[str, int | str]
) -> float:
    """One slice: prepared statements, each client on its own connection, with the application's rights.

    Answers the seconds for one run of the script, by all clients together.
    """
    url = make_url(world.app.config["SQLALCHEMY_DATABASE_URI"])
    program = postgres.Cluster(Path(world.app.config["KV_HOME"])).binaries / "pgbench"
    command = [str(program), "-n", "-M", "prepared", "-c", str(clients), "-j", str(min(clients, 2))]
    command += ["-T", str(round(seconds)), "-f", str(script)]
    command += [part for name, value in variables.items() for part in ("-D", f"{name}={value}")]
    command += ["-h", str(url.query["host"]), "-U", str(url.username), str(url.database)]
    environment = {**os.environ, "PGOPTIONS": f"-c role={APPLICATION_ROLE}", "PGCLIENTENCODING": "UTF8"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    rate = _RATE.search(done.stdout)
    if done.returncode or not rate:
        raise RuntimeError(f"pgbench failed: {done.stderr[-2000:]}")
    return 1 / float(rate[1])
