"""서비스 관리: what the supplier offers, from the draft to the sale (R-CAT-5)."""

from __future__ import annotations

from typing import Any

from flask import Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.access import current_actor, needs
from app.errors import Conflict, InvalidInput, NotFound
from app.models.catalogue import Offering, OfferingFileKind, OfferingState
from app.policy import Permission
from app.portal import lists
from app.portal.supply import service_files
from app.portal.supply.root import blueprint
from app.portal.supply.service_form import ServiceForm, service_data, show_refusal
from app.portal.supply.service_moves import MOVES
from app.web.files import disposition
from app.web.pages import page_args
from app.workflows import offering_files, offering_own_reads, offerings, offerings_reads, programmes
from app.workflows.offering_lifecycle import EDITABLE, OFFERING
from app.workflows.offering_own_reads import OfferingDraft
from app.workflows.storefront import VAT_NOTES

KINDS = (OfferingFileKind.PICTURE, OfferingFileKind.BROCHURE, OfferingFileKind.EVIDENCE)
HISTORY = {edge.action: edge.label for edge in OFFERING.edges} | {"create": "등록", "edit": "내용 수정"}


def vat_note() -> str:
    """Which side of the tax a price is on (R-MONEY-2a); empty before there is a programme."""
    try:
        return VAT_NOTES[programmes.current().vat_mode]
    except NotFound:
        return ""


@blueprint.get("/services")
@needs(Permission.OFFERING_WRITE)
def services() -> ResponseReturnValue:
    actor, size = current_actor(), page_args().size
    state = next((each for each in OfferingState if each.value == request.args.get("state")), None)
    counts = offerings_reads.own_counts(actor=actor)
    rows = offerings_reads.mine(actor=actor, state=state, before=lists.cursor(), size=size)
    return render_template(
        "portal/supply/services.html",
        state=state,
        states=OfferingState,
        counts=counts,
        total=counts[state] if state else sum(counts.values()),
        rows=rows,
        pictures=offering_files.picture_ids([row.id for row in rows]),
        rating_of=offerings_reads.rating_text,
        size=size,
        following=lists.following(rows, size),
    )


@blueprint.route("/services/new", methods=["GET", "POST"])
@needs(Permission.OFFERING_WRITE)
def new_service() -> ResponseReturnValue:
    actor = current_actor()
    form = ServiceForm().offer(programmes.categories())
    good = form.validate_on_submit()
    chosen = service_files.gather(form, KINDS, actor=actor)
    if good and not form.errors:
        files = [(each.kind, each.file) for each in chosen]
        try:
            offering = offerings.create_draft(actor=actor, files=files, **form.details)
        except InvalidInput as refusal:
            show_refusal(form, refusal)
        else:
            return _saved(offering)
    return _form_page(form, chosen, None)


@blueprint.route("/services/<int:offering_id>/edit", methods=["GET", "POST"])
@needs(Permission.OFFERING_WRITE)
def edit_service(offering_id: int) -> ResponseReturnValue:
    actor = current_actor()
    draft = offering_own_reads.own_detail(actor=actor, offering_id=offering_id)
    form = ServiceForm(data=service_data(draft.offering, draft.plans)).offer(
        programmes.categories(), stays_in=draft.offering.category
    )
    if request.method == "GET" and draft.offering.state not in EDITABLE:
        flash(f"‘{draft.offering.state.label}’ 상태에서는 내용을 고칠 수 없습니다.", "danger")
        return redirect(url_for("supply.service", offering_id=offering_id))
    good = form.validate_on_submit()
    chosen = service_files.gather(form, KINDS, actor=actor)
    if good and not form.errors:
        files = [(each.kind, each.file) for each in chosen]
        try:
            offering = offerings.edit_draft(actor=actor, offering_id=offering_id, files=files, **form.details)
        except (Conflict, InvalidInput) as refusal:
            show_refusal(form, refusal)
        else:
            return _saved(offering)
    return _form_page(form, chosen, draft)


def _saved(offering: Offering) -> ResponseReturnValue:
    """'임시저장' stays in the form; '저장하고 확인하기' goes on to the page that shows it."""
    if request.form.get("then") == "stay":
        flash("임시저장했습니다. 이어서 작성할 수 있습니다.", "success")
        return redirect(url_for("supply.edit_service", offering_id=offering.id))
    flash("서비스를 저장했습니다. 내용을 확인하고 승인을 요청해 주세요.", "success")
    return redirect(url_for("supply.service", offering_id=offering.id))


def _form_page(
    form: ServiceForm, chosen: list[service_files.Chosen], draft: OfferingDraft | None
) -> ResponseReturnValue:
    existing: dict[str, list[dict[str, Any]]] = {kind.value: [] for kind in KINDS}
    if draft is not None:
        for kind in KINDS:
            files = draft.evidence(draft.version) if kind is OfferingFileKind.EVIDENCE else draft.files
            existing[kind.value] = service_files.shown(file for file in files if file.kind is kind)
    page = render_template(
        "portal/supply/service_form.html",
        form=form,
        kept=chosen,
        existing=existing,
        rules=offering_files.RULES,
        kinds=OfferingFileKind,
        offering=draft.offering if draft else None,
        vat_note=vat_note(),
    )
    return page, 422 if form.errors or form.form_errors else 200


@blueprint.get("/services/<int:offering_id>")
@needs(Permission.OFFERING_WRITE)
def service(offering_id: int) -> ResponseReturnValue:
    """The service as it will be shown, its state, and what can be done with it."""
    actor = current_actor()
    draft = offering_own_reads.own_detail(actor=actor, offering_id=offering_id)
    editable = draft.offering.state in EDITABLE
    return render_template(
        "portal/supply/service.html",
        draft=draft,
        offering=draft.offering,
        actions={edge.action for edge in OFFERING.open_to(actor, draft.offering)},
        editable=editable,
        missing=offerings.missing(offering=draft.offering) if editable else {},
        declined=_declined(draft),
        rating=offerings_reads.rating_text(draft.offering),
        picture=draft.file(OfferingFileKind.PICTURE),
        brochure=draft.file(OfferingFileKind.BROCHURE),
        labels=HISTORY,
        moves=MOVES,
        vat_note=vat_note(),
    )


def _declined(draft: OfferingDraft) -> str | None:
    """Why the last proposed prices were sent back, until others are proposed."""
    steps = [row for row in draft.history if row.action in ("propose", "accept_price", "decline_price")]
    last = steps[-1] if steps else None
    return last.reason if last is not None and last.action == "decline_price" else None


@blueprint.get("/services/<int:offering_id>/files/<int:file_id>")
@needs(Permission.OFFERING_WRITE)
def service_file(offering_id: int, file_id: int) -> Response:
    """Picture, brochure or evidence, to the supplier itself; others have the public page's address."""
    handed = offering_files.file_for(actor=current_actor(), file_id=file_id, offering_id=offering_id)
    response = Response(handed.content, content_type=handed.content_type)
    response.headers["Content-Disposition"] = disposition("inline", handed.file_name)
    response.headers["Cache-Control"] = "private, no-store"
    return response
