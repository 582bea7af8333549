"""Inside the processes of the platform: kill a victim at a step, where the test asked for it.

The test leaves a file `armed/<role>@<step>`; whoever takes it away does the killing. So one fault strikes
once, in whatever process of that role reaches the step first.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

VICTIMS = ("web", "worker", "scheduler", "valkey", "postgres")
PATIENCE = 30.0


@dataclass(frozen=True)
class Watch:
    """Called at every step of app.workflows.steps."""

    home: Path
    role: str

    def __call__(self, step: str) -> None:
        order = self.home / "armed" / f"{self.role}@{step}"
        taken = order.with_name(f"{order.name}.{os.getpid()}.{threading.get_ident()}")
        try:
            order.rename(taken)
        except FileNotFoundError:
            return
        victim, passes = taken.read_text().split()
        if int(passes):
            taken.write_text(f"{victim} {int(passes) - 1}")
            taken.rename(order)
            return
        # Written down first: whoever kills itself says nothing afterwards.
        taken.rename(taken.with_name(f"struck:{order.name}"))
        strike(victim, home=self.home, role=self.role)


def strike(victim: str, *, home: Path, role: str = "") -> None:
    """SIGKILL; returns when the victim is gone, unless that is the caller."""
    if victim == "postgres":
        kill_postgres(home)
    elif victim == "valkey":
        kill([int((home / "valkey" / "server.pid").read_text())])
    elif victim == role == "web":
        os.kill(os.getpid(), signal.SIGKILL)
    elif victim == role == "worker":
        # The worker, and then its horse: who is left would report the job as failed.
        os.kill(os.getsid(0), signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)
    else:
        kill(session_of(int((home / "pids" / victim).read_text())))


def kill_postgres(home: Path) -> None:
    """The postmaster and every backend: one that went on might still commit."""
    postmaster = psutil.Process(int((home / "pg" / "postmaster.pid").read_text().split("\n", 1)[0]))
    kill([postmaster.pid, *(child.pid for child in postmaster.children(recursive=True))])


def session_of(leader: int) -> list[int]:
    """A process and all that it started, the leader first."""
    found = [leader]
    for pid in psutil.pids():
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if pid != leader and os.getsid(pid) == leader:
                found.append(pid)
    return found


def kill(pids: list[int]) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    end = time.monotonic() + PATIENCE
    while any(map(is_alive, pids)):
        if time.monotonic() > end:
            raise TimeoutError(f"still alive after SIGKILL: {list(filter(is_alive, pids))}")
        time.sleep(0.005)


def is_alive(pid: int) -> bool:
    """A zombie that nobody has reaped yet is dead."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
