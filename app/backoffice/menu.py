"""The console's menu: what the person of a request may open (R-ROLE-1)."""

from __future__ import annotations

from typing import Any, NamedTuple

from flask_admin import Admin


class Entry(NamedTuple):
    name: str
    url: str
    view: Any


class Group(NamedTuple):
    """A heading and the pages under it; the console's first page stands alone, without one."""

    name: str
    entries: list[Entry]


def groups(admin: Admin) -> list[Group]:
    """In one pass: Flask-Admin's own way asks each entry several times, in its template."""
    found = [_group(item) for item in admin.menu()]
    return [group for group in found if group.entries]


def _group(item: Any) -> Group:
    category = item.is_category()
    inside = item._children if category else [item]
    entries = [
        Entry(one.name, one.get_url(), one._view)
        for one in inside
        if one.is_accessible() and one.is_visible()
    ]
    return Group(item.name if category else "", entries)
