"""은행 양식: the column map of each bank's transfer file and of its result, with a live preview (R-SET-2)."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose
from wtforms import BooleanField, SelectField, StringField

from app.access import current_actor, needs
from app.backoffice.parts import Page, export_format, run, spreadsheet
from app.documents.bank_maps import MOST_COLUMNS, Encoding, Field, FileKind, Frame, Layout, OutColumn, Results
from app.documents.exports import Column
from app.errors import Refusal
from app.policy import Permission
from app.web import confirm
from app.web.forms import BaseForm, Required, longest, refusal_to_form
from app.workflows import bank_formats
from app.workflows.bank_formats import Format

LIST: list[Column[Any]] = [
    Column("양식", lambda f: f.name, width=32),
    Column("파일", lambda f: f.layout.file.label),
    Column("글자 부호", lambda f: f.layout.encoding.label),
    Column("형식", lambda f: f.layout.frame.label, width=28),
    Column("열", lambda f: ", ".join(column.title for column in f.layout.columns), width=60),
    Column("사용", lambda f: "사용" if f.is_open else "사용 안 함"),
    Column("바꾼 일시", lambda f: f.changed_at, kind="instant"),
]
CLOSING: dict[str, Any] = {
    "question": "이 양식을 쓰지 않을까요?",
    "consequence": "이체파일을 내보낼 때 고를 수 없게 됩니다. 이미 내보낸 정산은 그대로입니다.",
    "label": "사용 안 함",
}


class NewForm(BaseForm):
    like = SelectField("본뜰 양식", [Required()])
    name = StringField("새 양식 이름", [Required(), longest(40)])


class FormatForm(BaseForm):
    """The map but for its columns, which are rows of their own."""

    name = StringField("양식 이름", [Required(), longest(40)])
    file = SelectField("파일", choices=[(kind.value, kind.label) for kind in FileKind])
    encoding = SelectField("글자 부호(CSV)", choices=[(kind.value, kind.label) for kind in Encoding])
    frame = SelectField("형식", choices=[(kind.value, kind.label) for kind in Frame])
    commas = BooleanField("금액을 쉼표가 있는 글자로 적기")
    columns = StringField("열")
    results = StringField("결과 파일의 열 제목")
    cms = StringField("이체번호(CMS) 열", [longest(30)])
    amount = StringField("금액 열", [longest(30)])
    code = StringField("결과 코드 열", [longest(30)])
    message = StringField("결과 내용 열", [longest(30)])
    ok = StringField("지급된 것으로 볼 코드", [longest(100)])
    failed = StringField("이체실패로 볼 코드", [longest(400)])


def _columns() -> tuple[OutColumn, ...]:
    """The rows of the form that name a field, in the order that they give."""
    fields = {member.value: member for member in Field}
    found = []
    for n in range(MOST_COLUMNS):
        field = fields.get(request.form.get(f"field-{n}", ""))
        if field is not None:
            place = request.form.get(f"place-{n}", "")
            order = int(place) if place.isascii() and place.isdigit() and len(place) < 4 else n + 1
            title = request.form.get(f"title-{n}", "").strip()[:60]
            value = request.form.get(f"value-{n}", "").strip()[:40] if field is Field.TEXT else ""
            found.append((order, n, OutColumn(title, field, value)))
    return tuple(column for _, _, column in sorted(found, key=lambda each: each[:2]))


def _layout(form: FormatForm) -> Layout:
    """What the form says."""
    return Layout(
        name=" ".join((form.name.data or "").split()),
        file=FileKind(form.file.data),
        frame=Frame(form.frame.data),
        encoding=Encoding(form.encoding.data),
        commas=bool(form.commas.data),
        columns=_columns(),
        results=Results(
            cms=(form.cms.data or "").strip(),
            amount=(form.amount.data or "").strip(),
            code=(form.code.data or "").strip(),
            message=(form.message.data or "").strip(),
            ok=bank_formats.codes(form.ok.data or ""),
            failed=bank_formats.codes(form.failed.data or ""),
        ),
    )


def _form(found: Format) -> FormatForm:
    layout, results = found.layout, found.layout.results
    return FormatForm(
        data={
            "name": layout.name,
            "file": layout.file.value,
            "encoding": layout.encoding.value,
            "frame": layout.frame.value,
            "commas": layout.commas,
            "cms": results.cms,
            "amount": results.amount,
            "code": results.code,
            "message": results.message,
            "ok": ", ".join(results.ok),
            "failed": ", ".join(results.failed),
        }
    )


class BankFormats(Page):
    permission = Permission.SETTLEMENT_VIEW

    @expose("/")
    def index(self) -> ResponseReturnValue:
        formats = bank_formats.everything(actor=current_actor())
        if export_format():
            return spreadsheet(formats, LIST, name="은행 양식")
        return self._list(formats, self._new_form(formats, formdata=None))

    def _new_form(self, formats: list[Format], **given: Any) -> NewForm:
        form = NewForm(**given)
        form.like.choices = [(each.code, each.name) for each in formats]
        return form

    def _list(self, formats: list[Format], form: NewForm) -> str:
        may = current_actor().may(Permission.BANK_FORMAT)
        return self.render(
            "backoffice/bank_formats/list.html", formats=formats, form=form, may=may, closing=CLOSING
        )

    @expose("/add", methods=["POST"])
    @needs(Permission.BANK_FORMAT)
    def add(self) -> ResponseReturnValue:
        formats = bank_formats.everything(actor=current_actor())
        form = self._new_form(formats)
        if form.validate():
            about = {"like": form.like.data, "name": form.name.data or ""}
            try:
                added = bank_formats.add(actor=current_actor(), **about)
            except Refusal as refusal:
                refusal_to_form(form, refusal)
            else:
                flash(f"‘{added.name}’ 양식을 만들었습니다. 은행의 양식에 맞추어 고쳐 주세요.", "success")
                return redirect(url_for(".show", code=added.code))
        return self._list(formats, form), 422

    @expose("/<code>")
    def show(self, code: str) -> ResponseReturnValue:
        """The map with what it makes of three transfers; looked at by all who see settlements."""
        found = bank_formats.get(actor=current_actor(), code=code)
        return self._edit(found, _form(found), found.layout.columns)

    @expose("/<code>/save", methods=["POST"])
    @needs(Permission.BANK_FORMAT)
    def save(self, code: str) -> ResponseReturnValue:
        found, form = bank_formats.get(actor=current_actor(), code=code), FormatForm()
        if form.validate() and self._changed(code, form):
            saved = f"‘{form.name.data}’ 양식을 저장했습니다. 다음 내보내기부터 쓰입니다."
            flash(f"{saved} 결과 코드는 바로 적용됩니다.", "success")
            return redirect(url_for(".show", code=code))
        return self._edit(found, form, _columns()), 422

    def _edit(self, found: Format, form: FormatForm, columns: tuple[OutColumn, ...]) -> str:
        return self.render(
            "backoffice/bank_formats/edit.html",
            found=found,
            form=form,
            columns=columns,
            most=MOST_COLUMNS,
            fields=Field,
            may=current_actor().may(Permission.BANK_FORMAT),
            **self._preview(found.layout),
        )

    def _changed(self, code: str, form: FormatForm) -> bool:
        try:
            bank_formats.change(actor=current_actor(), code=code, layout=_layout(form))
        except Refusal as refusal:
            refusal_to_form(form, refusal)
            return False
        return True

    def _preview(self, layout: Layout) -> dict[str, Any]:
        return {"preview": bank_formats.preview(actor=current_actor(), layout=layout)}

    @expose("/<code>/preview", methods=["POST"])
    @needs(Permission.BANK_FORMAT)
    def preview(self, code: str) -> ResponseReturnValue:
        """What the form as it stands would make; nothing is written."""
        bank_formats.get(actor=current_actor(), code=code)
        form = FormatForm()
        if not form.validate():
            wrong = {name: messages[0] for name, messages in form.errors.items() if name and messages}
            empty = bank_formats.Preview([], None, wrong)
            return self.render("backoffice/bank_formats/_preview.html", preview=empty)
        return self.render("backoffice/bank_formats/_preview.html", **self._preview(_layout(form)))

    @expose("/<code>/<any(open, close):action>", methods=["POST"])
    @needs(Permission.BANK_FORMAT)
    def set_open(self, code: str, action: str) -> ResponseReturnValue:
        to, found = url_for(".index"), bank_formats.get(actor=current_actor(), code=code)
        if action == "close":
            question = confirm.ask(**CLOSING, cancel_url=to)
            if question is not None:
                return question
        done = f"‘{found.name}’ 양식을 {'씁니다' if action == 'open' else '쓰지 않습니다'}."
        return run(bank_formats.set_open, to=to, done=done, code=code, is_open=action == "open")
