"""The embedded servers themselves: durable, private, and side by side."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from ops import postgres, testenv, valkey
from ops.problem import Problem
from ops.sockets import LONGEST, socket_folder


@pytest.fixture
def home() -> Iterator[Path]:
    with testenv.temporary_home() as folder:
        yield folder


def connect(url: str) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(url.replace("+psycopg", ""), autocommit=True)


def test_postgres_survives_the_kill_of_its_postmaster(home: Path) -> None:
    url = postgres.start(home)
    with connect(url) as first:
        first.execute("CREATE TABLE kept AS SELECT 1 AS n")
    process = postgres.Cluster(home).process()
    assert process is not None
    os.kill(process.pid, signal.SIGKILL)
    assert not _until_dead(home)
    assert postgres.start(home) == url
    with connect(url) as second:
        assert second.execute("SELECT n FROM kept").fetchone() == (1,)


def test_postgres_is_korean_whatever_the_locale_of_the_caller(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", "C")
    with connect(postgres.start(home, durable=False)) as session:
        session.execute("CREATE EXTENSION pg_trgm")
        shown = session.execute(
            "SELECT cardinality(show_trgm('화상회의')) > 0, current_setting('TimeZone'), "
            "current_setting('server_encoding'), current_setting('fsync'), "
            "current_setting('listen_addresses')"
        ).fetchone()
    assert shown == (True, "Asia/Seoul", "UTF8", "off", "")


def test_postgres_has_a_short_socket_where_the_path_is_long(home: Path) -> None:
    deep = home / ("긴이름" * 20) / "with space"
    deep.mkdir(parents=True)
    try:
        url = postgres.start(deep, durable=False)
        with connect(url) as session:
            assert session.execute("SELECT current_database()").fetchone() == (postgres.DATABASE,)
    finally:
        postgres.stop(deep)
    assert not postgres.alive(deep)


def test_a_folder_that_is_no_cluster_is_not_touched(home: Path) -> None:
    (home / "pg").mkdir()
    (home / "pg" / "notes.txt").write_text("mine")
    with pytest.raises(Problem, match="PG_VERSION 파일이 없습니다"):
        postgres.start(home)
    assert (home / "pg" / "notes.txt").read_text() == "mine"


def test_valkey_keeps_the_queue_over_a_restart(home: Path) -> None:
    url = valkey.start(home)
    with redis.Redis.from_url(url) as client:
        client.rpush("queue", "job")
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
    valkey.stop(home)
    assert not valkey.alive(home)
    with redis.Redis.from_url(valkey.start(home)) as client:
        assert client.lrange("queue", 0, -1) == [b"job"]


def test_two_homes_do_not_see_each_other(home: Path) -> None:
    with testenv.temporary_home() as other:
        urls = [valkey.start(each, durable=False) for each in (home, other)]
        with redis.Redis.from_url(urls[0]) as one, redis.Redis.from_url(urls[1]) as two:
            one.set("who", "one")
            assert two.get("who") is None
    assert valkey.alive(home)


def test_test_servers_are_shared_with_the_processes_they_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(testenv.INHERITED, '["postgresql+psycopg://x", "redis://y"]')
    with testenv.servers() as urls:
        assert urls == ("postgresql+psycopg://x", "redis://y")


def test_a_socket_lies_beside_its_data_when_it_fits(tmp_path: Path) -> None:
    short = Path("/srv/kvoucher")
    assert socket_folder(short, "s.sock", owner=os.geteuid()) == short
    long = tmp_path / ("x" * LONGEST)
    moved = socket_folder(long, "s.sock", owner=os.geteuid())
    assert len(str(moved / "s.sock")) < LONGEST
    assert socket_folder(long, "s.sock", owner=os.geteuid()) == moved
    moved.rmdir()


def _until_dead(home: Path) -> bool:
    end = time.monotonic() + 5
    while postgres.alive(home) and time.monotonic() < end:
        time.sleep(0.02)
    return postgres.alive(home)
