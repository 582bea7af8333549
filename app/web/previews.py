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
GONE = "미리보기를 더 볼 수 없습니다. 파일을 다시 올려 주세요."
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
        return address(self._scope(actor), name=upload.filename or "", kept=sha256)

    def open(self, actor: Actor, token: str) -> tuple[str, bytes]:
        """The name and the content of what was uploaded. Raises NotFound."""
        name, sha256 = opened(self._scope(actor), token, refusal=self.refusal)
        try:
            return name, self.kept(actor=actor, sha256=sha256)
        except NotFound as error:
            raise NotFound(self.refusal, GONE) from error

    def _scope(self, actor: Actor) -> str:
        return f"{self.kind} of {self.owner(actor)}"


def address(scope: str, *, name: str, kept: str) -> str:
    """What stands in a preview's address: a file's own name and what it is kept as, for this scope alone."""
    return str(_signer(scope).dumps([sniff.safe_name(name), kept]))


def opened(scope: str, token: str, *, refusal: str) -> tuple[str, str]:
    """What `address` was made of. Raises NotFound under the refusal's code: another's, forged or too old."""
    try:
        name, kept = _signer(scope).loads(token, max_age=LASTS)
    except BadData as error:
        raise NotFound(refusal, GONE) from error
    return name, kept


def _signer(scope: str) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(current_app.config["SECRET_KEY"], salt=scope)
