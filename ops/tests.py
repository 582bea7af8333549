"""`make test`: all tests, in three runs side by side, each with servers of its own."""

import os
import subprocess
import sys
import threading
import time

from ops.paths import CACHE, ROOT

# The second breaks things on purpose, and waits as much as it works: two processors have time for a third.
# Cut so that they end together: the last works alone.
GROUPS = {
    "rules": ["tests/unit", "tests/integration"],
    "faults": ["tests/concurrency", "tests/faults"],
    "screen": ["tests/machine", "tests/e2e"],
}


def main() -> int:
    began = time.monotonic()
    grouped = {folder for folders in GROUPS.values() for folder in folders}
    missing = {f"tests/{each.name}" for each in (ROOT / "tests").iterdir() if any(each.rglob("test_*.py"))}
    missing -= grouped
    if missing:
        print(f"no group runs {', '.join(sorted(missing))}", file=sys.stderr)
        return 1
    runs = {name: _start(folders) for name, folders in GROUPS.items()}
    printed: dict[str, list[str]] = {name: [] for name in runs}
    readers = [threading.Thread(target=_show, args=(name, run, printed[name])) for name, run in runs.items()]
    try:
        for reader in readers:
            reader.start()
        codes = {name: run.wait() for name, run in runs.items()}
    except KeyboardInterrupt:
        # They got it as well, and end what they have started.
        codes = {name: run.wait() for name, run in runs.items()}
    for reader in readers:
        reader.join()
    failed = [name for name, code in codes.items() if code]
    # Again and together: who reads a log reads its end, and the others wrote on after these.
    for name in failed:
        print(
            f"\n--- {name}, from its first failure ---",
            *_from_its_failures(printed[name]),
            sep="\n",
            flush=True,
        )
    result = f"failed: {', '.join(failed)}" if failed else "all passed"
    print(f"{result}, {time.monotonic() - began:.0f} s", flush=True)
    return int(bool(failed))


def _environment() -> dict[str, str]:
    environment = os.environ | {"PYTHONUNBUFFERED": "1"}
    if environment.pop("PYTHONDONTWRITEBYTECODE", ""):
        # Each of the many processes would compile the whole application anew: out of the way, but kept.
        environment["PYTHONPYCACHEPREFIX"] = str(CACHE / "bytecode")
    return environment


def _start(folders: list[str]) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "pytest", "--color=no", *folders]
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env=_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
    )


def _show(name: str, run: "subprocess.Popen[str]", printed: list[str]) -> None:
    for line in run.stdout or ():
        printed.append(line.rstrip("\n"))
        print(f"{name:<6}| {line}", end="", flush=True)


def _from_its_failures(lines: list[str]) -> list[str]:
    """What pytest printed from its heading of errors or failures on; all of it, if it died before one."""
    for at, line in enumerate(lines):
        if line.strip("= ") in {"ERRORS", "FAILURES"}:
            return lines[at:]
    return lines


if __name__ == "__main__":
    sys.exit(main())
