"""`make migration NAME="…"`: a new revision, from the difference between models and migrated schema."""

import os
import subprocess
import sys

from ops.paths import ROOT
from ops.problem import Problem
from ops.testenv import servers

ALEMBIC = [sys.executable, "-m", "alembic"]


def main(name: str) -> int:
    """Migrate an empty database to the newest revision, then let Alembic compare it with the models."""
    if not name.strip():
        raise Problem(
            '이름이 없습니다. `make migration NAME="공급기업 등급"`처럼 무엇이 바뀌는지 적으세요.',
            'Say what changes, as in `make migration NAME="supplier grades"`.',
        )
    # Never the database that the environment names: the comparison needs exactly the migrations' schema.
    for variable in ("DATABASE_URL", "REDIS_URL"):
        os.environ.pop(variable, None)
    with servers() as (database_url, redis_url):
        environment = {**os.environ, "DATABASE_URL": database_url, "REDIS_URL": redis_url}
        for command in (["upgrade", "head"], ["revision", "--autogenerate", "-m", name]):
            done = subprocess.run([*ALEMBIC, *command], cwd=ROOT, env=environment, check=False)
            if done.returncode:
                return done.returncode
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(" ".join(sys.argv[1:])))
    except Problem as problem:
        sys.exit(str(problem))
