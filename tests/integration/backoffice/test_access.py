"""Who may open which page of the console: every endpoint × every role (R-ROLE-1, R-ROLE-3, default deny)."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from app.access import permission_of
from app.policy import GRANTS, Permission, Role
from tests import factories as make

# Beside the endpoint's own permission: the list of cases is no sum.
ALSO = {"console_budget": Permission.SCREENING_VIEW, "console_offers": Permission.SCREENING_VIEW}


def _endpoints(app: Flask) -> list[tuple[str, str, str]]:
    """(endpoint, address, method) of everything under /console but its static files."""
    found = []
    for rule in app.url_map.iter_rules():
        if not rule.rule.startswith("/console") or rule.endpoint.endswith("static"):
            continue
        method = "GET" if "GET" in (rule.methods or ()) else "POST"
        values: dict[str, Any] = {}
        for name in rule.arguments:
            values[name] = {"action": _action(rule.rule), "account": "payable", "lookup": "x"}.get(
                name, 999_999_999
            )
        address = rule.build(values, append_unknown=False)
        found.append((rule.endpoint, address[1] if address else rule.rule, method))
    return sorted(set(found))


def _action(rule: str) -> str:
    if "any(" in rule:
        return rule.split("any(")[1].split(",")[0].split(")")[0]
    return "select" if "suppliers" in rule else "approve"


def _expected(app: Flask, endpoint: str, role: Role) -> bool:
    permission = permission_of(app, endpoint)
    view = endpoint.partition(".")[0]
    needed = [permission, _view_permission(app, view), ALSO.get(view)]
    return all(one is None or one in GRANTS[role] for one in needed)


def _view_permission(app: Flask, endpoint: str) -> Permission | None:
    (admin,) = app.extensions["admin"]
    return next((view.permission for view in admin._views if view.endpoint == endpoint), None)


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.SYSTEM])
def test_every_endpoint_opens_for_those_who_may_and_nobody_else(
    role: Role, site: Flask, world: Any, log_in_as: Any
) -> None:
    account = world.staff.get(role) or make.make_account(role)
    client = log_in_as(account)
    wrong = []
    for endpoint, address, method in _endpoints(site):
        status = client.open(address, method=method).status_code
        # A record that does not exist is 404 for those who may look; nothing is ever a server error.
        if _expected(site, endpoint, role):
            fits = status not in (401, 403) and status < 500
        else:
            fits = status == 403
        if not fits:
            wrong.append((endpoint, address, method, status))
    assert wrong == []


def test_a_visitor_is_sent_to_the_log_in(site: Flask, world: Any) -> None:
    client = site.test_client()
    for _, address, method in _endpoints(site):
        response = client.open(address, method=method)
        assert response.status_code == 302, address
        assert "/login" in response.headers["Location"]


def test_every_endpoint_names_its_permission(site: Flask) -> None:
    silent = [endpoint for endpoint, _, _ in _endpoints(site) if permission_of(site, endpoint) is None]
    assert silent == []


def test_the_auditor_finds_no_button_and_changes_nothing(site: Flask, browser: Any) -> None:
    """R-ROLE-3: reads everything; every POST but the two checks of the books is refused."""
    client = browser(Role.AUDITOR)
    # Flask-Admin's own routes of a list lead back to it: nothing in it can be made, changed or deleted.
    inherited = {f"console_screening.{name}" for name in ("action_view", "ajax_update", "delete_view")}
    allowed = {"console_trial.verify", "console_audit.verify", *inherited}
    for endpoint, address, method in _endpoints(site):
        if method == "POST" and endpoint not in allowed:
            response = client.post(address, data={"confirmed": "1", "reason": "시험"}, follow_redirects=True)
            text = response.get_data(as_text=True)
            assert response.status_code in (403, 404) or "권한이 없습니다" in text, (endpoint, text[:200])


def test_the_menu_shows_what_the_role_may_open(browser: Any) -> None:
    reviewer = browser(Role.REVIEWER).get("/console/").get_data(as_text=True)
    assert "/console/screening/" in reviewer
    assert "/console/settlement/" not in reviewer
    auditor = browser(Role.AUDITOR).get("/console/").get_data(as_text=True)
    for address in (
        "screening",
        "budget",
        "suppliers",
        "settlement",
        "ledger",
        "audit",
        "outbox",
        "accounts",
    ):
        assert f'href="/console/{address}/"' in auditor


def test_a_form_without_its_token_is_refused(site: Flask, world: Any, browser: Any) -> None:
    site.config["WTF_CSRF_ENABLED"] = True
    application = world.case()
    for address in (
        f"/console/case/{application.id}/screen",
        f"/console/case/{application.id}/hold",
        "/console/bulk/preview",
        "/console/ripe/draft",
    ):
        role = Role.REVIEWER if "screening" in address else Role.BUDGET_OFFICER
        assert browser(role).post(address).status_code == 400, address


@pytest.mark.parametrize(
    "query", ["page=-1", "page=99999999999999999999", "after=-1", "after=9" * 1 + "9" * 30, "size=7"]
)
def test_a_strange_address_still_lists(query: str, site: Flask, world: Any, browser: Any) -> None:
    client = browser(Role.PROGRAMME_MANAGER)
    for endpoint, address, method in _endpoints(site):
        if method == "GET" and "999999999" not in address and endpoint.endswith((".index", ".index_view")):
            found = client.get(f"{address}?{query}", follow_redirects=True)
            assert found.status_code == 200, (endpoint, query)


def test_an_id_that_no_table_holds_is_unknown(browser: Any) -> None:
    client, huge = browser(Role.AUDITOR), "9" * 25
    for address in ("case", "suppliers", "offerings", "deals", "payments", "settlement", "ledger"):
        assert client.get(f"/console/{address}/{huge}").status_code == 404, address
