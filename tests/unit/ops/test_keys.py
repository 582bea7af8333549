"""The secrets of a KV_HOME: made once, kept, private, and never silently replaced."""

import base64
import json
import stat
from pathlib import Path

import pytest

from ops import keys
from ops.problem import Problem


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in keys.MADE_BY:
        monkeypatch.delenv(name, raising=False)


def test_they_are_made_once_and_readable_by_the_owner_alone(tmp_path: Path) -> None:
    made = keys.load(tmp_path)
    assert keys.load(tmp_path) == made
    assert set(made) == set(keys.MADE_BY)
    assert len(set(made.values())) == len(made)
    assert len(base64.b64decode(made["DATA_KEY"])) == 32
    assert stat.S_IMODE((tmp_path / "secrets.json").stat().st_mode) == 0o600


def test_a_key_that_a_later_version_needs_is_added(tmp_path: Path) -> None:
    (tmp_path / "secrets.json").write_text(json.dumps({"SECRET_KEY": "old"}))
    assert keys.load(tmp_path)["SECRET_KEY"] == "old"
    assert set(json.loads((tmp_path / "secrets.json").read_text())) == set(keys.MADE_BY)


def test_the_environment_goes_first_and_is_not_written_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMS_KEY", "from outside")
    assert keys.load(tmp_path)["SMS_KEY"] == "from outside"
    assert "from outside" not in (tmp_path / "secrets.json").read_text()


def test_lost_keys_beside_data_are_not_replaced(tmp_path: Path) -> None:
    """A new DATA_KEY could not read what the old one wrote."""
    (tmp_path / "pg").mkdir()
    with pytest.raises(Problem, match=r"secrets\.json가 없어.*백업"):
        keys.load(tmp_path)
    assert not (tmp_path / "secrets.json").exists()


@pytest.mark.parametrize("content", ["{", "[]", '{"SECRET_KEY": 1}'])
def test_a_broken_file_is_not_replaced(tmp_path: Path, content: str) -> None:
    (tmp_path / "secrets.json").write_text(content)
    with pytest.raises(Problem, match="백업에서 되돌리세요"):
        keys.load(tmp_path)
    assert (tmp_path / "secrets.json").read_text() == content
