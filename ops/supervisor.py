"""Runs the platform's processes: each in its own session, its output passed on, restarted when it falls."""

import os
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import psutil

from ops.paths import ROOT
from ops.problem import Problem

# Written into the environment of every part, so that a later launcher finds what a killed one left behind.
MARK = "KV_SUPERVISED_FROM"
RESTARTS = 3
RESTART_WINDOW = 60.0
STOP_SECONDS = 15.0

Sink = Callable[[str, str], None]


@dataclass(frozen=True)
class Part:
    """One long-running process of the platform."""

    name: str
    command: list[str]
    restarts: bool = False


@dataclass
class _Running:
    part: Part
    environment: Mapping[str, str]
    process: subprocess.Popen[str]
    pump: threading.Thread
    falls: deque[float] = field(default_factory=deque)


class Supervisor:
    """Starts, watches and ends parts; `sink(name, line)` gets every line that they print."""

    def __init__(self, sink: Sink) -> None:
        self.sink = sink
        self.hurry = False
        self._running: dict[str, _Running] = {}

    def start(self, part: Part, environment: Mapping[str, str]) -> None:
        process, pump = self._spawn(part, environment)
        self._running[part.name] = _Running(part, environment, process, pump)

    def run(self, name: str, command: list[str], environment: Mapping[str, str]) -> int:
        """Run a command to its end with the same output; returns its exit code."""
        part = Part(name, command)
        self.start(part, environment)
        try:
            return self._running[name].process.wait()
        finally:
            self.stop(name)

    def is_alive(self, name: str) -> bool:
        return name in self._running and self._running[name].process.poll() is None

    def pid(self, name: str) -> int:
        return self._running[name].process.pid

    def check(self) -> None:
        """Bring a fallen part back; raises Problem for one that must not fall, or falls again and again."""
        for running in list(self._running.values()):
            code = running.process.poll()
            if code is not None:
                self._handle_fall(running, code)

    def stop(self, name: str) -> None:
        """End a part and whatever it started: TERM, then, when it takes too long, KILL."""
        running = self._running.pop(name, None)
        if running is None:
            return
        process = running.process
        if process.poll() is None:
            signal_session(process.pid, signal.SIGTERM)
            self._wait(process)
        signal_session(process.pid, signal.SIGKILL)
        process.wait()
        running.pump.join(timeout=2)
        if process.stdout:
            process.stdout.close()

    def stop_all(self, order: list[str]) -> None:
        for name in [*order, *self._running]:
            self.stop(name)

    def _wait(self, process: subprocess.Popen[str]) -> None:
        end = time.monotonic() + STOP_SECONDS
        while process.poll() is None and time.monotonic() < end and not self.hurry:
            time.sleep(0.02)

    def _handle_fall(self, running: _Running, code: int) -> None:
        name, now = running.part.name, time.monotonic()
        running.falls.append(now)
        while running.falls and now - running.falls[0] > RESTART_WINDOW:
            running.falls.popleft()
        if not running.part.restarts or len(running.falls) > RESTARTS:
            raise Problem(
                f"{name} 프로세스가 끝났습니다({_ended(code)}). 위의 `{name}` 출력을 확인하고 다시 "
                "실행하세요.",
                f"The process {name} ended ({_ended(code)}): see its lines above, then run again.",
            )
        self.sink(name, f"끝났습니다({_ended(code)}). 다시 시작합니다 [{len(running.falls)}/{RESTARTS}]")
        signal_session(running.process.pid, signal.SIGKILL)
        if running.process.stdout:
            running.pump.join(timeout=2)
            running.process.stdout.close()
        running.process, running.pump = self._spawn(running.part, running.environment)

    def _spawn(
        self, part: Part, environment: Mapping[str, str]
    ) -> tuple[subprocess.Popen[str], threading.Thread]:
        process = subprocess.Popen(
            part.command,
            cwd=ROOT,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            # Its own session: Ctrl-C reaches the launcher alone, which ends the parts in order.
            start_new_session=True,
        )
        pump = threading.Thread(target=self._pump, args=(part.name, process), daemon=True)
        pump.start()
        return process, pump

    def _pump(self, name: str, process: subprocess.Popen[str]) -> None:
        if process.stdout is None:
            return
        try:
            for line in process.stdout:
                self.sink(name, line.rstrip("\n"))
        except ValueError:  # closed while a grandchild still held the other end
            return


def signal_session(session: int, number: int) -> None:
    """Signal every process of a session, also those (RQ's work horses) that left the process group."""
    for pid in psutil.pids():
        try:
            if os.getsid(pid) == session:
                os.kill(pid, number)
        except (ProcessLookupError, PermissionError):
            continue


def end_leftovers(home: str) -> int:
    """End what a killed launcher of this KV_HOME left behind; returns how many there were."""
    found = [process for process in psutil.process_iter() if _mark_of(process) == home]
    for process in found:
        _signal(process, signal.SIGTERM)
    _, stubborn = psutil.wait_procs(found, timeout=5)
    for process in stubborn:
        _signal(process, signal.SIGKILL)
    psutil.wait_procs(stubborn, timeout=2)
    return len(found)


def _mark_of(process: psutil.Process) -> str | None:
    try:
        return None if process.pid == os.getpid() else process.environ().get(MARK)
    except (psutil.Error, OSError):
        return None


def _signal(process: psutil.Process, number: int) -> None:
    try:
        process.send_signal(number)
    except psutil.Error:
        return


def _ended(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit {code}"
