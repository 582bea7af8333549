"""Every component renders, under strict rules: nothing inline, everything labelled (R-PUB-3)."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from enum import Enum
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask, render_template
from wtforms import BooleanField, RadioField, SelectField, SelectMultipleField, StringField
from wtforms.widgets import CheckboxInput, ListWidget

from app.clock import KST
from app.web import csp
from app.web import forms as f

NOW = datetime(2020, 11, 16, 9, tzinfo=KST)
TEMPLATES = Path(__file__).parent / "templates"
COMPONENTS = Path(csp.__file__).parent.parent / "templates" / "components"


class State(Enum):
    APPROVED = "approved"

    @property
    def label(self) -> str:
        return "승인"

    @property
    def tone(self) -> str:
        return "success"


class Form(f.BaseForm):
    class Meta(f.BaseForm.Meta):
        csrf = False

    keyword = StringField("검색어")
    since = f.DateField("기간 시작")
    number = f.BusinessNumberField("사업자등록번호", [f.Required()])
    phone = f.PhoneField("휴대폰 번호", [f.Required()])
    amount = f.MoneyField("금액", [f.Required()])
    kind = RadioField("기업 구분", [f.Required()], choices=[("p", "개인"), ("c", "법인")])
    agency = SelectField("운영기관", choices=[("", "선택"), ("1", "창업진흥원")])
    services = SelectMultipleField(
        "관심 분야", choices=[("1", "화상회의")], widget=ListWidget(), option_widget=CheckboxInput()
    )
    reason = f.ReasonField("사유")
    same = BooleanField("대표자와 동일")
    document = f.UploadField("사업자등록증", [f.Required()])
    terms = BooleanField("이용약관", [f.Agreed()])
    marketing = BooleanField("알림 수신")


@pytest.fixture
def gallery(screens: Flask) -> Any:
    def render(*, failed: bool = False) -> str:
        with screens.test_request_context("/gallery", method="POST" if failed else "GET"):
            form = Form()
            if failed:
                form.validate()
            rows = [SimpleNamespace(id=1, name="서비스", supplier="㈜가나", amount=990_000)]
            deadline = NOW + timedelta(days=2, hours=15)
            return render_template(
                "gallery.html", form=form, state=State.APPROVED, now=NOW, deadline=deadline, rows=rows
            )

    return render


def test_every_macro_of_the_kit_is_on_the_gallery(screens: Flask) -> None:
    """A new component that nobody has looked at fails here."""
    with screens.test_request_context():
        kit = screens.jinja_env.get_template("components/ui.html").module
    names = {name for name in vars(kit) if not name.startswith("_")} - {"attributes", "flash_messages"}
    shown = set(re.findall(r"ui\.(\w+)\(", (TEMPLATES / "gallery.html").read_text()))
    assert names - shown == set()


def test_every_component_file_is_in_the_kit_or_the_frame() -> None:
    kit = (COMPONENTS / "ui.html").read_text()
    frame = {
        "ui",
        "console",
        "case",
        "charts",
        "demo_banner",
        "session_timer",
        "slip",
        "preview",
        "confirm_dialog",
        "confirm_page",
    }
    missing = {p.stem for p in COMPONENTS.glob("*.html") if f"components/{p.name}" not in kit} - frame
    assert missing == set()


def test_ids_are_unique_and_labels_and_descriptions_point_somewhere(gallery: Any) -> None:
    text = gallery(failed=True)
    ids = re.findall(r'\sid="([^"]+)"', text)
    assert sorted(ids) == sorted(set(ids))
    pointed = re.findall(r'<label[^>]*\sfor="([^"]+)"', text)
    for several in re.findall(r'aria-(?:describedby|labelledby|controls)="([^"]+)"', text):
        pointed += several.split()
    assert set(pointed) - set(ids) == set()


def test_a_refused_form_leads_from_the_summary_to_its_fields(gallery: Any) -> None:
    text = gallery(failed=True)
    assert "<title>오류: 심사 및 예산확인" in text
    targets = re.findall(r'<li><a href="#([^"]+)">', text)
    assert "number" in targets and "kind-0" in targets
    assert all(f'id="{target}"' in text for target in targets)


def test_every_post_carries_a_token(gallery: Any) -> None:
    text = gallery()
    for form in re.findall(r"<form[^>]*method=\"post\".*?</form>", text, re.S):
        assert 'name="csrf_token"' in form


def test_every_script_is_ours_and_has_the_nonce(gallery: Any) -> None:
    scripts = re.findall(r"<script[^>]*>", gallery())
    assert scripts
    assert all('src="/static/' in script and "nonce=" in script for script in scripts)


def test_amounts_open_into_their_parts(gallery: Any) -> None:
    """R-MONEY-2b."""
    opened = re.search(r"<details class=\"kv-money-details\">.*?</details>", gallery(), re.S)
    assert opened and "1,782,000원" in opened[0] and "198,000원" in opened[0]


def test_the_banner_says_that_this_is_no_official_site(screens: Flask, gallery: Any) -> None:
    """R-PUB-3, R-TIME-7: the clock and its buttons stand there only in a demonstration."""
    text = gallery()
    assert "시연용 시스템입니다." in text and "실제 정부 누리집이 아닙니다." in text
    assert "시연 시각" not in text
    screens.extensions["demo_banner"] = lambda: {"now": NOW, "can_move": True, "next_deadline": NOW}
    text = gallery()
    assert "2020.11.16.(월) 09:00" in text
    assert [label for label in ("한 시간 앞으로", "하루 앞으로", "다음 기한으로") if label not in text] == []


def test_what_people_write_is_escaped(screens: Flask) -> None:
    source = """{% import "components/ui.html" as ui %}
        {{ ui.timeline([{"title": bad, "note": bad, "at": none}]) }}
        {{ ui.badge(bad) }}{{ ui.button(bad, attrs={"title": bad}) }}"""
    with screens.test_request_context():
        text = screens.jinja_env.from_string(source).render(bad='"><script>x</script>')
    assert "<script>" not in text
