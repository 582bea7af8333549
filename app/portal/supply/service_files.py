"""Files that go with a service's form; one that was taken in stays while something else is mended.

A browser forgets chosen files when a form comes back: what was accepted lies in the store already, and its
signed name stands in the form.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from flask import current_app, request
from itsdangerous import BadData, URLSafeTimedSerializer

from app.errors import InvalidInput
from app.models.catalogue import OfferingFile, OfferingFileKind
from app.policy import Actor
from app.web.forms import BaseForm
from app.workflows import offering_files
from app.workflows.attachments import Incoming


@dataclass(frozen=True)
class Chosen:
    kind: OfferingFileKind
    file: Incoming
    token: str
    """Its signed name, for the form that comes back."""


KEPT_SECONDS = 24 * 60 * 60
"""How long a form may lie open: what was taken in and never kept is cleaned up later."""


def _signer(actor: Actor) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(
        current_app.config["SECRET_KEY"], salt=f"offering file of {actor.supplier_id}"
    )


def _chosen(actor: Actor, kind: OfferingFileKind, file: Incoming) -> Chosen:
    token = str(_signer(actor).dumps({"kind": kind.value, "file": asdict(file)}))
    return Chosen(kind, file, token)


def _kept(actor: Actor) -> Iterable[Chosen]:
    for token in request.form.getlist("kept"):
        try:
            said: dict[str, Any] = _signer(actor).loads(token, max_age=KEPT_SECONDS)
        except BadData:
            continue
        yield Chosen(OfferingFileKind(said["kind"]), Incoming(**said["file"]), token)


def gather(form: BaseForm, kinds: Sequence[OfferingFileKind], *, actor: Actor) -> list[Chosen]:
    """What was kept from before and what comes now; a file that is refused is an error of its field."""
    found = list(_kept(actor)) if request.method == "POST" else []
    for kind in kinds:
        field = form[kind.value]
        uploads = field.data if isinstance(field.data, list) else [field.data]
        for upload in uploads:
            if not upload or not getattr(upload, "filename", "") or field.errors:
                continue
            try:
                file = offering_files.take_in(
                    kind=kind, file_name=upload.filename or "", content=upload.read()
                )
            except InvalidInput as refusal:
                field.errors = [f"{upload.filename}: {refusal.text}"]
            else:
                found.append(_chosen(actor, kind, file))
    return found


def shown(files: Iterable[OfferingFile]) -> list[dict[str, Any]]:
    """As the upload lists what is there already."""
    return [{"name": file.file_name, "size": file.size} for file in files]
