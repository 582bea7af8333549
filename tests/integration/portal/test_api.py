"""The suppliers' interface: signed, taken once, row by row, and just as it is described (R-SET-1a)."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, select

from app.db import db
from app.models.catalogue import Supplier
from app.models.deals import Deal, DealState
from app.models.record import AuditRow, Notice
from app.models.supplier_keys import SupplierKey, SupplierRequest
from app.models.usage import UsageReport, UsageSource
from app.policy import Actor
from app.portal import api_contract
from app.workflows import usage_api
from tests import factories
from tests.integration.portal import selling_system
from tests.integration.portal.selling_system import described, paid, reports, row
from tests.signing import System

pytestmark = pytest.mark.usefixtures("november")
november, supplier, seller = selling_system.november, selling_system.supplier, selling_system.seller
system, deal = selling_system.system, selling_system.deal


def test_rows_are_taken_and_each_is_answered(system: System, deal: Deal, seller: Actor) -> None:
    other = paid(factories.make_supplier())
    sent = [row(deal), row(deal, month="2020-09", logins=0, lastUsedOn=...), row(other), row(deal, logins=-1)]
    answer = described(system.put(sent), "put_usage", "put")
    results = [(r["index"], r["result"], r.get("field"), r.get("code")) for r in answer["results"]]
    assert results == [
        (0, "new", None, None),
        (1, "new", None, None),
        (2, "refused", "dealId", "deal"),
        (3, "refused", "logins", "format"),
    ]
    assert answer["counts"] == {"new": 2, "changed": 0, "unchanged": 0, "refused": 2, "held_back": 0}
    assert reports() == [(deal.id, date(2020, 9, 1), 0), (deal.id, date(2020, 10, 1), 12)]
    kept = db.session.scalars(select(UsageReport).filter_by(month=date(2020, 10, 1))).one()
    assert (kept.source, kept.key_id, kept.reported_by_id) == (UsageSource.API, system.row_id, None)
    trail = db.session.scalars(select(AuditRow).filter_by(entity="usage_report", entity_id=deal.id)).one()
    assert trail.actor_name == "연동 키 고객관리" and trail.ip


def test_the_same_values_again_change_nothing_and_lower_ones_are_told(system: System, deal: Deal) -> None:
    system.put([row(deal)])
    assert system.put([row(deal)]).json["results"][0]["result"] == "unchanged"
    assert system.put([row(deal, logins=5)]).json["results"][0]["result"] == "changed"
    told = list(db.session.scalars(select(Notice.text).filter_by(company_id=deal.company_id)))
    assert len(told) == 1 and "12회 → 5회" in told[0]


@pytest.mark.parametrize(
    ("changed", "field", "code"),
    [
        ({"logins": ...}, "logins", "missing"),
        ({"logins": "12"}, "logins", "format"),
        ({"logins": True}, "logins", "format"),
        ({"logins": 12.0}, "logins", "format"),
        ({"logins": 1_000_001}, "logins", "format"),
        ({"dealId": 2**63}, "dealId", "format"),
        ({"dealId": 0}, "dealId", "format"),
        ({"month": "2020-13"}, "month", "format"),
        ({"month": "2020-1"}, "month", "format"),
        ({"month": "2020-10\n"}, "month", "format"),
        ({"month": "2020-12", "logins": 0, "lastUsedOn": None}, "month", "value"),
        ({"month": "2020-08", "logins": 0, "lastUsedOn": None}, "month", "value"),
        ({"lastUsedOn": "2020-10-32"}, "lastUsedOn", "format"),
        ({"lastUsedOn": "20201020"}, "lastUsedOn", "format"),
        ({"lastUsedOn": "2020-11-01"}, "lastUsedOn", "value"),
        ({"lastUsedOn": None}, "lastUsedOn", "value"),
        ({"login": 3}, "login", "unknown_field"),
        ({"\ud800\x00": 3}, "?", "unknown_field"),
    ],
)
def test_a_row_that_cannot_be_is_refused_with_its_field(
    system: System, deal: Deal, changed: dict[str, Any], field: str, code: str
) -> None:
    [result] = described(system.put([row(deal, **changed)]), "put_usage", "put")["results"]
    assert (result["result"], result["field"], result["code"]) == ("refused", field, code)
    assert result["message"] and reports() == []


def test_a_deal_that_is_not_paid_and_a_row_twice_are_refused(system: System, deal: Deal) -> None:
    results = system.put([row(deal), row(deal, logins=3)]).json["results"]
    assert [r["result"] for r in results] == ["new", "refused"] and results[1]["code"] == "duplicate"
    deal.state = DealState.PAYMENT_CANCELLED
    db.session.commit()
    [result] = system.put([row(deal, logins=9)]).json["results"]
    assert result["code"] == "state" and "결제취소" in result["message"]
    assert system.put([7]).json["results"][0]["code"] == "format"


def test_atomic_takes_all_or_nothing(system: System, deal: Deal) -> None:
    sent = [row(deal), row(deal, month="2020-09", logins=-1)]
    answer = system.put(sent, query="?atomic=true")
    assert answer.status_code == 422
    counts = described(answer, "put_usage", "put")["counts"]
    assert (counts["refused"], counts["held_back"], counts["new"]) == (1, 1, 0) and reports() == []
    assert system.put([row(deal)], query="?atomic=true").status_code == 200 and len(reports()) == 1
    assert system.put([row(deal)], query="?atomic=yes").json["code"] == "api.query"


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"7", b'{"reports": {}}', b'{"reports": []}', b'{"reports": [1], "more": 1}',
     b"[" * 100_000, b"\xff\xfe\x00", b'{"reports": ' + b"9" * 5000 + b"}"],
)  # fmt: skip
def test_a_body_that_cannot_be_read_is_said_to_be_so(system: System, deal: Deal, body: bytes) -> None:
    answer = system.send(body)
    assert answer.status_code == 422 and answer.json["code"].startswith("api.")
    described(answer, "put_usage", "put")
    assert db.session.query(SupplierRequest).count() == 0


def test_rows_and_bytes_are_bounded(system: System, deal: Deal) -> None:
    many = [row(deal)] * (usage_api.MOST_ROWS + 1)
    assert system.put(many).json["code"] == "api.rows"
    answer = system.send(b" " * (api_contract.LARGEST_BODY + 1))
    assert answer.status_code == 413 and answer.json["code"] == "api.http_413"


def test_many_rows_cost_no_more_statements_than_one(system: System, supplier: Supplier) -> None:
    sent = [row(paid(supplier)) for _ in range(4)]
    db.session.commit()
    counts = []
    for some in (sent[:1], sent[1:]):
        seen: list[str] = []

        def count(*args: Any, seen: list[str] = seen) -> None:
            seen.append(args[2])

        event.listen(db.engine, "before_cursor_execute", count)
        assert system.put(some).json["counts"]["new"] == len(some)
        event.remove(db.engine, "before_cursor_execute", count)
        counts.append(len(seen))
    assert counts[0] == counts[1]


class TestReading:
    def test_deals_name_what_is_lacking(self, system: System, deal: Deal, supplier: Supplier) -> None:
        later = paid(supplier, month=10)
        paid(factories.make_supplier())
        system.put([row(deal)])
        found = described(system.get("/deals"), "list_deals")
        assert [(each["dealId"], each["missing"]) for each in found["deals"]] == [
            (later.id, ["2020-10"]),
            (deal.id, ["2020-09"]),
        ]
        assert found["next"] is None and found["deals"][1]["paidAt"] == "2020-09-10T14:00:00+09:00"
        first = described(system.get("/deals?size=1"), "list_deals")
        assert [each["dealId"] for each in first["deals"]] == [later.id]
        second = system.get(f"/deals?size=1&before={first['next']}").json
        assert [each["dealId"] for each in second["deals"]] == [deal.id]

    def test_a_month_says_what_was_reported(self, system: System, deal: Deal) -> None:
        system.put([row(deal)])
        [october] = described(system.get("/usage?month=2020-10"), "list_usage")["usage"]
        assert (october["state"], october["logins"], october["source"]) == ("reported", 12, "api")
        [september] = described(system.get("/usage?month=2020-09"), "list_usage")["usage"]
        assert (september["state"], september["logins"], september["reportedAt"]) == ("missing", None, None)

    @pytest.mark.parametrize(
        "path", ["/usage", "/usage?month=10", "/deals?size=0", "/deals?size=201", "/deals?before=x"]
    )
    def test_a_question_that_cannot_be_read(self, system: System, path: str) -> None:
        answer = system.get(path)
        assert answer.status_code == 422 and answer.json["code"] == "api.query"
        described(answer, "list_usage" if path.startswith("/usage") else "list_deals")

    def test_reading_writes_nothing(self, system: System, deal: Deal) -> None:
        before = db.session.get_one(SupplierKey, system.row_id).used_at
        system.get("/deals")
        assert db.session.get_one(SupplierKey, system.row_id, populate_existing=True).used_at is before
        system.put([row(deal)])
        assert db.session.get_one(SupplierKey, system.row_id, populate_existing=True).used_at is not None


def test_a_stranger_gets_nothing_and_is_told_in_json(site: Flask) -> None:
    browser = site.test_client()
    for path in ("/api/v1/deals", "/api/v1/usage?month=2020-10"):
        answer = browser.get(path)
        assert answer.status_code == 401 and set(answer.json) == {"code", "message"}
    assert browser.put("/api/v1/usage", data=b"{}").status_code == 401


def test_no_token_of_a_form_is_asked_for(system: System, deal: Deal, site: Flask) -> None:
    site.config["WTF_CSRF_ENABLED"] = True
    assert system.put([row(deal)]).status_code == 200


def test_a_bug_of_ours_is_told_in_json_too(
    site: Flask, system: System, deal: Deal, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_down(**_: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(usage_api, "take", break_down)
    site.config["PROPAGATE_EXCEPTIONS"] = False
    try:
        answer = system.put([row(deal)])
    finally:
        site.config["PROPAGATE_EXCEPTIONS"] = None
    assert answer.status_code == 500 and answer.json["code"] == "api.http_500"


@pytest.mark.parametrize(
    ("method", "path", "status"), [("POST", "/api/v1/usage", 405), ("GET", "/api/v1/nothing", 404)]
)
def test_what_the_interface_does_not_have_is_said_in_its_own_form(
    site: Flask, method: str, path: str, status: int
) -> None:
    answer = site.test_client().open(path, method=method)
    assert (answer.status_code, answer.json["code"]) == (status, f"api.http_{status}")
    assert set(answer.json) == {"code", "message"}
    assert status != 405 or set(answer.headers["Allow"].split(", ")) >= {"GET", "PUT"}
