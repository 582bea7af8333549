"""가격 변경 요청: new plans for what is sold; the old ones sell on until these are approved (R-CAT-5)."""

from __future__ import annotations

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from app.access import current_actor, needs
from app.errors import Conflict, InvalidInput
from app.models.catalogue import OfferingFileKind
from app.policy import Permission
from app.portal.supply import service_files
from app.portal.supply.root import blueprint
from app.portal.supply.service_form import PlansForm, plan_data, show_refusal
from app.portal.supply.services import vat_note
from app.web.errors import refused
from app.workflows import offering_own_reads, offering_versions
from app.workflows.offering_files import RULES
from app.workflows.offering_lifecycle import OFFERING

PROOF = OfferingFileKind.EVIDENCE


@blueprint.route("/services/<int:offering_id>/prices", methods=["GET", "POST"])
@needs(Permission.OFFERING_WRITE)
def propose_prices(offering_id: int) -> ResponseReturnValue:
    actor, here = current_actor(), url_for("supply.service", offering_id=offering_id)
    draft = offering_own_reads.own_detail(actor=actor, offering_id=offering_id)
    try:
        OFFERING.pick("propose", draft.offering.state)
    except Conflict as refusal:
        return refused(refusal, to=here)
    form = PlansForm(data=plan_data(draft.plans))
    good = form.validate_on_submit()
    chosen = service_files.gather(form, (PROOF,), actor=actor)
    if good and not form.errors:
        evidence = [each.file for each in chosen if each.kind is PROOF]
        try:
            offering_versions.propose_plans(
                actor=actor, offering_id=offering_id, plans=form.plans, evidence=evidence
            )
        except (Conflict, InvalidInput) as refusal:
            show_refusal(form, refusal)
        else:
            flash("가격 변경을 요청했습니다. 승인되기 전까지는 지금 가격으로 판매합니다.", "success")
            return redirect(here)
    page = render_template(
        "portal/supply/prices.html",
        form=form,
        kept=chosen,
        rule=RULES[PROOF],
        draft=draft,
        offering=draft.offering,
        vat_note=vat_note(),
    )
    return page, 422 if form.errors or form.form_errors else 200
