"""'청구내역': what was paid and what of it was cancelled, on the screen, as Excel and as PDF (R-PAY-8)."""

from __future__ import annotations

from flask import current_app, render_template, url_for
from flask.typing import ResponseReturnValue

from app.access import current_actor, needs
from app.documents import billing_statement as paper
from app.documents.exports import Column
from app.errors import Refusal
from app.policy import Permission
from app.portal import lists, payment_lists
from app.portal.payment_flow import blueprint
from app.web.errors import refused
from app.web.pages import page_args
from app.workflows import billing_statement, payments_reads

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


@blueprint.get("/statement.pdf")
@needs(Permission.DEMAND_VIEW)
def statement_pdf() -> ResponseReturnValue:
    """The filter of the address as a paper; one too long to be drawn at once is said to be so."""
    wanted = payment_lists.wanted()
    try:
        made = billing_statement.paper(
            actor=current_actor(), demonstration=current_app.config["DEMO"], **wanted.bounds
        )
    except Refusal as refusal:
        return refused(refusal, to=url_for("payments.statement", **wanted.address))
    return lists.handed(paper.draw(made), "application/pdf", name="청구내역", ending="pdf")
