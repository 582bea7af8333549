"""`make run`: the whole platform in one terminal, until Ctrl-C."""

import os
import signal
import sys
import threading
import time
import unicodedata
from pathlib import Path
from types import FrameType
from typing import Any

from ops.paths import ROOT
from ops.preflight import check_data, check_home, check_port, locked, port_from
from ops.problem import Problem
from ops.supervisor import Sink
from ops.system import Settings, System

COLOURS = {"web": 36, "worker": 33, "scheduler": 35, "sandbox": 32, "migrate": 34, "demo": 34}
CHECK_SECONDS = 0.5
# SIGINT among them: a shell's background job begins with it ignored.
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main() -> int:
    try:
        settings = settings_from(os.environ)
        check_home(settings.home)
        with locked(settings.home):
            return _run(settings)
    except Problem as problem:
        print(f"\n{problem}", file=sys.stderr, flush=True)
        return 1
    except KeyboardInterrupt:
        return 0


def settings_from(environ: "os._Environ[str] | dict[str, str]") -> Settings:
    """Read the launcher's part of the environment; an empty value means the default."""
    port = port_from("PORT", environ.get("PORT") or "8000")
    return Settings(
        home=ROOT / (environ.get("KV_HOME") or "var"),
        port=port,
        sandbox_port=port_from("SANDBOX_PORT", environ.get("SANDBOX_PORT") or str(port + 1)),
        host=environ.get("HOST_ADDRESS") or "127.0.0.1",
        database_url=environ.get("DATABASE_URL") or None,
        redis_url=environ.get("REDIS_URL") or None,
    )


def _run(settings: Settings) -> int:
    if settings.database_url is None:
        check_data(settings.home)
    check_port("PORT", settings.host, settings.port)
    check_port("SANDBOX_PORT", "127.0.0.1", settings.sandbox_port)
    system = System(settings, terminal_sink())
    began = time.monotonic()
    for number in ENDING:
        signal.signal(number, _interrupt)
    try:
        system.start()
        print(banner(settings, system.accounts, time.monotonic() - began), flush=True)
        while True:
            system.check()
            time.sleep(CHECK_SECONDS)
    except KeyboardInterrupt:
        print("\n종료합니다…", flush=True)
        return 0
    finally:
        _hurry_on_second_signal(system)
        system.stop()


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _hurry_on_second_signal(system: System) -> None:
    """While ending, a signal does not break the order; it only stops the waiting for open work."""

    def hurry(number: int, frame: FrameType | None) -> None:
        system.supervisor.hurry = True

    for number in ENDING:
        signal.signal(number, hurry)


def terminal_sink() -> Sink:
    lock = threading.Lock()
    coloured = sys.stdout.isatty() and "NO_COLOR" not in os.environ

    def write(name: str, line: str) -> None:
        prefix = f"{name:<9}|"
        if coloured:
            prefix = f"\033[{COLOURS.get(name, 37)}m{prefix}\033[0m"
        with lock:
            print(f"{prefix} {line}", flush=True)

    return write


def banner(settings: Settings, accounts: list[dict[str, Any]], seconds: float) -> str:
    """The address and, for the demonstration, who may log in."""
    lines = ["", "=" * 78, f"  K-비대면바우처 플랫폼   {settings.web_url}   ({seconds:.1f}초)"]
    lines.append(f"  외부 시스템(모의)       {settings.sandbox_url}")
    lines.append(f"  데이터                  {_short(settings.home)}")
    if accounts:
        lines += ["", "  시연 계정"]
        head = {"role": "역할", "name": "이름", "login": "아이디", "password": "비밀번호"}
        rows = [head, *accounts]
        columns = [name for name in head if any(row.get(name) for row in accounts)]
        widths = {name: max(_width(str(row.get(name, ""))) for row in rows) for name in columns}
        for row in rows:
            lines.append(
                "    " + "  ".join(_pad(str(row.get(name, "")), widths[name]) for name in columns).rstrip()
            )
    return "\n".join([*lines, "", "  끝내기: Ctrl-C", "=" * 78])


def _short(path: Path) -> str:
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)


def _width(text: str) -> int:
    """Columns on a terminal: a Hangul syllable takes two."""
    return sum(2 if unicodedata.east_asian_width(each) in "WF" else 1 for each in text)


def _pad(text: str, width: int) -> str:
    return text + " " * (width - _width(text))


if __name__ == "__main__":
    sys.exit(main())
