"""Each thing that may stand in the way of `make run` gets a sentence that says what to do."""

import os
import socket
from pathlib import Path

import pytest

from ops import preflight
from ops.preflight import check_data, check_home, check_port, locked, port_from
from ops.problem import Problem
from ops.run import banner, settings_from
from ops.system import Settings


def test_a_problem_speaks_korean_first_and_english_after() -> None:
    assert str(Problem("한국어", "English")) == "한국어\n  (English)"


@pytest.mark.parametrize("value", ["0", "65536", "http", "-1", "80.5", ""])
def test_a_port_must_be_a_port(value: str) -> None:
    with pytest.raises(Problem, match="PORT=.*포트 번호가 아닙니다.*PORT=8080 make run"):
        port_from("PORT", value)


def test_a_port_in_use_names_another_one() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        with pytest.raises(Problem, match=rf"{port}번 포트를 쓸 수 없습니다.*PORT={port + 100} make run"):
            check_port("PORT", "127.0.0.1", port)
    check_port("PORT", "127.0.0.1", port)


def test_a_home_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Problem, match="KV_HOME.*쓸 수 없습니다.*KV_HOME=다른폴더 make run"):
        check_home(tmp_path / "file" / "var")


def test_a_full_disk_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "NEEDED_BYTES", 2**80)
    with pytest.raises(Problem, match="300MB"):
        check_home(tmp_path)


def test_a_good_home_is_made_and_left_clean(tmp_path: Path) -> None:
    check_home(tmp_path / "var")
    assert list((tmp_path / "var").iterdir()) == []
    check_data(tmp_path / "var")


@pytest.mark.parametrize(
    ("version", "words"), [("17", "PostgreSQL 17 데이터입니다"), ("18", "pg_control 파일이 없습니다")]
)
def test_data_that_cannot_be_opened_is_refused(tmp_path: Path, version: str, words: str) -> None:
    (tmp_path / "pg").mkdir()
    (tmp_path / "pg" / "PG_VERSION").write_text(f"{version}\n")
    with pytest.raises(Problem, match=f"{words}.*백업을 되돌리거나"):
        check_data(tmp_path)


def test_data_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pg").mkdir()
    (tmp_path / "pg" / "PG_VERSION").write_text("18\n")
    stranger = (tmp_path / "pg").stat().st_uid + 4242
    monkeypatch.setattr(os, "geteuid", lambda: stranger)
    with pytest.raises(Problem, match="다른 사용자.*그 사용자로 실행하거나"):
        check_data(tmp_path)


def test_a_second_launcher_in_the_same_home_is_refused(tmp_path: Path) -> None:
    with locked(tmp_path), pytest.raises(Problem, match=rf"이미 실행 중입니다\(pid {os.getpid()}\)"):
        with locked(tmp_path):
            pass
    with locked(tmp_path):
        assert (tmp_path / "run.lock").read_text() == str(os.getpid())
    assert (tmp_path / "run.lock").read_text() == ""


def test_what_a_killed_launcher_left_is_ended_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(preflight, "end_leftovers", lambda home: asked.append(home))
    (tmp_path / "run.lock").write_text("123")
    with locked(tmp_path):
        assert asked == [str(tmp_path.resolve())]


def test_the_environment_moves_ports_and_home(tmp_path: Path) -> None:
    settings = settings_from({"PORT": "9000", "KV_HOME": str(tmp_path), "DATABASE_URL": ""})
    assert (settings.port, settings.sandbox_port, settings.home) == (9000, 9001, tmp_path)
    assert settings.database_url is None
    assert settings_from({"SANDBOX_PORT": "9500"}).sandbox_port == 9500


def test_the_banner_lines_up_korean_columns() -> None:
    accounts = [
        {"role": "심사자", "name": "김", "login": "reviewer", "password": "a"},
        {"role": "운영자", "name": "남궁민수", "login": "op", "password": "b"},
    ]
    text = banner(Settings(Path("/srv/kvoucher"), 8000, 8001), accounts, 1.25)
    assert "http://127.0.0.1:8000" in text
    assert "    심사자  김        reviewer  a" in text
    assert "    운영자  남궁민수  op        b" in text
