"""Where the payment gateways tell of an order that changed; no more than a hint to ask them (R-PAY-4)."""

from __future__ import annotations

from flask import Blueprint, abort, request
from flask.typing import ResponseReturnValue

from app.access import needs
from app.errors import NotFound
from app.policy import Permission
from app.web import csrf
from app.workflows import payment_resolution

blueprint = Blueprint("callbacks", __name__)

LARGEST_BODY = 64 * 1024


@blueprint.post("/callbacks/<system>")
@needs(Permission.PUBLIC)
@csrf.exempt
def take(system: str) -> ResponseReturnValue:
    """204 for a signed call-back of an order of ours, 404 of any other; 401 for a forged one."""
    request.max_content_length = LARGEST_BODY
    try:
        payment_resolution.take_callback(
            system=system, headers=dict(request.headers), body=request.get_data()
        )
    except payment_resolution.Forged:
        abort(401)
    except NotFound:
        abort(404)
    return "", 204
