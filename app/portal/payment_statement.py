"""'청구내역': what was paid and what was cancelled, on the screen, as Excel and as a paper (R-PAY-8)."""

from __future__ import annotations

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from app.access import current_actor, needs
from app.documents.exports import Column
from app.errors import Refusal
from app.korean import with_object
from app.policy import Permission
from app.portal import lists, payment_lists
from app.portal.payment_flow import blueprint
from app.web.errors import refused
from app.web.pages import page_args
from app.workflows import billing_statement, payments_reads, slips

COLUMNS = payment_lists.columns(
    Column("공급기업", lambda row: row.deal.supplier.name),
    Column("취소 사유", lambda row: row.cancel_reason if row.cancelled_at else None, width=40),
)


@blueprint.get("/statement")
@needs(Permission.DEMAND_VIEW)
def statement() -> ResponseReturnValue:
    actor, page, wanted = current_actor(), page_args(), payment_lists.wanted()
    rows = payments_reads.statement(actor=actor, before=lists.cursor(), size=page.size, **wanted.bounds)
    return render_template(
        "portal/payments/statement.html",
        sums=payments_reads.statement_sums(actor=actor, **wanted.bounds),
        rows=rows,
        wanted=wanted,
        size=page.size,
        following=lists.following(rows, page.size),
        most=billing_statement.MOST,
    )


@blueprint.get("/statement.xlsx")
@needs(Permission.DEMAND_VIEW)
def statement_export() -> ResponseReturnValue:
    actor, wanted = current_actor(), payment_lists.wanted()
    count = payments_reads.statement_sums(actor=actor, **wanted.bounds).count
    filters = {"actor": actor, **wanted.bounds}
    return payment_lists.export(payments_reads.statement, count, COLUMNS, name="청구내역", **filters)


@blueprint.post("/statement/issue")
@needs(Permission.DEMAND_VIEW)
def statement_issue() -> ResponseReturnValue:
    """청구내역서 of the filter of the address, numbered and kept (R-DOC-1)."""
    wanted = payment_lists.wanted()
    try:
        slip, is_new = billing_statement.issue(actor=current_actor(), **wanted.bounds)
    except Refusal as refusal:
        return refused(refusal, to=url_for("payments.statement", **wanted.address))
    number = slips.number_of(slip)
    flash(
        f"청구내역서 {with_object(number)} 발급했습니다." if is_new
        else f"내용이 달라지지 않아 이미 발급한 청구내역서 {with_object(number)} 보여 드립니다.",
        "success" if is_new else "info",
    )  # fmt: skip
    return redirect(url_for("slips.view", slip_id=slip.id))


@blueprint.get("/statement/issued")
@needs(Permission.DEMAND_VIEW)
def statement_issued() -> ResponseReturnValue:
    """청구내역서 that were issued."""
    page = page_args()
    rows = billing_statement.issued(actor=current_actor(), before=lists.cursor(), size=page.size)
    following = lists.following(rows, page.size)
    return render_template(
        "portal/payments/issued.html", rows=rows, size=page.size, following=following, number=slips.number_of
    )
