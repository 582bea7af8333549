"""Lists live in the address: cursor, size, order and filters make a bookmark that a colleague can open."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from flask import request
from werkzeug.routing import IntegerConverter, Map

SIZES = (10, 20, 50, 100)
CURSORS = frozenset({"after", "before"})
LONGEST_CURSOR = 200
LARGEST_KEY = 2**63 - 1


@dataclass(frozen=True)
class PageArgs:
    """Where a list stands. Cursors are opaque to the screen: the query that made them reads them."""

    after: str | None
    before: str | None
    size: int
    sort: str

    @property
    def is_first(self) -> bool:
        return self.after is None and self.before is None


def key_of(value: str | None) -> int | None:
    """A record's id as an address or a form names it; what no table could hold is none."""
    if not (value and value.isascii() and value.isdigit() and len(value) < 20):
        return None
    return int(value) if int(value) <= LARGEST_KEY else None


class KeyConverter(IntegerConverter):
    """`<int:id>` of an address."""

    def __init__(self, map: Map, *args: Any, **kwargs: Any) -> None:
        super().__init__(map, *args, **{"max": LARGEST_KEY} | kwargs)


def _cursor(name: str) -> str | None:
    value = request.args.get(name, "")
    return value if 0 < len(value) <= LONGEST_CURSOR else None


def page_args(*, sorts: Collection[str] = (), default_sort: str = "", default_size: int = 20) -> PageArgs:
    """Read the address; whatever it says that no list offers falls back to the default."""
    size = request.args.get("size", type=int)
    sort = request.args.get("sort", "")
    after = _cursor("after")
    return PageArgs(
        after=after,
        before=None if after else _cursor("before"),
        size=size if size in SIZES else default_size,
        sort=sort if sort in sorts else default_sort,
    )


def page_url(**changes: Any) -> str:
    """This address with some arguments changed (None takes one away).

    The filters stay. Cursors go, since a change of filter, size or order starts the list anew.
    """
    kept = [
        (key, value) for key, value in request.args.items(multi=True) if key not in CURSORS | changes.keys()
    ]
    kept += [(key, str(value)) for key, value in changes.items() if value not in (None, "")]
    return f"{request.path}?{urlencode(kept)}" if kept else request.path


def kept_args(*dropped: str) -> list[tuple[str, str]]:
    """The address' arguments as hidden fields of a GET form, without cursors and the form's own fields."""
    return [
        (key, value)
        for key, value in request.args.items(multi=True)
        if key not in CURSORS and key not in dropped
    ]
