"""What the console's pages share: lists in the address, decisions from the edge tables, spreadsheets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, ClassVar, TypeVar

from flask import Response, flash, redirect, request
from flask.typing import ResponseReturnValue

from app.access import current_actor
from app.backoffice.base import EXPORT_ROWS, ConsolePage
from app.clock import real_now
from app.documents import exports
from app.errors import Refusal
from app.korean import question
from app.models.types import Labelled
from app.web import confirm
from app.web.errors import refused
from app.web.files import disposition
from app.web.forms import YEARS
from app.web.pages import PageArgs, key_of, page_args
from app.workflows import programmes
from app.workflows.lifecycle import Lifecycle

L = TypeVar("L", bound=Labelled)
MIMETYPES = {
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "csv": "text/csv; charset=utf-8",
}
# What reading an export at once may hold in memory.
EXPORT_PAGE = 1_000


class Page(ConsolePage):
    """A page group of ours."""

    abstract: ClassVar[bool] = True

    def _run_view(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        # Flask-Admin's own tries again without `self` on any TypeError, which hides the error.
        return fn(self, *args, **kwargs)


@dataclass(frozen=True)
class Listing:
    """One page of a list, and the cursor of the next."""

    rows: list[Any]
    next: str
    page: PageArgs


def _id(row: Any) -> int:
    return int(row.id)


def listed(
    read: Callable[..., list[Any]],
    *,
    cursor: str = "before",
    key: Callable[[Any], int] = _id,
    default_size: int = 20,
    **filters: Any,
) -> Listing:
    """Read the page that the address names by keyset; `cursor` is what the read calls its own."""
    page = page_args(default_size=default_size)
    place = key_of(page.after)
    where = filters if place is None else filters | {cursor: place}
    rows = read(actor=current_actor(), size=page.size + 1, **where)
    more = len(rows) > page.size
    rows = rows[: page.size]
    return Listing(rows, str(key(rows[-1])) if more and rows else "", page)


def everything(
    read: Callable[..., list[Any]], *, cursor: str = "before", key: Callable[[Any], Any] = _id, **filters: Any
) -> list[Any]:
    """All rows that the filters leave, for an export: read by pages, as many as an export may hold."""
    rows: list[Any] = []
    place: dict[str, Any] = {}
    while len(rows) < EXPORT_ROWS:
        found = read(actor=current_actor(), size=EXPORT_PAGE, **filters, **place)
        rows += found
        if len(found) < EXPORT_PAGE:
            break
        place = {cursor: key(found[-1])}
    return rows[:EXPORT_ROWS]


def chosen(kind: type[L], name: str = "state") -> L | None:
    """The member that the address names, or None for all."""
    value = request.args.get(name, "")
    return next((member for member in kind if member.value == value), None)


def typed(name: str) -> str:
    return request.args.get(name, "").strip()[:100]


def day_of(name: str) -> date | None:
    """A day of the address: `2020.11.03.`, `2020-11-03` or `20201103`."""
    digits = "".join(letter for letter in request.args.get(name, "") if letter.isascii() and letter.isdigit())
    try:
        day = date(int(digits[:4]), int(digits[4:6]), int(digits[6:])) if len(digits) == 8 else None
    except ValueError:
        return None
    return day if day and day.year in YEARS else None


def number_of(name: str) -> int | None:
    """A record's id in the address."""
    return key_of(request.args.get(name))


def ticked(name: str = "id") -> list[int]:
    """The ids that a form names, each once."""
    keys = dict.fromkeys(key_of(value) for value in request.form.getlist(name))
    return [key for key in keys if key is not None]


def agency_options() -> list[tuple[int, str]]:
    """For a filter by operating agency."""
    return [(agency.id, agency.name) for agency in programmes.operating_agencies()]


def export_format() -> str:
    """`xlsx` or `csv` where the address asks for a file of the list."""
    wanted = request.args.get("format", "")
    return wanted if wanted in MIMETYPES else ""


def spreadsheet(rows: Sequence[Any], columns: Sequence[exports.Column], *, name: str) -> Response:
    """The list as the file that the address asks for."""
    kind = export_format()
    content = exports.csv(rows, columns) if kind == "csv" else exports.xlsx(rows, columns, title=name)
    return attachment(content, f"{name}_{real_now():%Y%m%d_%H%M}.{kind}", MIMETYPES[kind])


def attachment(content: bytes, file_name: str, mimetype: str) -> Response:
    response = Response(content, content_type=mimetype)
    response.headers["Content-Disposition"] = disposition("attachment", file_name)
    response.headers["Cache-Control"] = "no-store"
    return response


def run(verb: Callable[..., Any], *, to: str, done: str, **arguments: Any) -> ResponseReturnValue:
    """Call one verb for this person; say what came of it on the page `to`."""
    try:
        verb(actor=current_actor(), **arguments)
    except Refusal as refusal:
        return refused(refusal, to=to)
    flash(done, "success")
    return redirect(to)


def decide(
    lifecycle: Lifecycle,
    action: str,
    verb: Callable[..., Any],
    *,
    to: str,
    name: str,
    facts: str = "",
    then: Callable[[], str] | None = None,
    **arguments: Any,
) -> ResponseReturnValue:
    """Fire an edge from its button: asks first where the edge says so, and for the reason where it needs one.

    `facts` are of this record, what the edge's own question cannot say: how many, how much.

    A refusal goes back to `to`; after success it goes on to where `then` says, if anywhere.
    """
    edge = lifecycle.of(action)[0]
    if edge.confirm or edge.needs_reason:
        asked = confirm.ask(
            question=edge.confirm or f"{name}: {question(edge.label)}",
            consequence=facts,
            label=edge.label,
            reason_required=edge.needs_reason,
            cancel_url=to,
        )
        if asked is not None:
            return asked
    if edge.needs_reason:
        arguments["reason"] = request.form.get("reason", "")
    try:
        verb(actor=current_actor(), **arguments)
    except Refusal as refusal:
        return refused(refusal, to=to)
    flash(f"{name}: '{edge.label}' 처리했습니다.", "success")
    return redirect((then and then()) or to)
