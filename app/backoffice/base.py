"""The base of every console view: Flask-Admin turned round to default-deny, with its holes closed.

What was open and reproduced on these versions, and is closed here: a view without a rule is open to all;
a scoped list still opens, edits and updates the rows of others by their id; `?page=-1` fails; bulk deletion
fails on integer keys; an export has no bound, breaks Korean in spreadsheets and carries formulas.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

from flask import flash, redirect, request
from flask_admin import AdminIndexView, BaseView
from flask_admin.actions import action
from flask_admin.contrib.sqla import ModelView
from flask_admin.model.template import BaseListRowAction
from flask_login import current_user
from sqlalchemy import inspect

from app.access import actor_or_none
from app.backoffice import menu
from app.clock import real_now
from app.errors import Denied, NotFound, Refusal
from app.policy import Permission
from app.web.files import disposition
from app.web.pages import LARGEST_KEY
from app.web.session import login_url

EXPORT_ROWS = 50_000
FORMULA_MARKS = ("=", "+", "-", "@", "\t", "\r")
# What only a workflow may change: an edge of a lifecycle, or an entry of the ledger (R-MONEY-3).
WORKFLOW_ONLY = frozenset({"state", "status", "balance"})
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class UnsafeView(TypeError):
    """A view that would let a person past a rule; raised when the class is made, so it never starts."""


def _is_workflow_only(name: str) -> bool:
    words = name.replace(".", "_").split("_")
    return any(word in WORKFLOW_ONLY or word.startswith(("amount", "won")) for word in words)


class Guarded:
    """Nobody enters without the permission that the class names."""

    permission: ClassVar[Permission]

    def is_accessible(self) -> bool:
        # Asked for every entry of the menu, which leaves out what is not: the person is looked up once.
        permission, actor = getattr(self, "permission", None), actor_or_none()
        return isinstance(permission, Permission) and actor is not None and actor.may(permission)

    def menu_groups(self) -> list[menu.Group]:
        admin: Any = self.admin  # type: ignore[attr-defined]  # set by Flask-Admin
        return menu.groups(admin)

    def inaccessible_callback(self, name: str, **kwargs: Any) -> Any:
        if not current_user.is_authenticated:
            return redirect(login_url(request.full_path.rstrip("?") if request.method == "GET" else None))
        raise Denied("denied", "이 화면을 볼 권한이 없습니다.")


class ConsoleHome(Guarded, AdminIndexView):
    """The consoles' first page."""


class ConsolePage(Guarded, BaseView):
    """A page of our own making: a case, an import, a report."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        _check_permission(cls)


def _check_permission(cls: type) -> None:
    # A base for others may leave its permission open; it says so by being abstract.
    if cls.__dict__.get("abstract"):
        return
    if not isinstance(getattr(cls, "permission", None), Permission):
        raise UnsafeView(f"{cls.__name__} names no permission")


def _check_form(cls: type[ConsoleView]) -> None:
    named = [*(cls.form_columns or ()), *(cls.column_editable_list or ()), *(cls.form_create_rules or ())]
    for name in named:
        if isinstance(name, str) and _is_workflow_only(name):
            raise UnsafeView(f"{cls.__name__} lets {name} be edited: it changes by a workflow only")
    if cls.inline_models:
        raise UnsafeView(f"{cls.__name__} edits other records inline: they have rules of their own")
    if (cls.can_create or cls.can_edit) and not cls.form_columns:
        raise UnsafeView(f"{cls.__name__} can be edited but names no form_columns")


class PostRowAction(BaseListRowAction):
    """A button in a row: POST with CSRF, asked first where `confirm` is given."""

    def __init__(self, endpoint: str, title: str, *, confirm: str = "") -> None:
        super().__init__(title=title)
        self.endpoint, self.confirm = endpoint, confirm

    def render(self, context: Any, row_id: str, row: Any) -> Any:
        return self._resolve_symbol(context, "row_actions.post_row")(self, row_id, row)


class LinkRow(BaseListRowAction):
    """A link in a row, to a page of this record."""

    def __init__(self, endpoint: str, title: str) -> None:
        super().__init__(title=title)
        self.endpoint = endpoint

    def render(self, context: Any, row_id: str, row: Any) -> Any:
        return self._resolve_symbol(context, "row_actions.link_row")(self, row_id, row)


class ConsoleView(Guarded, ModelView):
    """A list of one model. Reads only, unless a subclass says more; rows outside `scope` do not exist."""

    abstract: ClassVar[bool] = True
    can_create = can_edit = can_delete = can_export = False
    can_view_details = True
    create_modal = edit_modal = details_modal = False
    column_display_all_relations = False
    simple_list_pager = True
    keyset: ClassVar[bool] = False
    page_size = 20
    can_set_page_size = True
    page_size_options = (10, 20, 50, 100)
    export_types: Sequence[str] = ("csv",)
    export_max_rows = EXPORT_ROWS
    named_filter_urls = True

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        _check_permission(cls)
        _check_form(cls)

    # --- whose rows ---------------------------------------------------------------------------------

    def scope(self, query: Any) -> Any:
        """The rows that this person may know of. Every route of a single row goes through it."""
        return query

    def get_query(self) -> Any:
        return self.scope(super().get_query())

    def get_count_query(self) -> Any:
        return self.scope(super().get_count_query())

    @property
    def _key(self) -> Any:
        return inspect(self.model).primary_key[0]

    def _key_value(self, raw: Any) -> Any:
        """The id of the address as the key's own type; None where it can be no key."""
        try:
            value = self._key.type.python_type(raw)
        except (TypeError, ValueError):
            return None
        return None if isinstance(value, int) and abs(value) > LARGEST_KEY else value

    def get_one(self, id: Any) -> Any:
        value = self._key_value(id)
        return None if value is None else self.get_query().filter(self._key == value).one_or_none()

    def record_or_404(self, raw: Any) -> Any:
        """For routes of our own: the row, or a refusal that does not tell absent from foreign."""
        record = self.get_one(raw)
        if record is None:
            raise NotFound()
        return record

    def scoped_ids(self, raw_ids: Sequence[str]) -> list[Any]:
        """Of the ids that a batch names, those in scope, in the order of the keys (the order of locking)."""
        values = [value for value in map(self._key_value, raw_ids) if value is not None]
        rows = self.get_query().filter(self._key.in_(values)).order_by(self._key)
        return [getattr(row, self._key.key) for row in rows]

    # --- changes: by a verb of the workflows, never by Flask-Admin's own commit -----------------------

    def create(self, form: Any) -> Any:
        """Make the record by a workflow's verb and return it. Needed where `can_create`."""
        raise NotImplementedError

    def update(self, form: Any, record: Any) -> None:
        """Change the record by a workflow's verb. Needed where `can_edit`."""
        raise NotImplementedError

    def remove(self, record: Any) -> None:
        """Take the record away by a workflow's verb. Needed where `can_delete`."""
        raise NotImplementedError

    def create_model(self, form: Any) -> Any:
        try:
            return self.create(form)
        except Refusal as refusal:
            flash(refusal.text, "danger")
            return False

    def update_model(self, form: Any, model: Any) -> bool:
        try:
            self.update(form, model)
        except Refusal as refusal:
            flash(refusal.text, "danger")
            return False
        return True

    def delete_model(self, model: Any) -> bool:
        try:
            self.remove(model)
        except Refusal as refusal:
            flash(refusal.text, "danger")
            return False
        return True

    # --- paging -------------------------------------------------------------------------------------

    def _apply_pagination(self, query: Any, page: int | None, page_size: int | None) -> Any:
        if self.keyset and page_size != self.export_max_rows:
            after = self._key_value(request.args.get("after"))
            query = query.filter(self._key < after) if after is not None else query
            return query.limit(page_size or self.page_size)
        largest = 10**9 // max(page_size or self.page_size, 1)
        return super()._apply_pagination(query, min(max(page or 0, 0), largest), page_size)

    def _get_list_extra_args(self) -> Any:
        """A search or a filter starts the list anew, without the place in the old one."""
        arguments = super()._get_list_extra_args()
        arguments.extra_args.pop("after", None)
        return arguments

    def get_empty_list_message(self) -> str:
        return "조회된 내역이 없습니다."

    # --- batches ------------------------------------------------------------------------------------

    def is_action_allowed(self, name: str) -> bool:
        return bool(self.can_delete) if name == "delete" else bool(super().is_action_allowed(name))

    @action("delete", "삭제", "선택한 항목을 삭제할까요?")
    def action_delete(self, ids: Sequence[str]) -> None:
        done = sum(self.delete_model(self.get_one(key)) for key in self.scoped_ids(ids))
        flash(f"{done:,}건을 삭제했습니다.", "success")

    # --- export -------------------------------------------------------------------------------------

    def get_export_value(self, model: Any, name: Any) -> Any:
        """A text that a spreadsheet would run is shown as text."""
        value = super().get_export_value(model, name)
        return "'" + value if isinstance(value, str) and value.startswith(FORMULA_MARKS) else value

    def _export_csv(self, return_url: Any) -> Any:
        """With a byte order mark, without which Excel reads Korean as another alphabet."""
        response = super()._export_csv(return_url)
        response.response = _marked(response.response)
        name = f"{self.name}_{real_now():%Y%m%d_%H%M}.csv"
        response.headers["Content-Disposition"] = disposition("attachment", name)
        return response


def _marked(chunks: Any) -> Iterator[bytes]:
    yield BYTE_ORDER_MARK
    for chunk in chunks:
        yield chunk if isinstance(chunk, bytes) else chunk.encode()


__all__ = [
    "ConsoleHome",
    "ConsolePage",
    "ConsoleView",
    "LinkRow",
    "PostRowAction",
    "UnsafeView",
]
