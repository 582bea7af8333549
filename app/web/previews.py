"""A file that is looked at row by row before it is taken in: the upload, its address, and what was refused.

What was uploaded lies in the store; its signed name stands in the preview's address, so that the page can be
opened again, and only by its owner.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from flask import current_app
from itsdangerous import BadData, URLSafeTimedSerializer

from app.documents import sheets, sniff
from app.documents.exports import Column
from app.errors import InvalidInput, NotFound
from app.policy import Actor
from app.web.forms import BaseForm, Required, UploadField, refusal_to_form
from app.workflows.intake_rows import Fault

MOST_SHOWN = 100
"""Rows of each kind on the page; the file has all that were refused."""
LASTS = 24 * 60 * 60
"""Seconds for which a preview can be opened."""
REFUSED: list[Column[Fault]] = [
    Column("행", lambda fault: fault.row, "number"),
    Column("항목", lambda fault: fault.column),
    Column("거절 사유", lambda fault: fault.reason, width=60),
]


class Keep(Protocol):
    """Puts a file that can be read aside, and returns its name in the store. Raises InvalidInput."""

    def __call__(self, *, actor: Actor, content: bytes) -> str: ...


class Kept(Protocol):
    """What was put aside. Raises NotFound."""

    def __call__(self, *, actor: Actor, sha256: str) -> bytes: ...


class SheetField(UploadField):
    def __init__(self, label: str, **kwargs: Any) -> None:
        super().__init__(label, [Required()], max_mb=sheets.MOST_BYTES // (1024 * 1024), **kwargs)


class SheetForm(BaseForm):
    """A filled template; each kind of file names its field."""

    file: SheetField


@dataclass(frozen=True, kw_only=True)
class Previews:
    """Those of one kind of file."""

    kind: str
    """Part of what signs the addresses: one kind's never opens another's."""
    refusal: str
    """The code under which a preview is refused that cannot be opened."""
    owner: Callable[[Actor], object]
    """Whose the file is: nobody else's page opens it."""
    keep: Keep
    kept: Kept

    def take(self, actor: Actor, form: SheetForm) -> str | None:
        """The name of the preview for its address; None where the form now says what is wrong."""
        if not form.validate_on_submit():
            return None
        upload = form.file.data
        try:
            sha256 = self.keep(actor=actor, content=upload.read())
        except InvalidInput as refusal:
            refusal_to_form(form, refusal)
            return None
        return str(self._signer(actor).dumps([sniff.safe_name(upload.filename or ""), sha256]))

    def open(self, actor: Actor, token: str) -> tuple[str, bytes]:
        """The name and the content of what was uploaded. Raises NotFound."""
        try:
            name, sha256 = self._signer(actor).loads(token, max_age=LASTS)
            return name, self.kept(actor=actor, sha256=sha256)
        except (BadData, NotFound) as error:
            text = "미리보기를 더 볼 수 없습니다. 파일을 다시 올려 주세요."
            raise NotFound(self.refusal, text) from error

    def _signer(self, actor: Actor) -> URLSafeTimedSerializer:
        salt = f"{self.kind} of {self.owner(actor)}"
        return URLSafeTimedSerializer(current_app.config["SECRET_KEY"], salt=salt)
