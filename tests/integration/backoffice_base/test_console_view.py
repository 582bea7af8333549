"""The holes of Flask-Admin that the consoles' base closes, each tried on a small model (R-ROLE-1)."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_admin import Admin
from flask_admin.theme import Bootstrap4Theme
from flask_babel import Babel
from flask_login import LoginManager, UserMixin, current_user, login_user
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import BigInteger, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from app import web
from app.backoffice.base import ConsoleHome, ConsolePage, ConsoleView, UnsafeView
from app.errors import Conflict
from app.policy import Permission
from app.web import csp


class Base(DeclarativeBase):
    pass


db = SQLAlchemy(model_class=Base)


class Case(db.Model):  # type: ignore[name-defined,misc]
    __tablename__ = "console_case"
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    agency: Mapped[str] = mapped_column(String)
    name: Mapped[str] = mapped_column(String)
    state: Mapped[str] = mapped_column(String, default="open")


class Person(UserMixin):
    """`id` is the agency; `nobody` may do nothing."""

    def __init__(self, id: str) -> None:
        self.id = self.name = id
        self.actor = SimpleNamespace(may=lambda permission: id != "nobody")


class Cases(ConsoleView):
    permission: ClassVar[Permission] = Permission.SCREENING_VIEW
    column_list = ("name", "state")
    column_searchable_list = ("name",)
    column_filters = ("state",)
    column_editable_list = ("name",)
    form_columns = ("name",)
    can_edit = can_delete = can_export = True

    def scope(self, query: Any) -> Any:
        return query.filter(Case.agency == current_user.id)

    def update(self, form: Any, record: Any) -> None:
        if form.name.data == "refused":
            raise Conflict("refused", "지금은 고칠 수 없습니다.")
        record.name = form.name.data
        db.session.commit()

    def remove(self, record: Any) -> None:
        db.session.delete(record)
        db.session.commit()


class Plain(ConsoleView):
    """What a view gets that asks for nothing."""

    permission: ClassVar[Permission] = Permission.SCREENING_VIEW


class Keyset(ConsoleView):
    permission: ClassVar[Permission] = Permission.SCREENING_VIEW
    keyset = True
    column_list = ("name",)
    column_default_sort = ("id", True)
    column_sortable_list = ()
    page_size = 10


class Home(ConsoleHome):
    permission: ClassVar[Permission] = Permission.CONSOLE


OURS, THEIRS = range(1, 31), range(101, 104)


@pytest.fixture(scope="module")
def console(database_url: str) -> Iterator[Flask]:
    import app as package

    console = Flask("app", root_path=str(package.__path__[0]))
    console.config.update(
        SECRET_KEY="a-test-key-of-thirty-two-letters!",
        TESTING=True,
        PROPAGATE_EXCEPTIONS=False,
        SQLALCHEMY_DATABASE_URI=database_url,
        WTF_CSRF_ENABLED=False,
        BABEL_DEFAULT_LOCALE="ko",
        RATELIMIT_STORAGE_URI="memory://",
    )
    db.init_app(console)
    manager = LoginManager(console)
    manager.login_view = "login"
    manager.user_loader(Person)
    web.init_app(console)
    Babel(console)
    console.add_url_rule("/login", "login", lambda: "log in")
    console.add_url_rule("/enter/<who>", "enter", lambda who: str(login_user(Person(who))))
    theme = Bootstrap4Theme(base_template="backoffice/base.html", fluid=True)
    admin = Admin(
        console, name="업무", theme=theme, index_view=Home(url="/admin"), csp_nonce_generator=csp.nonce
    )
    for view in (Cases, Plain, Keyset):
        admin.add_view(view(Case, db, name=view.__name__, endpoint=view.__name__.lower()))
    with console.app_context():
        db.create_all()
    yield console
    with console.app_context():
        db.session.remove()
        db.drop_all()
        db.engine.dispose()


@pytest.fixture
def client(console: Flask) -> FlaskClient:
    with console.app_context():
        db.session.query(Case).delete()
        db.session.add_all(Case(id=n, agency="ours", name=f"우리{n}") for n in OURS)
        db.session.add_all(Case(id=n, agency="theirs", name=f"남{n}") for n in THEIRS)
        db.session.commit()
        db.session.remove()
    client = console.test_client()
    client.get("/enter/ours")
    return client


def _names(console: Flask, *ids: int) -> list[str]:
    with console.app_context():
        rows = db.session.query(Case.name).filter(Case.id.in_(ids)).order_by(Case.id)
        return [name for (name,) in rows]


class TestDoor:
    def test_strangers_are_led_to_the_log_in_and_back(self, console: Flask, client: FlaskClient) -> None:
        answer = console.test_client().get("/admin/cases/?page=2")
        assert answer.status_code == 302
        assert answer.location.startswith("/login?next=")

    def test_the_wrong_role_is_refused(self, console: Flask, client: FlaskClient) -> None:
        other = console.test_client()
        other.get("/enter/nobody")
        assert [other.get(path).status_code for path in ("/admin/", "/admin/cases/")] == [403, 403]

    def test_a_view_without_a_permission_is_never_made(self) -> None:
        with pytest.raises(UnsafeView):
            type("Open", (ConsoleView,), {})
        with pytest.raises(UnsafeView):
            type("Open", (ConsolePage,), {})

    @pytest.mark.parametrize(
        "loose",
        [
            {"can_edit": True},
            {"can_edit": True, "form_columns": ("name", "state")},
            {"can_edit": True, "form_columns": ("government_amount",)},
            {"form_columns": ("name",), "column_editable_list": ("payment_status",)},
            {"inline_models": (Case,)},
        ],
    )
    def test_a_state_or_an_amount_is_never_a_field(self, loose: dict[str, Any]) -> None:
        with pytest.raises(UnsafeView):
            type("Loose", (ConsoleView,), {"permission": Permission.CONSOLE, **loose})

    def test_nothing_but_looking_by_default(self, client: FlaskClient) -> None:
        for path in ("new/", "edit/?id=1", "export/csv/"):
            answer = client.get(f"/admin/plain/{path}")
            assert answer.status_code == 302, path
        assert client.post("/admin/plain/delete/", data={"id": "1"}).status_code == 302
        client.post("/admin/plain/action/", data={"action": "delete", "rowid": ["1"]})
        assert client.get("/admin/plain/details/?id=1").status_code == 200


class TestScope:
    def test_the_list(self, client: FlaskClient) -> None:
        text = client.get("/admin/cases/?page_size=100").text
        assert "우리1" in text and "남101" not in text

    @pytest.mark.parametrize("route", ["details/?id={}", "edit/?id={}"])
    def test_a_foreign_row_does_not_exist(self, client: FlaskClient, route: str) -> None:
        for stranger in ("101", "x", "", "9" * 40):
            answer = client.get("/admin/cases/" + route.format(stranger))
            assert answer.status_code == 302, stranger
        assert client.get("/admin/cases/" + route.format(1)).status_code == 200

    def test_no_edit(self, console: Flask, client: FlaskClient) -> None:
        client.post("/admin/cases/edit/?id=101", data={"name": "mine"})
        client.post("/admin/cases/edit/?id=1", data={"name": "새이름"})
        assert _names(console, 1, 101) == ["새이름", "남101"]

    def test_no_edit_in_the_list(self, console: Flask, client: FlaskClient) -> None:
        data = {"list_form_pk": "101", "name": "mine"}
        assert client.post("/admin/cases/ajax/update/", data=data).status_code == 500
        assert client.post("/admin/cases/ajax/update/", data=data | {"list_form_pk": "2"}).status_code == 200
        assert _names(console, 2, 101) == ["mine", "남101"]

    def test_no_deletion_one_by_one_or_in_bulk(self, console: Flask, client: FlaskClient) -> None:
        client.post("/admin/cases/delete/", data={"id": "101"})
        data = {"action": "delete", "rowid": ["1", "2", "102", "x", ""]}
        answer = client.post("/admin/cases/action/", data=data, follow_redirects=True)
        assert answer.status_code == 200 and "2건을 삭제했습니다." in answer.text
        assert _names(console, 1, 2, 3, 101, 102) == ["우리3", "남101", "남102"]

    def test_a_refusal_is_told_and_changes_nothing(self, console: Flask, client: FlaskClient) -> None:
        answer = client.post("/admin/cases/edit/?id=1", data={"name": "refused"})
        assert "지금은 고칠 수 없습니다." in answer.text
        assert _names(console, 1) == ["우리1"]


class TestPaging:
    @pytest.mark.parametrize(
        "query",
        [
            "page=-1",
            "page=999999999999999999",
            "page=x",
            "page_size=-5",
            "page_size=100000",
            "sort=99",
            "sort=-9",
        ],
    )
    def test_no_address_breaks_the_list(self, client: FlaskClient, query: str) -> None:
        assert client.get(f"/admin/cases/?{query}").status_code == 200

    def test_keyset_goes_on_where_it_stopped(self, client: FlaskClient) -> None:
        first = client.get("/admin/keyset/").text
        assert "남103" in first and "after=24" in first
        second = client.get("/admin/keyset/?after=24").text
        assert "우리23" in second and "우리24" not in second
        assert client.get("/admin/keyset/?after=x").status_code == 200

    def test_a_search_starts_anew(self, client: FlaskClient) -> None:
        assert 'name="after"' not in client.get("/admin/cases/?after=24").text


class TestExport:
    def test_korean_opens_in_a_spreadsheet_and_no_formula_runs(
        self, console: Flask, client: FlaskClient
    ) -> None:
        with console.app_context():
            db.session.add(Case(id=99, agency="ours", name='=HYPERLINK("x")'))
            db.session.commit()
        answer = client.get("/admin/cases/export/csv/")
        assert answer.data.startswith(b"\xef\xbb\xbf")
        text = answer.data.decode("utf-8-sig")
        assert "우리1," in text and "남101" not in text
        assert "'=HYPERLINK" in text
        assert "filename*=UTF-8''Cases_" in answer.headers["Content-Disposition"]

    def test_it_has_a_bound(self, client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(Cases, "export_max_rows", 5)
        assert len(client.get("/admin/cases/export/csv/").data.splitlines()) == 6


class TestFace:
    def test_language_landmarks_and_no_inline_handler(self, client: FlaskClient) -> None:
        text = client.get("/admin/cases/").text
        assert '<html lang="ko">' in text and '<main class="kv-console-main" id="main"' in text
        assert text.count("<h1") == 1
        assert "onclick=" not in text and "javascript:" not in text

    def test_the_stylesheets_that_would_break_each_other_never_meet(self, client: FlaskClient) -> None:
        text = client.get("/admin/").text
        assert "krds_tokens.css" in text and "component/output.css" not in text


class TestCsrf:
    def test_every_change_needs_a_token(self, console: Flask, client: FlaskClient) -> None:
        console.config["WTF_CSRF_ENABLED"] = True
        try:
            for path, data in (
                ("edit/?id=1", {"name": "x"}),
                ("delete/", {"id": "1"}),
                ("action/", {"action": "delete", "rowid": "1"}),
                ("ajax/update/", {"list_form_pk": "1", "name": "x"}),
            ):
                assert client.post(f"/admin/cases/{path}", data=data).status_code == 400, path
        finally:
            console.config["WTF_CSRF_ENABLED"] = False
        assert _names(console, 1) == ["우리1"]
