"""What the import contract cannot say: the lower rooms know no request of Flask's."""

import ast
from pathlib import Path

import pytest

from ops.paths import ROOT

LOWER = ("workflows", "documents", "gateways", "models")
OF_A_REQUEST = {"request", "session", "flash", "redirect", "url_for", "render_template"}


def taken_from_flask(source: str) -> set[str]:
    """The names of the request's world that a module imports from flask."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "flask":
            found |= {alias.name for alias in node.names} & OF_A_REQUEST
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "flask":
            found |= {node.attr} & OF_A_REQUEST
    return found


@pytest.mark.parametrize("room", LOWER)
def test_workflows_and_below_know_no_request(room: str) -> None:
    modules = sorted((ROOT / "app" / room).rglob("*.py"))
    assert modules
    assert {str(each.relative_to(ROOT)): names for each in modules if (names := _names(each))} == {}


@pytest.mark.parametrize(
    "source",
    ["from flask import g, request", "import flask\nflask.session['x']", "from flask.globals import request"],
)
def test_the_check_sees_each_way_to_a_request(source: str) -> None:
    assert taken_from_flask(source)


def _names(path: Path) -> set[str]:
    return taken_from_flask(path.read_text())
