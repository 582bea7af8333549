"""The suppliers' interface: signed, taken once, row by row, and just as it is described (R-SET-1a)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, select, text

from app import clock
from app.db import db
from app.models.catalogue import Supplier
from app.models.deals import Deal, DealState
from app.models.programme import Programme
from app.models.record import AuditRow, Notice
from app.models.supplier_keys import SupplierKey, SupplierRequest
from app.models.usage import UsageReport, UsageSource
from app.policy import Actor, Permission, Role
from app.portal import api, api_contract
from app.portal.supply import api_examples
from app.workflows import supplier_keys, usage_api
from tests import factories, schema, settled
from tests.signing import System

NOW = datetime(2020, 11, 16, 9, 0, tzinfo=clock.KST)
DOCUMENT = api_contract.document(base_url="http://localhost")
NAMED = DOCUMENT["components"]["schemas"]


@pytest.fixture(autouse=True)
def _in_november(site: Flask) -> Iterator[None]:
    with clock.at(NOW):
        yield


@pytest.fixture
def supplier(site: Flask) -> Supplier:
    return factories.make_supplier()


@pytest.fixture
def seller(supplier: Supplier) -> Actor:
    return factories.make_actor(Role.SUPPLIER, supplier_id=supplier.id)


@pytest.fixture
def system(site: Flask, seller: Actor) -> System:
    db.session.commit()
    return System(site.test_client(), seller)


@pytest.fixture
def deal(site: Flask, supplier: Supplier) -> Deal:
    return paid(supplier)


def paid(supplier: Supplier, month: int = 9) -> Deal:
    at = datetime(2020, month, 10, 14, 0, tzinfo=clock.KST)
    programme = db.session.scalars(select(Programme)).first() or factories.make_programme()
    payment = settled.make_paid(programme, supplier, 300_000, paid_at=at)
    return db.session.get_one(Deal, payment.deal_id)


def row(deal: Deal, **changed: Any) -> dict[str, Any]:
    said = {"dealId": deal.id, "month": "2020-10", "logins": 12, "lastUsedOn": "2020-10-20"} | changed
    return {name: value for name, value in said.items() if value is not ...}


def reports() -> list[tuple[int, date, int]]:
    found = select(UsageReport.deal_id, UsageReport.month, UsageReport.logins).order_by(UsageReport.month)
    return [tuple(each) for each in db.session.execute(found)]


def described(answer: Any, name: str, method: str = "get") -> Any:
    """The answer, which is what its description promises for its status."""
    path = {each.name: each.path for each in api_contract.OPERATIONS}[name]
    responses = DOCUMENT["paths"][path][method]["responses"]
    assert str(answer.status_code) in responses, f"{answer.status_code} is not described: {answer.text}"
    promised = responses[str(answer.status_code)]["content"]["application/json"]["schema"]
    wrong = list(schema.faults(promised, answer.json, NAMED))
    assert wrong == []
    return answer.json


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


class TestOnce:
    def test_the_same_request_again_is_answered_as_before(self, system: System, deal: Deal) -> None:
        first = system.put([row(deal)], once="october-1")
        db.session.execute(text("UPDATE usage_report SET logins = 99"))
        again = system.put([row(deal)], once="october-1")
        assert again.json == first.json and again.headers["Idempotent-Replayed"] == "true"
        assert reports()[0][2] == 99 and "Idempotent-Replayed" not in first.headers
        assert db.session.query(AuditRow).filter_by(entity="usage_report").count() == 1

    def test_another_request_under_the_same_key_is_refused(self, system: System, deal: Deal) -> None:
        system.put([row(deal)], once="october-1")
        for answer in (
            system.put([row(deal, logins=13)], once="october-1"),
            system.put([row(deal)], once="october-1", query="?atomic=true"),
        ):
            assert answer.status_code == 409 and answer.json["code"] == "api.idempotency"
            described(answer, "put_usage", "put")
        assert reports()[0][2] == 12

    def test_two_keys_do_not_share_their_requests(self, system: System, deal: Deal, seller: Actor) -> None:
        other = System(system.browser, seller, name="회계")
        system.put([row(deal)], once="october-1")
        assert other.put([row(deal, logins=13)], once="october-1").status_code == 200

    @pytest.mark.parametrize("once", ["short", "x" * 101, "한글한글한글한글", "with space x"])
    def test_a_key_is_needed_and_has_a_form(self, system: System, deal: Deal, once: str) -> None:
        body = json.dumps({"reports": [row(deal)]}).encode()
        signed = system.signed("PUT", "/api/v1/usage", body, once=once.encode().decode("latin-1"))
        answer = system.browser.put("/api/v1/usage", data=body, headers=signed)
        assert answer.status_code == 422 and answer.json["code"] == "api.idempotency_key"

    def test_an_answer_is_forgotten_after_a_day(self, system: System, deal: Deal) -> None:
        system.put([row(deal)], once="october-1")
        assert usage_api.forget_old() == 0
        db.session.execute(text("UPDATE supplier_request SET at = at - interval '25 hours'"))
        assert usage_api.forget_old() == 1


class TestSignature:
    def put(self, system: System, deal: Deal, **changed: str) -> Any:
        return system.put([row(deal)], once="october-1", **changed)

    @pytest.mark.parametrize(
        "changed",
        [
            {"X-KV-Signature": "0" * 64},
            {"X-KV-Signature": "서명".encode().decode("latin-1")},
            {"X-KV-Signature": ""},
            {"X-KV-Key": "kvk_0000000000000000"},
            {"X-KV-Key": ""},
            {"Idempotency-Key": "october-2"},
            {"X-KV-Timestamp": "1"},
        ],
    )
    def test_whatever_is_changed_it_no_longer_fits(
        self, system: System, deal: Deal, changed: dict[str, str]
    ) -> None:
        answer = self.put(system, deal, **changed)
        assert answer.status_code == 401 and answer.json["code"] == "api.signature"
        described(answer, "put_usage", "put")
        assert reports() == []

    def test_method_address_and_body_are_signed(self, system: System, deal: Deal) -> None:
        body = json.dumps({"reports": [row(deal)]}).encode()
        signed = system.signed("PUT", "/api/v1/usage", body, once="october-1")
        browser = system.browser
        assert browser.put("/api/v1/usage", data=body + b" ", headers=signed).status_code == 401
        assert browser.put("/api/v1/usage?atomic=true", data=body, headers=signed).status_code == 401
        assert browser.get("/api/v1/usage", headers=signed).status_code == 401
        assert browser.put("/api/v1/usage", data=body, headers=signed).status_code == 200

    @pytest.mark.parametrize(("seconds", "status"), [(-301, 401), (-299, 200), (299, 200), (302, 401)])
    def test_the_real_clock_decides(self, system: System, deal: Deal, seconds: int, status: int) -> None:
        """R-TIME-7: the programme's own time, which stands at 2020 here, has no say."""
        at = int(clock.real_now().timestamp()) + seconds
        headers = system.signed("GET", "/api/v1/deals", at=at)
        answer = system.browser.get("/api/v1/deals", headers=headers)
        assert answer.status_code == status
        assert status == 200 or answer.json["code"] == "api.timestamp"

    def test_a_revoked_key_is_as_unknown(self, system: System, deal: Deal, seller: Actor) -> None:
        supplier_keys.revoke(actor=seller, key_id=system.row_id)
        answer = self.put(system, deal)
        assert (answer.status_code, answer.json["code"]) == (401, "api.signature") and reports() == []

    def test_the_printed_vector_is_the_hmac_that_anybody_gets(self) -> None:
        vector = api_examples.VECTOR
        assert hashlib.sha256(vector.body).hexdigest() in vector.canonical()
        assert vector.signature(api_examples.SECRET) == VECTOR_SIGNATURE

    def test_the_printed_python_signs_the_same(self) -> None:
        own: dict[str, Any] = {"__name__": "example"}
        exec(compile(api_examples.python("http://localhost"), "example.py", "exec"), own)  # noqa: S102
        v = api_examples.VECTOR
        signed = own["signature"](
            api_examples.SECRET, v.timestamp, v.method, v.target, v.idempotency_key, v.body
        )
        assert signed == VECTOR_SIGNATURE


VECTOR_SIGNATURE = "4c0f9348639c8705879a48d450d72027bb0b06764cc44ab787e91730a7d71833"


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


class TestDescription:
    def test_it_describes_the_routes_and_no_others(self, site: Flask) -> None:
        described_ones = {
            (f"{api_contract.PREFIX}{path}", method.upper())
            for path, operations in DOCUMENT["paths"].items()
            for method in operations
        }
        routes = {
            (rule.rule, method)
            for rule in site.url_map.iter_rules()
            if rule.rule.startswith("/api/")
            for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        }
        assert described_ones == routes
        assert set(api.VIEWS) == {operation.name for operation in api_contract.OPERATIONS}
        for name in api.VIEWS:
            assert site.view_functions[f"api.{name}"].permission is Permission.PUBLIC  # type: ignore[attr-defined]

    def test_anybody_reads_it(self, site: Flask) -> None:
        answer = site.test_client().get("/api/v1/openapi.json")
        assert answer.json == json.loads(json.dumps(DOCUMENT)) | {"servers": answer.json["servers"]}
        assert answer.json["openapi"] == "3.1.0" and answer.json["servers"][0]["url"].endswith("/api/v1")

    def test_every_reference_leads_somewhere_and_every_schema_is_used(self) -> None:
        used = set()

        def walk(node: Any) -> None:
            if isinstance(node, dict):
                if "$ref" in node:
                    used.add(node["$ref"].rpartition("/")[2])
                for each in node.values():
                    walk(each)
            elif isinstance(node, list):
                for each in node:
                    walk(each)

        walk(DOCUMENT)
        assert used == set(NAMED)

    def test_the_examples_are_what_the_schemas_say(self) -> None:
        body = json.loads(api_examples.BODY)
        assert list(schema.faults(NAMED["Reports"], body, NAMED)) == []
        for name, field in usage_api.FIELDS.items():
            assert usage_api.fits(field, field["example"]), name
            assert list(schema.faults(field, field["example"], NAMED)) == []


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
