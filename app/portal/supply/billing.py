"""결제요청: plan, quantity and period, with their amounts before they are sent (R-TIME-3, R-MONEY-2b)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from wtforms import SelectField

from app import clock
from app.access import current_actor, needs
from app.errors import Conflict, InvalidInput
from app.models.deals import DealState
from app.policy import Permission
from app.portal.supply.root import blueprint
from app.portal.supply.service_form import WholeNumberField
from app.web.errors import refused
from app.web.forms import BaseForm, DateField, Required, refusal_to_form
from app.workflows import bills, deals, deals_reads
from app.workflows.deal_lifecycle import DEAL
from app.workflows.deals_reads import DealView


class BillForm(BaseForm):
    """결제요청"""

    plan_id = SelectField("요금제", [Required()], coerce=int)
    quantity = WholeNumberField("수량", [Required()], maximum=deals.MAX_QUANTITY)
    period_from = DateField("이용 시작일", [Required()])
    period_to = DateField("이용 종료일", [Required()])

    @property
    def terms(self) -> dict[str, Any]:
        return {name: self[name].data for name in ("plan_id", "quantity", "period_from", "period_to")}


def _form(view: DealView) -> BillForm:
    """Begun with the first plan from today on; what was posted wins."""
    today, first = clock.today(), view.plans[0]
    until = clock.add_months(today, first.period_months) - timedelta(days=1)
    form = BillForm(plan_id=first.id, quantity=1, period_from=today, period_to=until)
    form.plan_id.choices = [
        (plan.id, f"{plan.name}: {plan.price:,}원 / {plan.unit} (이용기간 {plan.period_months}개월)")
        for plan in view.plans
    ]
    return form


@blueprint.route("/deals/<int:deal_id>/bill", methods=["GET", "POST"])
@needs(Permission.DEAL_ANSWER)
def bill(deal_id: int) -> ResponseReturnValue:
    """The form; posted, the preview; pressed there, the bill. `step=edit` comes back from the preview."""
    actor = current_actor()
    view = deals_reads.deal_view(actor=actor, deal_id=deal_id)
    try:
        DEAL.pick("bill", view.deal.state)
    except Conflict as refusal:
        here = url_for("supply.deal", deal_id=deal_id)
        return redirect(here) if _sent_before(view) else refused(refusal, to=here)
    form, step = _form(view), request.form.get("step")
    if step != "edit" and form.validate_on_submit():
        try:
            if step == "send":
                return _send(deal_id, form)
            preview = bills.preview(actor=actor, deal_id=deal_id, **form.terms)
        except (Conflict, InvalidInput) as refusal:
            refusal_to_form(form, refusal)
        else:
            deadline = deals.payment_deadline(view.deal.company.programme, clock.now())
            return render_template(
                "portal/supply/bill_preview.html",
                deal=view.deal,
                terms=form,
                preview=preview,
                odd_period=_is_odd(form, preview.plan.period_months),
                deadline=clock.write_deadline(deadline),
            )
    status = 422 if form.errors else 200
    return render_template("portal/supply/bill.html", deal=view.deal, form=form), status


def _is_odd(form: BillForm, months: int) -> bool:
    """A period that is not the plan's: allowed, since both sides may have agreed on it, but asked about."""
    first, last = form.period_from.data, form.period_to.data
    return bool(first and last) and last != clock.add_months(first, months) - timedelta(days=1)


def _sent_before(view: DealView) -> bool:
    """The second press of a double click: this very bill stands."""
    if request.form.get("step") != "send" or view.deal.state is not DealState.BILLED:
        return False
    return all(getattr(view.deal, name) == value for name, value in _form(view).terms.items())


def _send(deal_id: int, form: BillForm) -> ResponseReturnValue:
    billed = deals.bill(actor=current_actor(), deal_id=deal_id, **form.terms)
    until = clock.write_deadline(billed.due_at) if billed.due_at else ""
    flash(f"결제요청을 보냈습니다. 수요기업은 {until} 결제할 수 있습니다.", "success")
    return redirect(url_for("supply.deal", deal_id=deal_id))
