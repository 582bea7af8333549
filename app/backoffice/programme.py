"""사업 설정: a year's settings and lists, what changed them, the next year from its preset (R-JOIN-7a)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_admin import expose

from app import clock
from app.access import allowed, current_actor, needs
from app.backoffice.parts import Page, everything, export_format, listed, number_of, run, spreadsheet
from app.backoffice.settings_form import (
    PLAIN,
    CategoriesForm,
    ClosingDayForm,
    IndustryForm,
    SettingsForm,
    WorthForm,
    documents_form,
    documents_of,
    settings_of,
)
from app.documents.exports import Column
from app.errors import NotFound, Refusal
from app.korean import object_mark
from app.models.programme import Programme as Year
from app.policy import Permission
from app.web import confirm
from app.web.filters import won
from app.web.forms import BaseForm, refusal_to_form
from app.web.pages import key_of
from app.workflows import closing_days, needed_documents, programme_settings, programmes
from app.workflows.programme_presets import PRESETS, Preset
from app.workflows.programme_settings import SETTINGS, SettingChange

# A line of the history is one setting; a change of several is several rows of the file.
Line = tuple[SettingChange, tuple[str, str, str]]
HISTORY: list[Column[Line]] = [
    Column("일시", lambda row: row[0].at, kind="instant"),
    Column("처리자", lambda row: row[0].who),
    Column("설정", lambda row: row[1][0]),
    Column("변경 전", lambda row: row[1][1]),
    Column("변경 후", lambda row: row[1][2]),
    Column("사유", lambda row: row[0].reason),
]


class Programme(Page):
    permission = Permission.OPERATIONS_VIEW

    @expose("/", methods=["GET"])
    def index(self) -> ResponseReturnValue:
        return self._page(_year())

    def _page(self, programme: Year, **forms: BaseForm) -> str:
        shown = {
            "form": SettingsForm(formdata=None, obj=programme),
            "worth": WorthForm(formdata=None, obj=programme),
            "categories": CategoriesForm(formdata=None, obj=programme),
            "industry": IndustryForm(formdata=None),
            "documents": documents_form(programme),
            "closing": ClosingDayForm(formdata=None),
        } | forms
        return self.render(
            "backoffice/operations/programme.html",
            programme=programme,
            years=programmes.programmes(),
            groups=_groups(),
            settings=SETTINGS,
            fixed=programmes.has_vouchers(programme_id=programme.id),
            told=programme_settings.told,
            sees_clocks=allowed(Permission.DEAL_VIEW),
            days=programmes.closing_day_rows(programme_id=programme.id),
            left=[year for year in PRESETS if year not in {p.year for p in programmes.programmes()}],
            wrong=[each for each in forms.values() if each.errors or each.form_errors],
            **shown,
        )

    @expose("/<int:id>/settings", methods=["POST"])
    @needs(Permission.PROGRAMME_SETTINGS)
    def settings(self, id: int) -> ResponseReturnValue:
        programme, form = programmes.get(programme_id=id), SettingsForm()
        done = "사업 설정을 저장했습니다. 이미 시작된 기한은 그대로입니다."
        if form.validate() and _saved(programme, form, done, **settings_of(form)):
            return redirect(_home(programme))
        return self._page(programme, form=form), 422

    @expose("/<int:id>/worth", methods=["POST"])
    @needs(Permission.PROGRAMME_MANAGE)
    def worth(self, id: int) -> ResponseReturnValue:
        """What a voucher is worth: asked first, with the reason, since it is money (R-MONEY-2)."""
        programme, form = programmes.get(programme_id=id), WorthForm()
        settings = settings_of(form)
        if form.validate() and _fit(form, settings):
            asked = confirm.ask(
                question=f"{programme.year}년 사업의 지원금을 바꿀까요?",
                consequence=_parts(settings),
                label="지원금 바꾸기",
                reason_required=True,
                cancel_url=_home(programme),
            )
            if asked is not None:
                return asked
            reason = request.form.get("reason", "")
            if _saved(programme, form, "지원금 설정을 바꾸었습니다.", reason=reason, **settings):
                return redirect(_home(programme))
        return self._page(programme, worth=form), 422

    @expose("/<int:id>/categories", methods=["POST"])
    @needs(Permission.PROGRAMME_SETTINGS)
    def categories(self, id: int) -> ResponseReturnValue:
        programme, form = programmes.get(programme_id=id), CategoriesForm()
        codes = form.category_codes.data or []
        if form.validate() and _saved(programme, form, "서비스 분야를 저장했습니다.", category_codes=codes):
            return redirect(_home(programme, "categories"))
        return self._page(programme, categories=form), 422

    @expose("/<int:id>/documents", methods=["POST"])
    @needs(Permission.PROGRAMME_SETTINGS)
    def documents(self, id: int) -> ResponseReturnValue:
        programme = programmes.get(programme_id=id)
        form = documents_form(programme)
        done = "제출 서류를 저장했습니다. 작성 중인 신청서와 심사중인 건의 빠진 서류도 새 표를 따릅니다."
        if form.validate() and _saved(programme, form, done, needed_documents=documents_of(form)):
            return redirect(_home(programme, "documents"))
        return self._page(programme, documents=form), 422

    @expose("/<int:id>/industries/add", methods=["POST"])
    @needs(Permission.PROGRAMME_SETTINGS)
    def add_industry(self, id: int) -> ResponseReturnValue:
        programme, form = programmes.get(programme_id=id), IndustryForm()
        word = " ".join((form.word.data or "").split())
        words = [*programme.excluded_industries, word]
        done = f"지원 제외 업종에 '{word}'{object_mark(word)} 추가했습니다."
        if form.validate() and _saved(programme, form, done, excluded_industries=words):
            return redirect(_home(programme, "industries"))
        return self._page(programme, industry=form), 422

    @expose("/<int:id>/industries/remove", methods=["POST"])
    @needs(Permission.PROGRAMME_SETTINGS)
    def remove_industry(self, id: int) -> ResponseReturnValue:
        programme, word = programmes.get(programme_id=id), request.form.get("word", "")
        words = [each for each in programme.excluded_industries if each != word]
        return _change(
            programme,
            to=_home(programme, "industries"),
            done=f"지원 제외 업종에서 '{word}'{object_mark(word)} 뺐습니다.",
            excluded_industries=words,
        )

    @expose("/<int:id>/closing-days", methods=["POST"])
    @needs(Permission.PROGRAMME_MANAGE)
    def close_day(self, id: int) -> ResponseReturnValue:
        """Asked first, with the reason: deadlines move, and a closing day is not taken back."""
        programme, form = programmes.get(programme_id=id), ClosingDayForm()
        if form.validate():
            asked = confirm.ask(
                question=f"{clock.write_day(form.day.data)} 하루를 휴무일로 정할까요?",
                consequence="이 날을 세는 기한이 영업일 하루 늦춰지고 기업에 알립니다. 되돌릴 수 없습니다.",
                label="휴무일 정하기",
                reason_required=True,
                cancel_url=_home(programme, "closing-days"),
            )
            if asked is not None:
                return asked
            try:
                closing_days.declare(
                    actor=current_actor(),
                    programme_id=programme.id,
                    day=form.day.data,
                    reason=request.form.get("reason", "")[:200],
                )
            except Refusal as refusal:
                refusal_to_form(form, refusal)
            else:
                flash("휴무일을 정했습니다. 영업일로 세는 기한을 하루 늦추고 알리는 중입니다.", "success")
                return redirect(_home(programme, "closing-days"))
        return self._page(programme, closing=form), 422

    @expose("/<int:id>/open", methods=["POST"])
    @needs(Permission.PROGRAMME_MANAGE)
    def open(self, id: int) -> ResponseReturnValue:
        """'접수 시작': new sign-ups go to the latest year that is open."""
        programme = programmes.get(programme_id=id)
        others = [each for each in programmes.programmes() if each.is_open and each.id != id]
        warning = "".join(_beside(programme, other) for other in others)
        question = f"{programme.year}년 사업의 접수를 시작할까요?"
        return self._switch(programme, True, question, warning or "회원가입을 받기 시작합니다.", "접수 시작")

    @expose("/<int:id>/close", methods=["POST"])
    @needs(Permission.PROGRAMME_MANAGE)
    def close(self, id: int) -> ResponseReturnValue:
        programme = programmes.get(programme_id=id)
        what = "작성 중인 신청서도 제출할 수 없게 됩니다. 접수된 건의 심사, 예산확정, 거래는 계속됩니다."
        question = f"{programme.year}년 사업의 접수를 마감할까요?"
        return self._switch(programme, False, question, what, "접수 마감")

    def _switch(
        self, programme: Year, is_open: bool, question: str, consequence: str, label: str
    ) -> ResponseReturnValue:
        back = _home(programme)
        asked = confirm.ask(question=question, consequence=consequence, label=label, cancel_url=back)
        if asked is not None:
            return asked
        return _change(programme, to=back, done=f"{programme.year}년 사업: {label}했습니다.", is_open=is_open)

    @expose("/history", methods=["GET"])
    def history(self) -> ResponseReturnValue:
        """'설정 변경 이력' of one year."""
        programme = _year()
        if export_format():
            found = everything(programme_settings.changes, programme_id=programme.id)
            rows = [(change, line) for change in found for line in change.lines]
            return spreadsheet(rows, HISTORY, name=f"{programme.year}년_설정변경이력")
        listing = listed(programme_settings.changes, programme_id=programme.id)
        years = programmes.programmes()
        return self.render(
            "backoffice/operations/programme_history.html", programme=programme, years=years, listing=listing
        )

    @expose("/new", methods=["GET", "POST"])
    @needs(Permission.PROGRAMME_MANAGE)
    def new(self) -> ResponseReturnValue:
        """'새 연도 사업 만들기' from a preset, with what it brings; sign-up stays closed until started."""
        made = {each.year for each in programmes.programmes()}
        left = [year for year in PRESETS if year not in made]
        year = number_of("preset") or (left[0] if left else 0)
        if request.method == "POST":
            year = key_of(request.form.get("preset")) or 0
            to = url_for(".index", year=year) if year in PRESETS else url_for(".new")
            done = f"{year}년 사업을 만들었습니다. 설정을 확인한 뒤 '접수 시작'을 눌러 주세요."
            return run(programmes.create_programme, to=to, done=done, year=year, is_open=False)
        preset = PRESETS.get(year) if year in left else None
        rows = _preview(preset) if preset else []
        page = "backoffice/operations/programme_new.html"
        return self.render(page, left=left, year=year, rows=rows, current=_current())


def _year() -> Year:
    """The one that the address names, else the current one."""
    year = number_of("year")
    if year is None:
        return programmes.current()
    found = next((each for each in programmes.programmes() if each.year == year), None)
    if found is None:
        raise NotFound("programme.none", f"{year}년 사업이 없습니다.")
    return found


def _current() -> Year | None:
    return next(iter(programmes.programmes()), None) and programmes.current()


def _home(programme: Year, part: str = "") -> str:
    return str(url_for(".index", year=programme.year, _anchor=part or None))


def _groups() -> list[tuple[str, list[str]]]:
    """The settings of the plain form, by what they are about, in the order of the table."""
    names = dict.fromkeys(SETTINGS[name].group for name in PLAIN)
    return [(group, [name for name in PLAIN if SETTINGS[name].group == group]) for group in names]


def _fit(form: BaseForm, settings: dict[str, Any]) -> bool:
    """Nobody is asked whether they mean what is then refused."""
    try:
        programme_settings.check(settings)
    except Refusal as refusal:
        refusal_to_form(form, refusal)
        return False
    return True


def _saved(programme: Year, form: BaseForm, done: str, **settings: Any) -> bool:
    """Whether the settings were taken; what is wrong stands by its field."""
    try:
        programmes.change_settings(actor=current_actor(), programme_id=programme.id, **settings)
    except Refusal as refusal:
        if "excluded_industries" in refusal.fields:
            refusal.fields["word"] = refusal.fields.pop("excluded_industries")
        refusal_to_form(form, refusal)
        return False
    flash(done, "success")
    return True


def _change(programme: Year, *, to: str, done: str, **settings: Any) -> ResponseReturnValue:
    verb: Callable[..., Any] = programmes.change_settings
    return run(verb, to=to, done=done, programme_id=programme.id, **settings)


def _beside(programme: Year, other: Year) -> str:
    later = max(programme.year, other.year)
    return (
        f"{other.year}년 사업도 접수 중입니다. 함께 열려 있으면 새 회원가입은 {later}년 사업으로 들어갑니다. "
    )


def _parts(settings: dict[str, Any]) -> str:
    cap = settings["cap"]
    share = cap * settings["company_share_percent"] // 100
    text = f"바우처 한 장은 정부지원금 {won(cap - share)}, 기업 자부담 {won(share)}이 되고, 부가세는 "
    return text + f"'{settings['vat_mode'].label}' 방식입니다. 첫 바우처가 지급된 뒤에는 바꿀 수 없습니다."


def _preview(preset: Preset) -> list[tuple[str, str, str]]:
    """(setting, what the preset brings, what the current year has where it differs)."""
    current, rows = _current(), []
    for name, value in preset.settings().items():
        brings = programme_settings.told(name, value)
        has = programme_settings.told(name, _had(current, name)) if current else brings
        rows.append((SETTINGS[name].label, brings, has if has != brings else ""))
    return rows


def _had(programme: Year, name: str) -> Any:
    if name == "needed_documents":
        return needed_documents.as_setting(needed_documents.table(programme))
    return getattr(programme, name)
