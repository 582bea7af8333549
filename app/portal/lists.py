"""What lists have in common: where a page begins, the period that is looked at, and the table as a file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from flask import Response, request

from app import clock
from app.documents.exports import XLSX_TYPE, Column, Totals, xlsx
from app.web.files import disposition
from app.web.forms import BaseForm, DateField, ValidationError
from app.web.pages import key_of, page_args, page_url

MOST_EXPORTED = 10_000
AT_ONCE = 500
MOST_TICKED = 100


def cursor() -> int | None:
    """Where a keyset list goes on, newest first: below this id."""
    return key_of(page_args().after)


def ticked(name: str = "id") -> list[int]:
    """The records of the address or the form, in its order, each once."""
    ids = dict.fromkeys(key_of(value) for value in request.values.getlist(name))
    return [key for key in ids if key is not None][:MOST_TICKED]


def following(rows: Sequence[Any], size: int, *, key: Callable[[Any], int] = lambda row: row.id) -> str:
    """The cursor of the next page; a page that is not full is the last."""
    return str(key(rows[-1])) if len(rows) == size else ""


class PeriodForm(BaseForm):
    """조회기간, both days inclusive; read from the address."""

    since = DateField("시작일")
    until = DateField("종료일")

    def validate_until(self, field: DateField) -> None:
        if self.since.data and field.data and self.since.data > field.data:
            raise ValidationError("종료일은 시작일과 같거나 그 뒤여야 합니다.")


@dataclass(frozen=True)
class Period:
    form: PeriodForm
    since: date | None
    until: date | None

    @property
    def presets(self) -> list[tuple[str, str, bool]]:
        """(label, address, whether it is the one shown), counted back from today."""
        today = clock.today()
        starts = (
            ("오늘", today),
            ("1주", today - timedelta(days=6)),
            ("1개월", clock.add_months(today, -1)),
            ("3개월", clock.add_months(today, -3)),
            ("당해연도", today.replace(month=1, day=1)),
        )
        shown = (self.since, self.until)
        dated = [
            (label, page_url(since=f"{first:%Y.%m.%d}", until=f"{today:%Y.%m.%d}"), shown == (first, today))
            for label, first in starts
        ]
        return [("전체", page_url(since=None, until=None), shown == (None, None)), *dated]


def period() -> Period:
    """The address' period; one that is mistyped filters nothing and is said to be wrong."""
    form = PeriodForm(request.args, meta={"csrf": False})
    good = form.validate()
    return Period(form, form.since.data if good else None, form.until.data if good else None)


def every(
    page: Callable[[int | None, int], Sequence[Any]], *, key: Callable[[Any], int] = lambda row: row.id
) -> Iterator[Any]:
    """All rows of a keyset list, page by page, as far as a file goes."""
    before, left = None, MOST_EXPORTED
    while left > 0:
        rows = page(before, min(AT_ONCE, left))
        yield from rows
        if len(rows) < AT_ONCE:
            return
        before, left = key(rows[-1]), left - len(rows)


def spreadsheet(
    rows: Iterable[Any], columns: Sequence[Column[Any]], *, name: str, totals: Totals = ()
) -> Response:
    """The table as XLSX; `name` is also the sheet's, without blanks in the file's."""
    return handed(xlsx(rows, columns, title=name, totals=totals), XLSX_TYPE, name=name, ending="xlsx")


def handed(content: bytes, content_type: str, *, name: str, ending: str) -> Response:
    """A file made for this person at this moment."""
    answer = Response(content, content_type=content_type)
    file_name = f"{name.replace(' ', '')}_{clock.now():%Y%m%d_%H%M}.{ending}"
    answer.headers["Content-Disposition"] = disposition("attachment", file_name)
    answer.headers["Cache-Control"] = "private, no-store"
    return answer
