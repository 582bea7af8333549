"""A Chromium for the browser tests: the machine's own, or the one that npm brings (no apt, no root).

python -m ops.browser    unpacks npm's, when the machine has none
"""

import hashlib
import importlib.util
import io
import os
import shutil
import sys
import tarfile
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from ops.paths import CACHE, NODE_MODULES, ROOT
from ops.problem import Problem

INSTALLED = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
PACKED = NODE_MODULES / "@sparticuz" / "chromium" / "bin"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]


def launch_options() -> dict[str, Any]:
    """Keyword arguments for playwright's `chromium.launch()`."""
    program = installed()
    if program:
        return {"executable_path": program, "args": ARGUMENTS}
    folder = unpack()
    environment = {
        **os.environ,
        "LD_LIBRARY_PATH": str(folder / "al2023" / "lib"),
        "FONTCONFIG_FILE": str(folder / "fonts.conf"),
        "HOME": str(folder / "home"),
    }
    return {"executable_path": str(folder / "chromium"), "args": ARGUMENTS, "env": environment}


def axe() -> str:
    """The source of axe-core; evaluate it in a page of a context that bypasses the CSP."""
    return (NODE_MODULES / "axe-core" / "axe.min.js").read_text()


def installed() -> str | None:
    """CHROMIUM, when set, is taken as it is; else the first that the machine has."""
    if chosen := os.environ.get("CHROMIUM"):
        if not os.access(chosen, os.X_OK):
            raise Problem(
                f"CHROMIUM={chosen}: 실행할 수 있는 파일이 아닙니다. 경로를 고치거나 지정하지 마세요.",
                f"CHROMIUM={chosen} is no program: correct the path, or leave it unset.",
            )
        return chosen
    search = f"{os.environ.get('PATH', '')}{os.pathsep}/usr/bin"
    return next(filter(None, (shutil.which(name, path=search) for name in INSTALLED)), None)


def unpack() -> Path:
    """npm's Chromium, unpacked once per version of its package into .cache/; returns the folder."""
    if not (PACKED / "chromium.br").exists():
        raise Problem(
            "브라우저가 없습니다. `make setup`을 다시 실행하거나 CHROMIUM에 크로미움 경로를 지정하세요.",
            "There is no browser: run `make test` (it brings one), or set CHROMIUM to a Chromium's path.",
        )
    version = hashlib.sha256((ROOT / "package-lock.json").read_bytes()).hexdigest()[:12]
    folder = CACHE / f"chromium-{version}"
    if folder.exists():
        return folder
    fresh = CACHE / f"chromium-{version}.{os.getpid()}"
    (fresh / "home").mkdir(parents=True)
    for name, target in (("al2023", fresh / "al2023"), ("swiftshader", fresh)):
        with tarfile.open(fileobj=io.BytesIO(_decompress(PACKED / f"{name}.tar.br"))) as archive:
            archive.extractall(target)  # noqa: S202 - its hash is in package-lock.json
    (fresh / "chromium").write_bytes(_decompress(PACKED / "chromium.br"))
    (fresh / "chromium").chmod(0o755)
    (fresh / "fonts.conf").write_text(_fonts_conf(folder))
    fresh.rename(folder)
    return folder


def _decompress(path: Path) -> bytes:
    import brotli  # only where there is something to unpack

    return bytes(brotli.decompress(path.read_bytes()))


def _fonts_conf(folder: Path) -> str:
    """NanumGothic from the PDFs' font package: without it Hangul would be boxes."""
    spec = importlib.util.find_spec("koreanize_matplotlib")
    fonts = (
        Path(spec.submodule_search_locations[0]) / "fonts"
        if spec and spec.submodule_search_locations
        else ROOT
    )
    return (
        '<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig>'
        f"<dir>{escape(str(fonts))}</dir><cachedir>{escape(str(folder / 'home' / 'fontconfig'))}</cachedir>"
        "</fontconfig>\n"
    )


if __name__ == "__main__":
    try:
        print(installed() or unpack())
    except Problem as problem:
        sys.exit(str(problem))
