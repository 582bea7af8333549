"""(잔여)예산포기 of '바우처 신청' (R-VOU-2).

Importing this module adds its page to the voucher's blueprint.
"""

from __future__ import annotations

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from app.access import current_actor, needs
from app.errors import Refusal
from app.models.vouchers import Voucher, VoucherState
from app.policy import Actor, Permission
from app.portal.voucher import blueprint, help_lines
from app.web import confirm
from app.web.forms import BaseForm, ReasonField, refusal_to_form
from app.workflows import applications_reads, vouchers, vouchers_reads, waiver_reads

__all__ = ["blueprint"]


class WaiverForm(BaseForm):
    # Not `reason`: that name belongs to the question which is asked before anything is done.
    waiver_reason = ReasonField("포기 사유")


@blueprint.route("/waiver", methods=["GET", "POST"])
@needs(Permission.VOUCHER_USE)
def waiver() -> ResponseReturnValue:
    """Asked for here, decided by the lead agency."""
    actor, form = current_actor(), WaiverForm()
    if form.validate_on_submit():
        if _asked_already(actor):
            flash("예산포기를 이미 신청했습니다. 전문기관의 결정을 기다려 주세요.", "info")
            return redirect(url_for("voucher.waiver"))
        asked = confirm.ask(
            question="남은 예산을 포기할까요?",
            consequence="신청하면 전문기관이 결정할 때까지 바우처를 쓸 수 없고, 승인되면 되돌릴 수 없습니다.",
            label="포기 신청",
            cancel_url=url_for("voucher.waiver"),
        )
        if asked is not None:
            return asked
        try:
            vouchers.request_waiver(actor=actor, reason=form.waiver_reason.data or "")
        except Refusal as refusal:
            refusal_to_form(form, refusal)
        else:
            flash("(잔여)예산포기를 신청했습니다. 전문기관의 결정을 알려 드립니다.", "success")
            return redirect(url_for("voucher.waiver"))
    return _page(actor, form)


def _asked_already(actor: Actor) -> bool:
    """The second of two clicks, or another tab."""
    voucher = vouchers.of_company(actor.company_id) if actor.company_id else None
    return voucher is not None and _waits(voucher)


def _waits(voucher: Voucher) -> bool:
    return voucher.state is VoucherState.USABLE and voucher.waiver_requested_at is not None


def _page(actor: Actor, form: WaiverForm) -> ResponseReturnValue:
    status = applications_reads.status(actor=actor)
    overview = vouchers_reads.overview(actor=actor)
    voucher = overview.voucher if overview else None
    page = render_template(
        "portal/voucher/waiver.html",
        form=form,
        status=status,
        overview=overview,
        waits=voucher is not None and _waits(voucher),
        in_the_way=waiver_reads.in_the_way(actor=actor, voucher=voucher) if voucher else None,
        history=waiver_reads.history(actor=actor, voucher=voucher) if voucher else [],
        states=VoucherState,
        phones=help_lines(status),
    )
    return page, 422 if form.errors else 200
