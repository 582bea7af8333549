"""시스템 연동(API): a supplier's keys, and what its engineers need to sign a request (R-SET-1a)."""

from __future__ import annotations

from typing import Any

from flask import current_app, flash, make_response, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from wtforms import StringField

from app.access import current_actor, needs
from app.errors import Conflict, InvalidInput
from app.policy import Permission
from app.portal import api_contract
from app.portal.supply import api_examples
from app.portal.supply.root import blueprint
from app.web import confirm
from app.web.forms import BaseForm, Required, longest, refusal_to_form
from app.web.limits import CODE_LIMIT, limiter, per_account
from app.workflows import supplier_keys, usage_api
from app.workflows.supplier_keys import Issued

CONFIRM: dict[str, Any] = {
    "question": "새 연동 키를 발급할까요?",
    "consequence": "비밀값은 발급한 화면에서 한 번만 보여 드립니다. 바로 옮겨 적을 준비를 해 주세요.",
    "label": "발급",
}


class KeyForm(BaseForm):
    """A new key."""

    name = StringField("키를 쓰는 시스템", [Required(), longest(supplier_keys.LONGEST_NAME)])


@blueprint.get("/usage/api")
@needs(Permission.SUPPLIER_VIEW)
def api_keys() -> ResponseReturnValue:
    return _page(KeyForm(formdata=None))


def _page(form: KeyForm, issued: Issued | None = None) -> str:
    base = current_app.config["BASE_URL"]
    return render_template(
        "portal/supply/api_keys.html",
        form=form,
        issued=issued,
        confirm=CONFIRM,
        keys=supplier_keys.mine(actor=current_actor()),
        most_keys=supplier_keys.MOST_KEYS,
        contract=api_contract,
        most_rows=usage_api.MOST_ROWS,
        fields=usage_api.FIELDS,
        optional=usage_api.OPTIONAL,
        address=f"{base.rstrip('/')}{api_contract.PREFIX}",
        tolerance=supplier_keys.TOLERANCE_SECONDS // 60,
        vector=api_examples.VECTOR,
        vector_secret=api_examples.SECRET,
        python=api_examples.python(base),
        shell=api_examples.shell(base),
    )


@blueprint.post("/usage/api/keys")
@needs(Permission.API_KEY)
@limiter.limit(CODE_LIMIT, key_func=per_account)
def issue_api_key() -> ResponseReturnValue:
    """The page itself shows the secret: it goes through no address and no cookie, and is kept nowhere."""
    form = KeyForm()
    if not form.validate():
        return _page(form), 422
    asked = confirm.ask(**CONFIRM, cancel_url=url_for("supply.api_keys"))
    if asked is not None:
        return asked
    try:
        issued = supplier_keys.issue(actor=current_actor(), name=form.name.data or "")
    except (Conflict, InvalidInput) as refusal:
        refusal_to_form(form, refusal)
        return _page(form), 422
    page = make_response(_page(KeyForm(formdata=None), issued))
    page.headers["Cache-Control"] = "no-store"
    return page


@blueprint.post("/usage/api/keys/<int:key_id>/revoke")
@needs(Permission.API_KEY)
def revoke_api_key(key_id: int) -> ResponseReturnValue:
    here = url_for("supply.api_keys")
    asked = confirm.ask(
        question="이 연동 키를 폐기할까요?",
        consequence="이 키로 서명한 요청을 바로 받지 않습니다. 되돌릴 수 없습니다.",
        label="폐기",
        cancel_url=here,
    )
    if asked is not None:
        return asked
    key = supplier_keys.revoke(actor=current_actor(), key_id=key_id)
    flash(f"연동 키를 폐기했습니다: {key.name}", "success")
    return redirect(here)
