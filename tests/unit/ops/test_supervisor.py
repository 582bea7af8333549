"""Real processes: they end with all that they started, and come back only so often."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator

import psutil
import pytest

from ops import supervisor
from ops.problem import Problem
from ops.supervisor import MARK, Part, Supervisor, end_leftovers

# A part whose child left the process group, as RQ's work horses do, and ignores TERM.
WITH_CHILD = """
import os, signal, sys, time
child = os.fork()
if not child:
    os.setpgrp()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(60)
print(child, flush=True)
time.sleep(60)
"""


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def until(condition: Callable[[], bool], seconds: float = 10) -> bool:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)
    return condition()


@pytest.fixture
def lines() -> list[tuple[str, str]]:
    return []


@pytest.fixture
def parts(lines: list[tuple[str, str]]) -> Iterator[Supervisor]:
    running = Supervisor(lambda name, line: lines.append((name, line)))
    yield running
    running.stop_all([])


def test_output_is_passed_on_by_name(parts: Supervisor, lines: list[tuple[str, str]]) -> None:
    assert parts.run("hello", python("print('안녕'); raise SystemExit(3)"), os.environ) == 3
    assert lines == [("hello", "안녕")]


def test_stop_ends_children_that_left_the_group(parts: Supervisor, lines: list[tuple[str, str]]) -> None:
    parts.start(Part("worker", python(WITH_CHILD)), os.environ)
    assert until(lambda: bool(lines))
    child = int(lines[0][1])
    parts.stop("worker")
    assert until(lambda: _is_gone(child))


def test_a_part_in_its_own_session_does_not_hear_the_terminal(parts: Supervisor) -> None:
    parts.start(Part("web", python("import time; time.sleep(60)")), os.environ)
    assert os.getsid(parts.pid("web")) != os.getsid(0)


def test_a_fallen_part_comes_back_three_times_a_minute(
    parts: Supervisor, lines: list[tuple[str, str]]
) -> None:
    parts.start(Part("web", python("raise SystemExit(7)"), restarts=True), os.environ)

    def fall() -> bool:
        parts.check()
        return False

    with pytest.raises(Problem, match=r"web 프로세스가 끝났습니다\(exit 7\)"):
        until(fall, seconds=20)
    assert [line for _, line in lines] == [f"끝났습니다(exit 7). 다시 시작합니다 [{n}/3]" for n in (1, 2, 3)]


def test_a_part_that_must_not_fall_ends_everything(parts: Supervisor) -> None:
    parts.start(
        Part("sandbox", python("import os, signal; os.kill(os.getpid(), signal.SIGKILL)")), os.environ
    )
    assert until(lambda: not parts.is_alive("sandbox"))
    with pytest.raises(Problem, match=r"sandbox 프로세스가 끝났습니다\(signal SIGKILL\)"):
        parts.check()


def test_hurry_does_not_wait_for_open_work(parts: Supervisor, lines: list[tuple[str, str]]) -> None:
    stubborn = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True); "
    parts.start(Part("worker", python(stubborn + "time.sleep(60)")), os.environ)
    assert until(lambda: bool(lines))
    parts.hurry = True
    began = time.monotonic()
    parts.stop("worker")
    assert time.monotonic() - began < supervisor.STOP_SECONDS / 2


def test_leftovers_are_found_by_their_mark_alone(parts: Supervisor) -> None:
    parts.start(Part("ours", python("import time; time.sleep(60)")), {**os.environ, MARK: "/home/one"})
    parts.start(Part("theirs", python("import time; time.sleep(60)")), {**os.environ, MARK: "/home/two"})
    assert until(lambda: all(_mark(parts.pid(name)) for name in ("ours", "theirs")))
    assert end_leftovers("/home/one") == 1
    assert until(lambda: not parts.is_alive("ours"))
    assert parts.is_alive("theirs")


def _mark(pid: int) -> bool:
    return MARK in psutil.Process(pid).environ()


def _is_gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_signal_names_are_known() -> None:
    assert supervisor._ended(-signal.SIGKILL) == "signal SIGKILL"
