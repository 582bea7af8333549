"""`eval "$(.venv/bin/python -m ops.env)"`: a shell's `flask` speaks to what `make run` keeps running."""

import os
import shlex
import sys
from urllib.parse import quote

from ops import keys, postgres, valkey
from ops.problem import Problem
from ops.run import settings_from
from ops.system import Settings


def main() -> int:
    try:
        settings = settings_from(os.environ)
        for name, value in variables(settings).items():
            print(f"export {name}={shlex.quote(value)}")
    except Problem as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


def variables(settings: Settings) -> dict[str, str]:
    """The folder, ports, servers' addresses and keys. Raises Problem where nothing was run yet."""
    home = settings.home.resolve()
    if settings.database_url is None and not postgres.Cluster(home).exists:
        raise Problem(
            f"{home}에 데이터가 없습니다. 먼저 `make run`을 실행하거나 KV_HOME을 맞게 지정하세요.",
            f"There are no data in {home}: run `make run` first, or set KV_HOME.",
        )
    return {
        "KV_HOME": str(home),
        "PORT": str(settings.port),
        "SANDBOX_PORT": str(settings.sandbox_port),
        "DATABASE_URL": settings.database_url or postgres.Cluster(home).url,
        "REDIS_URL": settings.redis_url or f"unix://{quote(str(valkey._socket(home)), safe='/')}",
        **keys.load(home),
    }


if __name__ == "__main__":
    sys.exit(main())
