"""The shell's way to what `make run` keeps running."""

from pathlib import Path

import pytest

from ops import env
from ops.problem import Problem
from ops.system import Settings


def test_a_folder_that_was_never_run_is_a_sentence_and_stays_untouched(tmp_path: Path) -> None:
    with pytest.raises(Problem, match="make run"):
        env.variables(Settings(tmp_path, 8000, 8001))
    assert list(tmp_path.iterdir()) == []


def test_it_names_servers_ports_and_the_keys_of_the_folder(tmp_path: Path) -> None:
    given = Settings(tmp_path, 8100, 8101, database_url="postgresql+psycopg://db/kv", redis_url="redis://q/0")
    found = env.variables(given)
    assert found["DATABASE_URL"] == "postgresql+psycopg://db/kv"
    assert found["REDIS_URL"] == "redis://q/0"
    assert (found["PORT"], found["SANDBOX_PORT"]) == ("8100", "8101")
    assert len(found["DATA_KEY"]) == 44
    assert env.variables(given)["DATA_KEY"] == found["DATA_KEY"]
