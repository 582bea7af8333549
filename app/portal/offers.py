"""The company's answer to an offer of returned money, on '심사 및 예산확인' (R-SCR-4)."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from app.access import current_actor, needs
from app.errors import Refusal
from app.policy import Permission
from app.web import confirm
from app.web.errors import refused
from app.workflows import offers

blueprint = Blueprint("offers", __name__, url_prefix="/company/offers")


@blueprint.post("/<int:offer_id>/accept")
@needs(Permission.APPLICATION_SUBMIT)
def accept(offer_id: int) -> ResponseReturnValue:
    back = url_for("company.status")
    asked = confirm.ask(
        question="안내된 예산을 수락할까요?",
        consequence="수락하면 전문기관이 예산을 확정하고, 승인되면 바우처의 사용 기한이 시작됩니다.",
        label="수락",
        cancel_url=back,
    )
    if asked is not None:
        return asked
    try:
        offers.accept(actor=current_actor(), offer_id=offer_id)
    except Refusal as refusal:
        return refused(refusal, to=back)
    flash("예산 안내를 수락했습니다. 전문기관이 예산을 확정하면 알려 드립니다.", "success")
    return redirect(back)


@blueprint.post("/<int:offer_id>/decline")
@needs(Permission.APPLICATION_SUBMIT)
def decline(offer_id: int) -> ResponseReturnValue:
    """The reason is the company's own business: asked for beside the button, not demanded."""
    back = url_for("company.status")
    asked = confirm.ask(
        question="이번에 안내된 예산을 사양할까요?",
        consequence="이 예산은 다음 순서의 기업에 안내되며 되돌릴 수 없습니다. 대기 순서는 그대로여서, "
        "다음에 예산이 돌아오면 다시 안내해 드립니다.",
        label="사양",
        cancel_url=back,
    )
    if asked is not None:
        return asked
    try:
        offers.decline(
            actor=current_actor(), offer_id=offer_id, reason=request.form.get("decline_reason", "")
        )
    except Refusal as refusal:
        return refused(refusal, to=back)
    flash("예산 안내를 사양했습니다. 대기 순서는 그대로이며, 다음 예산이 돌아오면 알려 드립니다.", "success")
    return redirect(back)
