"""The suppliers' interface (R-SET-1a): signed requests in, JSON out; the routes come from the contract.

Nobody is logged in here: whose a request is, its signature says, and every read is bound to that supplier.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

from flask import Blueprint, Response, current_app, json, jsonify, request
from flask_limiter.util import get_remote_address
from werkzeug.exceptions import HTTPException

from app.access import needs
from app.clock import real_now
from app.errors import InvalidInput, Refusal
from app.policy import Permission
from app.portal import api_contract
from app.portal.api_contract import LARGEST_BODY, MOST_LISTED, OPERATIONS, USUALLY_LISTED
from app.web import csrf
from app.web.limits import limiter
from app.web.pages import key_of
from app.workflows import supplier_keys, usage_api, usage_api_reads, usage_rows
from app.workflows.supplier_keys import KEY_HEADER, Caller

blueprint = Blueprint("api", __name__, url_prefix=api_contract.PREFIX)

API_LIMIT = "120 per minute; 3000 per hour"
LONGEST_KEY = 40
_SAID = {
    413: "본문이 1MB를 넘습니다. 나누어 보내 주세요.",
    429: "요청이 너무 많습니다. 잠시 뒤 다시 보내 주세요.",
}


def _who() -> str:
    """One system at one address: a stranger who sends another's key uses up none of its share."""
    return f"{get_remote_address()}:{request.headers.get(KEY_HEADER, '')[:LONGEST_KEY]}"


def _caller() -> Caller:
    query = request.query_string.decode("latin-1")
    return supplier_keys.verify(
        headers=dict(request.headers),
        method=request.method,
        target=f"{request.path}?{query}" if query else request.path,
        body=request.get_data(),
        now=real_now(),
        ip=request.remote_addr,
    )


def _answer(content: dict[str, Any], status: int = 200) -> Response:
    response = jsonify(content)
    response.status_code = status
    response.headers["Cache-Control"] = "no-store"
    return response


def _page() -> dict[str, Any]:
    """`before` and `size` of the query. Raises InvalidInput `api.query`."""
    size, before = request.args.get("size"), request.args.get("before")
    found = key_of(size) if size is not None else USUALLY_LISTED
    if not found or found > MOST_LISTED:
        raise InvalidInput("api.query", f"size는 1에서 {MOST_LISTED} 사이의 정수입니다.")
    if before is not None and not key_of(before):
        raise InvalidInput("api.query", "before는 앞 쪽의 next 값입니다.")
    return {"size": found, "before": key_of(before)}


def _listed(name: str, rows: list[dict[str, Any]], size: int) -> Response:
    following = rows[-1]["dealId"] if len(rows) == size else None
    return _answer({name: rows, "next": following})


def list_deals() -> Response:
    caller, page = _caller(), _page()
    return _listed("deals", usage_api_reads.deals(actor=caller.actor, **page), page["size"])


def list_usage() -> Response:
    caller, page = _caller(), _page()
    rows = usage_api_reads.month(actor=caller.actor, month=_month(), **page)
    return _listed("usage", rows, page["size"])


def _month() -> date:
    asked = request.args.get("month", "")
    month = usage_rows.month_of(asked) if usage_api.fits(usage_api.FIELDS["month"], asked) else None
    if month is None:
        raise InvalidInput("api.query", "month를 '2020-10' 형식으로 보내 주세요.")
    return month


def put_usage() -> Response:
    caller = _caller()
    taken = usage_api.take(
        caller=caller,
        key=supplier_keys.idempotency_key(dict(request.headers)),
        target=request.full_path,
        body=request.get_data(),
        atomic=_flag("atomic"),
    )
    response = _answer(taken.content, taken.status)
    if taken.repeated:
        response.headers["Idempotent-Replayed"] = "true"
    return response


def _flag(name: str) -> bool:
    value = request.args.get(name, "false")
    if value not in ("true", "false"):
        raise InvalidInput("api.query", f"{name}은 true나 false입니다.")
    return value == "true"


def describe() -> Response:
    content = json.dumps(api_contract.document(base_url=current_app.config["BASE_URL"]), ensure_ascii=False)
    return Response(content, content_type="application/json; charset=utf-8")


VIEWS: dict[str, Callable[[], Response]] = {
    view.__name__: view for view in (list_deals, list_usage, put_usage, describe)
}


@blueprint.before_request
def _bound() -> None:
    request.max_content_length = LARGEST_BODY


@blueprint.errorhandler(Refusal)
def _refused(refusal: Refusal) -> Response:
    return _answer({"code": refusal.code, "message": refusal.text}, refusal.status)


@blueprint.errorhandler(500)  # by its number, as the site's own page for it is found first otherwise
@blueprint.errorhandler(HTTPException)
def _failed(error: HTTPException) -> Response:
    status = error.code or 500
    said = _SAID.get(status, "요청을 처리하지 못했습니다. 요청을 확인한 뒤 다시 보내 주세요.")
    response = _answer({"code": f"api.http_{status}", "message": said}, status)
    if status == 429:
        response.headers["Retry-After"] = "60"
    return response


def _register() -> None:
    for operation in OPERATIONS:
        view = csrf.exempt(
            needs(Permission.PUBLIC)(limiter.limit(API_LIMIT, key_func=_who)(VIEWS[operation.name]))
        )
        blueprint.add_url_rule(operation.path, operation.name, view, methods=[operation.method])


# Signed by a system: there is no session that another page could make use of.
csrf.exempt(blueprint)
_register()
