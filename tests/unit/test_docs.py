"""What the pages say that can be checked against the code."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

import config
from app.demo import accounts
from app.models.ledger import GUARDED, JournalKind, LedgerAccount

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]


def _cells(page: str) -> list[list[str]]:
    lines = (DOCS / page).read_text(encoding="utf-8").splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]


def test_the_lifecycles_are_those_of_the_code() -> None:
    made = runpy.run_path(str(DOCS / "make_lifecycles.py"))["document"]()
    written = (DOCS / "lifecycles.md").read_text(encoding="utf-8")
    assert written == made, "docs/lifecycles.md is not up to date: run `make docs`"


def test_the_chart_names_every_account_with_its_guard() -> None:
    """R-MONEY-3, R-MONEY-4"""
    rows = {row[0]: row for row in _cells("chart-of-accounts.md") if row[3:4] in (["yes"], ["no"])}
    for account in LedgerAccount:
        _, label, _owner, guarded, _ = rows[f"`{account.value}`"]
        assert label == account.label
        assert guarded == ("yes" if account in GUARDED else "no"), account


def test_the_chart_names_every_kind_of_journal() -> None:
    rows = _cells("chart-of-accounts.md")
    for kind in JournalKind:
        assert [f"`{kind.value}`", kind.label] in [row[:2] for row in rows], kind


def test_the_operations_page_names_every_setting_of_the_environment() -> None:
    text = (DOCS / "operations.md").read_text(encoding="utf-8")
    code = (ROOT / "config.py").read_text(encoding="utf-8")
    names = set(re.findall(r"source(?:\.get\(|\[)\"([A-Z_]+)\"", code))
    names |= {f"{system}_{part}" for system in config.OUTER for part in ("URL", "KEY")}
    names |= {f"{system}_SECRET" for system in config.SIGNING}
    assert len(names) > 20
    assert [name for name in sorted(names) if f"`{name}`" not in text] == []


def test_the_readme_names_every_log_in_of_the_demonstration() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`([a-z]+\d?)`", text)) | {"reviewer2", "reviewer3"}  # in the range 1 … 4
    assert {row["login"] for row in accounts.listed()} <= named


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        found = (page.parent / path) if path else page
        assert found.exists(), f"{page.name} links {target}"
        if anchor:
            headings = re.findall(r"^#+ (.+)$", found.read_text(encoding="utf-8"), re.MULTILINE)
            slugs = {re.sub(r"[^\w\s-]", "", heading.lower()).replace(" ", "-") for heading in headings}
            assert anchor in slugs, f"{page.name} links {target}"
