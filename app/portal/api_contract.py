"""The suppliers' interface as one table: the routes are made from it, and so is its OpenAPI description.

What is not in the table does not exist; what is in it has a view of the same name in `app/portal/api.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from app.workflows import supplier_keys, usage_api
from app.workflows.supplier_keys import (
    IDEMPOTENCY_HEADER,
    KEY_HEADER,
    SIGNATURE_HEADER,
    TIMESTAMP_HEADER,
)
from app.workflows.usage_reads import UsageState

PREFIX = "/api/v1"
VERSION = "1.0.0"
LARGEST_BODY = 1024 * 1024
MOST_LISTED = 200
USUALLY_LISTED = 100
Schema = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """Of the query, or a header."""

    name: str
    schema: Schema
    description: str
    place: str = "query"
    required: bool = False


@dataclass(frozen=True, kw_only=True)
class Operation:
    name: str
    """Of the view, and the operation's id."""
    method: str
    path: str
    summary: str
    description: str
    answer: str
    """The schema of a 200."""
    parameters: tuple[Parameter, ...] = ()
    body: str = ""
    signed: bool = True
    refusals: dict[int, str] = field(default_factory=dict)
    """Status -> when; the schema is Error unless `other_answers` names another."""
    other_answers: dict[int, str] = field(default_factory=dict)


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _object(properties: Schema, *, optional: tuple[str, ...] = ()) -> Schema:
    required = [name for name in properties if name not in optional]
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


def _list(of: str, **more: Any) -> Schema:
    return {"type": "array", "items": _ref(of)} | more


_DAY: Schema = {"type": ["string", "null"], "format": "date"}
_INSTANT: Schema = {"type": "string", "format": "date-time"}
_NEXT: Schema = {
    "type": ["integer", "null"],
    "description": "다음 쪽을 볼 때 before에 넣을 값. 마지막 쪽이면 null입니다.",
}
_FIELDS = usage_api.FIELDS
_DEAL: Schema = {
    "dealId": _FIELDS["dealId"],
    "company": {"type": "string", "description": "수요기업"},
    "service": {"type": "string", "description": "서비스"},
    "paidAt": _INSTANT,
    "periodFrom": _DAY,
    "periodTo": _DAY,
}
SCHEMAS: dict[str, Schema] = {
    "Report": _object(_FIELDS, optional=tuple(usage_api.OPTIONAL)),
    "Reports": _object({"reports": _list("Report", minItems=1, maxItems=usage_api.MOST_ROWS)}),
    "Result": _object(
        {
            "index": {"type": "integer", "description": "요청의 몇 번째 행인지. 0부터 셉니다."},
            "dealId": _FIELDS["dealId"],
            "month": _FIELDS["month"],
            "result": {
                "enum": list(usage_api.RESULTS),
                "description": "new 새로 저장, changed 바꿈, unchanged 이미 같은 값, refused 거절, "
                "held_back은 atomic 요청의 다른 행이 거절되어 저장하지 않은 행입니다.",
            },
            "field": {"type": "string", "description": "거절된 항목"},
            "code": {"enum": ["format", "missing", "unknown_field", "value", "duplicate", "deal", "state"]},
            "message": {"type": "string", "description": "거절 사유"},
        },
        optional=("dealId", "month", "field", "code", "message"),
    ),
    "Taken": _object(
        {
            "counts": _object({name: {"type": "integer", "minimum": 0} for name in usage_api.RESULTS}),
            "results": _list("Result"),
        }
    ),
    "Deal": _object(
        _DEAL
        | {
            "missing": {
                "type": "array",
                "items": {"type": "string", "pattern": _FIELDS["month"]["pattern"]},
                "description": "아직 제출하지 않은 지난달들",
            }
        }
    ),
    "Deals": _object({"deals": _list("Deal"), "next": _NEXT}),
    "MonthOfDeal": _object(
        _DEAL
        | {
            "month": _FIELDS["month"],
            "state": {
                "enum": [state.value for state in UsageState],
                "description": ", ".join(f"{state.value} {state.label}" for state in UsageState),
            },
            "logins": {"type": ["integer", "null"]},
            "lastUsedOn": _DAY,
            "reportedAt": _INSTANT | {"type": ["string", "null"]},
            "source": {"enum": ["form", "file", "api", None]},
        }
    ),
    "Months": _object({"usage": _list("MonthOfDeal"), "next": _NEXT}),
    "Error": _object({"code": {"type": "string"}, "message": {"type": "string"}}),
    "Description": {"type": "object"},
}

_PAGING = (
    Parameter(
        name="before",
        schema={"type": "integer", "minimum": 1},
        description="이 거래번호보다 앞의 거래부터. 앞 쪽의 next를 넣습니다.",
    ),
    Parameter(
        name="size",
        schema={"type": "integer", "minimum": 1, "maximum": MOST_LISTED, "default": USUALLY_LISTED},
        description="한 쪽의 행 수",
    ),
)
SIGNED_HEADERS = (
    Parameter(
        name=KEY_HEADER,
        schema={"type": "string", "pattern": "^kvk_[0-9a-f]{16}$"},
        description="연동 키의 번호",
        place="header",
        required=True,
    ),
    Parameter(
        name=TIMESTAMP_HEADER,
        schema={"type": "string", "pattern": "^[0-9]{1,12}$"},
        description=f"유닉스 시각(초). 서버와 {supplier_keys.TOLERANCE_SECONDS}초 넘게 다르면 거절합니다.",
        place="header",
        required=True,
    ),
    Parameter(
        name=SIGNATURE_HEADER,
        schema={"type": "string", "pattern": "^[0-9a-f]{64}$"},
        description="다섯 줄을 HMAC-SHA256으로 서명한 값(16진수)",
        place="header",
        required=True,
    ),
)
_ONCE = Parameter(
    name=IDEMPOTENCY_HEADER,
    schema={"type": "string", "pattern": "^[!-~]{8,100}$"},
    description="요청마다 다른 값. 같은 값으로 같은 요청을 다시 보내면 하루 동안 처음 답을 그대로 줍니다.",
    place="header",
    required=True,
)
_UNSIGNED = {
    401: "키나 서명, 시각이 맞지 않음",
    429: "요청이 너무 많음. Retry-After 초 뒤에 다시 보냅니다.",
}

OPERATIONS: tuple[Operation, ...] = (
    Operation(
        name="list_deals",
        method="GET",
        path="/deals",
        summary="결제완료된 거래",
        description="귀사의 결제완료된 거래와, 아직 이용실적을 내지 않은 달입니다. 최근 거래부터입니다.",
        answer="Deals",
        parameters=_PAGING,
        refusals=_UNSIGNED | {422: "조회 조건이 맞지 않음"},
    ),
    Operation(
        name="list_usage",
        method="GET",
        path="/usage",
        summary="한 달의 이용실적",
        description="그 달의 거래마다 제출한 이용실적입니다.",
        answer="Months",
        parameters=(
            Parameter(name="month", schema=_FIELDS["month"], description="이용월", required=True),
            *_PAGING,
        ),
        refusals=_UNSIGNED | {422: "조회 조건이 맞지 않음"},
    ),
    Operation(
        name="put_usage",
        method="PUT",
        path="/usage",
        summary="이용실적 제출",
        description="행마다 저장하거나 거절합니다. 이미 낸 달은 새 값으로 바뀝니다. "
        "줄어든 값은 수요기업에 알립니다.",
        answer="Taken",
        parameters=(
            Parameter(
                name="atomic",
                schema={"type": "boolean", "default": False},
                description="true이면 한 행이라도 거절될 때 아무것도 저장하지 않습니다.",
            ),
            _ONCE,
        ),
        body="Reports",
        refusals=_UNSIGNED
        | {
            409: f"같은 {IDEMPOTENCY_HEADER}로 다른 요청을 이미 받음",
            413: "본문이 1MB를 넘음",
            422: "본문을 읽을 수 없거나, atomic 요청에 거절된 행이 있음",
        },
        other_answers={422: "Taken"},
    ),
    Operation(
        name="describe",
        method="GET",
        path="/openapi.json",
        summary="이 설명",
        description="OpenAPI 3.1 문서입니다. 서명 없이 볼 수 있습니다.",
        answer="Description",
        signed=False,
        refusals={429: _UNSIGNED[429]},
    ),
)


def document(*, base_url: str) -> dict[str, Any]:
    """The OpenAPI 3.1 description."""
    paths: dict[str, Any] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "K-비대면바우처 공급기업 연동",
            "version": VERSION,
            "description": "공급기업의 시스템이 이용실적을 제출합니다. 요청마다 연동 키로 서명합니다.",
        },
        "servers": [{"url": f"{base_url.rstrip('/')}{PREFIX}"}],
        "paths": paths,
        "components": {
            "schemas": SCHEMAS,
            "securitySchemes": {
                "signedKey": {
                    "type": "apiKey",
                    "in": "header",
                    "name": KEY_HEADER,
                    "description": "요청을 서명한 키. " + SIGNING,
                }
            },
        },
    }


SIGNING = (
    f"{SIGNATURE_HEADER}는 {TIMESTAMP_HEADER}, 메서드(대문자), 경로와 조회 문자열, {IDEMPOTENCY_HEADER}"
    "(없으면 빈 줄), 본문의 SHA-256(16진수)을 줄바꿈(\\n)으로 이은 글을 비밀값으로 HMAC-SHA256한 "
    "16진수입니다."
)


def _operation(operation: Operation) -> dict[str, Any]:
    headers = SIGNED_HEADERS[1:] if operation.signed else ()
    found: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "description": operation.description,
        "security": [{"signedKey": []}] if operation.signed else [],
        "parameters": [_parameter(each) for each in (*operation.parameters, *headers)],
        "responses": {"200": _response("처리함", [operation.answer])}
        | {str(status): _refusal(operation, status) for status in sorted(operation.refusals)},
    }
    if operation.body:
        content = {"application/json": {"schema": _ref(operation.body)}}
        found["requestBody"] = {"required": True, "content": content}
    return found


def _parameter(parameter: Parameter) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "in": parameter.place,
        "required": parameter.required,
        "description": parameter.description,
        "schema": parameter.schema,
    }


def _refusal(operation: Operation, status: int) -> dict[str, Any]:
    names = [name for name in (operation.other_answers.get(status), "Error") if name]
    return _response(operation.refusals[status], names)


def _response(description: str, names: list[str]) -> dict[str, Any]:
    schemas = [_ref(name) for name in names]
    schema = schemas[0] if len(schemas) == 1 else {"anyOf": schemas}
    return {"description": description, "content": {"application/json": {"schema": schema}}}
