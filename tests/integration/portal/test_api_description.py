"""The suppliers' interface is what its OpenAPI description says, and nothing else (R-SET-1a)."""

from __future__ import annotations

import json
from typing import Any

from flask import Flask

from app.policy import Permission
from app.portal import api, api_contract
from app.portal.supply import api_examples
from app.workflows import usage_api
from tests import schema
from tests.integration.portal.selling_system import DOCUMENT, NAMED


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
