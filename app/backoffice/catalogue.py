"""서비스 분야: added, renamed, put in order, closed and opened again (R-CAT-1)."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose
from wtforms import StringField

from app.access import current_actor, needs
from app.backoffice.parts import Page, export_format, run, spreadsheet
from app.documents.exports import Column
from app.errors import NotFound, Refusal
from app.policy import Permission
from app.web import confirm
from app.web.forms import BaseForm, Required, longest, refusal_to_form
from app.workflows import categories
from app.workflows.categories import Shelf

COLUMNS: list[Column[Any]] = [
    Column("순서", lambda s: s.category.position, kind="number"),
    Column("분야", lambda s: s.category.name),
    Column("상태", lambda s: "열림" if s.category.is_open else "닫힘"),
    Column("판매중 서비스", lambda s: s.on_sale, kind="number"),
    Column("전체 서비스", lambda s: s.all, kind="number"),
]
CLOSING: dict[str, Any] = {
    "question": "이 분야를 닫을까요?",
    "consequence": "찾아보기에서 사라지고 새 서비스를 받지 않습니다. "
    "이미 판매하는 서비스와 거래는 그대로입니다.",
    "label": "닫기",
}


class NameForm(BaseForm):
    name = StringField("분야 이름", [Required(), longest(categories.LONGEST)])


class Categories(Page):
    permission = Permission.OPERATIONS_VIEW

    @expose("/")
    def index(self) -> ResponseReturnValue:
        if export_format():
            return spreadsheet(categories.shelves(actor=current_actor()), COLUMNS, name="서비스 분야")
        return self._list(NameForm(formdata=None))

    @expose("/add", methods=["POST"])
    @needs(Permission.PROGRAMME_SETTINGS)
    def add(self) -> ResponseReturnValue:
        """At the end of the list."""
        form = NameForm()
        if form.validate():
            try:
                added = categories.add(actor=current_actor(), name=form.name.data or "")
            except Refusal as refusal:
                refusal_to_form(form, refusal)
            else:
                flash(
                    f"‘{added.name}’ 분야를 더했습니다. 사업 설정에서 이 분야를 고르면 쓰입니다.", "success"
                )
                return redirect(url_for(".index"))
        return self._list(form), 422

    def _list(self, form: NameForm) -> str:
        return self.render(
            "backoffice/categories/list.html",
            shelves=categories.shelves(actor=current_actor()),
            form=form,
            closing=CLOSING,
            may_change=current_actor().may(Permission.PROGRAMME_SETTINGS),
        )

    @expose("/<int:id>", methods=["GET", "POST"])
    @needs(Permission.PROGRAMME_SETTINGS)
    def edit(self, id: int) -> ResponseReturnValue:
        """이름 바꾸기"""
        shelf = self._shelf(id)
        form = NameForm(data={"name": shelf.category.name})
        if form.validate_on_submit():
            try:
                categories.rename(actor=current_actor(), category_id=id, name=form.name.data or "")
            except Refusal as refusal:
                refusal_to_form(form, refusal)
            else:
                flash("분야 이름을 바꾸었습니다.", "success")
                return redirect(url_for(".index"))
        page = self.render("backoffice/categories/edit.html", shelf=shelf, form=form)
        return page, 422 if form.errors else 200

    @expose("/<int:id>/<any(up, down):action>", methods=["POST"])
    @needs(Permission.PROGRAMME_SETTINGS)
    def move(self, id: int, action: str) -> ResponseReturnValue:
        shelf = self._shelf(id)
        done = f"‘{shelf.category.name}’의 순서를 바꾸었습니다."
        return run(categories.move, to=url_for(".index"), done=done, category_id=id, up=action == "up")

    @expose("/<int:id>/<any(open, close):action>", methods=["POST"])
    @needs(Permission.PROGRAMME_SETTINGS)
    def set_open(self, id: int, action: str) -> ResponseReturnValue:
        shelf, to = self._shelf(id), url_for(".index")
        if action == "close":
            question = confirm.ask(**CLOSING, cancel_url=to)
            if question is not None:
                return question
        done = f"‘{shelf.category.name}’ 분야를 {'열었습니다' if action == 'open' else '닫았습니다'}."
        return run(categories.set_open, to=to, done=done, category_id=id, is_open=action == "open")

    def _shelf(self, id: int) -> Shelf:
        found = (each for each in categories.shelves(actor=current_actor()) if each.id == id)
        shelf = next(found, None)
        if shelf is None:
            raise NotFound()
        return shelf
