"""The National Tax Service's public status API for business registration numbers, played."""

from __future__ import annotations

import hmac
from typing import Any

from flask import Blueprint, Response, request

from sandbox import behaviours
from sandbox.errors import ApiError
from sandbox.world import Answer, World, json_body, play_fault, respond

MOST_NUMBERS = 100
UNREGISTERED = "국세청에 등록되지 않은 사업자등록번호입니다."
ORDINARY = ("01", "계속사업자", "01", "부가가치세 일반과세자")
FAULTS = {"hang": "50", "500": "56", "slow": "58", "garbage": "59"}


def blueprint(world: World) -> Blueprint:
    routes = Blueprint("tax", __name__, url_prefix="/tax")

    @routes.post("/api/nts-businessman/v1/status")
    def status() -> Response:
        given = request.args.get("serviceKey", "")
        if not hmac.compare_digest(given.encode(), world.keys.tax_office.encode()):
            raise ApiError("-401", "등록되지 않은 인증키입니다.", 401)
        numbers = _numbers(json_body())
        fault = next((f for n in numbers if (f := _fault(n))), "")
        play_fault(fault)
        data = [_status(number) for number in numbers]
        body: dict[str, Any] = {"status_code": "OK", "request_cnt": len(numbers), "data": data}
        matches = sum(bool(row["b_stt_cd"]) for row in data)
        if matches:
            body["match_cnt"] = matches  # as the original: absent when nothing matches
        return respond(Answer(body, manner="garbage" if fault == "59" else "plain"))

    return routes


def _numbers(body: dict[str, Any]) -> list[str]:
    numbers = body.get("b_no")
    if not isinstance(numbers, list) or not numbers or not all(isinstance(n, str) for n in numbers):
        raise ApiError("BAD_JSON_REQUEST", "b_no 값은 사업자등록번호의 목록이어야 합니다.")
    if len(numbers) > MOST_NUMBERS:
        raise ApiError("TOO_LARGE_REQUEST", "한 번에 100건까지 조회할 수 있습니다.", 413)
    return numbers


def _fault(number: str) -> str:
    digits = behaviours.of_business(number)
    return FAULTS.get(behaviours.BUSINESSES[digits][0], "") if digits else ""


def _status(number: str) -> dict[str, str]:
    digits = behaviours.of_business(number)
    code, text, tax_code, tax = behaviours.BUSINESSES[digits] if digits else ORDINARY
    if code in FAULTS:
        code, text, tax_code, tax = ORDINARY
    if not behaviours.business_number_valid(number):
        code, text, tax_code, tax = "", "", "", UNREGISTERED
    return {
        "b_no": number,
        "b_stt": text,
        "b_stt_cd": code,
        "tax_type": tax,
        "tax_type_cd": tax_code,
        "end_dt": "20200930" if code == "03" else "",
        "utcc_yn": "N" if code else "",
        "tax_type_change_dt": "",
        "invoice_apply_dt": "",
        "rbf_tax_type": "해당없음" if code else "",
        "rbf_tax_type_cd": "99" if code else "",
    }
