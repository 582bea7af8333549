"""The peers of the queue page: a stock Flask-Admin view and Django's admin, over the same tables and indexes.

Both show what the queue shows, relations included, twenty to a page, oldest first, search the same columns
and offer the filters that are theirs. Neither asks what a person may see: Django's superuser may see all,
Flask-Admin asks nobody.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from types import ModuleType
from typing import Any

from flask import Flask
from flask_admin import Admin
from flask_admin.contrib.sqla import ModelView
from flask_babel import Babel
from sqlalchemy import URL, BigInteger, DateTime, ForeignKey, create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship, scoped_session, sessionmaker

PAGE = 20
STATES = ("not_applied", "screening", "on_hold", "screened", "approved", "rejected")
Get = Callable[[str], str]
"""Asks for an address and answers the page; anything but 200 is an error."""


class Base(DeclarativeBase):
    type_annotation_map = {int: BigInteger, datetime: DateTime(timezone=True)}


class Agency(Base):
    __tablename__ = "agency"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]

    def __str__(self) -> str:
        return self.name


class Person(Base):
    __tablename__ = "account"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]

    def __str__(self) -> str:
        return self.name


class Company(Base):
    __tablename__ = "company"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    business_number: Mapped[str]
    representative: Mapped[str]
    tax_office_state: Mapped[str | None]

    def __str__(self) -> str:
        return self.name


class Application(Base):
    __tablename__ = "application"
    id: Mapped[int] = mapped_column(primary_key=True)
    receipt_number: Mapped[str]
    company_id: Mapped[int] = mapped_column(ForeignKey("company.id"))
    agency_id: Mapped[int] = mapped_column(ForeignKey("agency.id"))
    state: Mapped[str]
    submitted_at: Mapped[datetime | None]
    assigned_to_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    flagged_at: Mapped[datetime | None]
    company: Mapped[Company] = relationship()
    agency: Mapped[Agency] = relationship()
    assigned_to: Mapped[Person | None] = relationship()


class Queue(ModelView):
    page_size = PAGE
    column_list = (
        "receipt_number",
        "company.name",
        "company.business_number",
        "company.representative",
        "agency",
        "state",
        "submitted_at",
        "assigned_to",
    )
    column_searchable_list = ("company.name", "company.representative", "company.business_number")
    column_filters = ("state", "agency.name", "assigned_to.name", "submitted_at")
    column_default_sort = "submitted_at"


def flask_admin(url: URL) -> Get:
    """`/admin/application/?page=0&search=…`"""
    app = Flask("bench_flask_admin", root_path="/")
    app.secret_key = "bench"  # noqa: S105 - it signs nothing that leaves this process
    Babel(app, default_locale="ko", default_timezone="Asia/Seoul")
    session = scoped_session(sessionmaker(create_engine(url)))
    Admin(app).add_view(Queue(Application, session, endpoint="application"))

    @app.teardown_appcontext
    def _end(_: Any) -> None:
        session.remove()

    client = app.test_client()

    def get(query: str) -> str:
        answer = client.get(f"/admin/application/{query}")
        assert answer.status_code == 200, answer.status
        return answer.text

    return get


def django_admin(url: URL) -> Get:
    """`/admin/bench_queue/application/?p=1&q=…`; its own tables (people, sessions) lie in memory."""
    import django
    from django.conf import settings

    database = {"ENGINE": "django.db.backends.postgresql", "NAME": url.database, "USER": url.username}
    database |= {"HOST": url.query.get("host", url.host), "CONN_MAX_AGE": None}
    settings.configure(
        SECRET_KEY="bench",  # noqa: S106
        ALLOWED_HOSTS=["testserver"],
        ROOT_URLCONF="bench_queue_urls",
        DATABASES={
            "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"},
            "queue": database,
        },
        DATABASE_ROUTERS=["bench.queue_peers.Router"],
        INSTALLED_APPS=[
            *(f"django.contrib.{name}" for name in ("admin", "auth", "contenttypes", "sessions", "messages")),
            _django_app(),
        ],
        MIDDLEWARE=[
            "django.middleware.security.SecurityMiddleware",
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.middleware.common.CommonMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "django.contrib.messages.middleware.MessageMiddleware",
        ],
        TEMPLATES=[_templates()],
        LANGUAGE_CODE="ko",
        TIME_ZONE="Asia/Seoul",
        USE_TZ=True,
        STATIC_URL="/static/",
    )
    django.setup()
    _register()
    return _django_client()


def _django_app() -> Any:
    from django.apps import AppConfig

    module = sys.modules["bench_queue"] = ModuleType("bench_queue")
    return type("BenchQueue", (AppConfig,), {"path": str(Path(__file__).parent)})("bench_queue", module)


def _templates() -> dict[str, Any]:
    processors = ("template.context_processors.request", "contrib.auth.context_processors.auth")
    processors += ("contrib.messages.context_processors.messages",)
    options = {"context_processors": [f"django.{name}" for name in processors]}
    return {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": options,
    }


class Router:
    """Django's own tables in memory, the queue's where they are."""

    def db_for_read(self, model: Any, **_: Any) -> str:
        return "queue" if model._meta.app_label == "bench_queue" else "default"

    db_for_write = db_for_read

    def allow_migrate(self, db: str, app_label: str, **_: Any) -> bool:
        return db == "default" and app_label != "bench_queue"


def _django_models() -> type[Any]:
    from django.db import models

    def model(title: str, table: str, /, **fields: Any) -> type[Any]:
        meta = type("Meta", (), {"app_label": "bench_queue", "db_table": table, "managed": False})
        shown = {
            "__module__": __name__,
            "Meta": meta,
            "__str__": lambda self: getattr(self, "name", str(self.pk)),
        }
        return type(title, (models.Model,), shown | {"id": models.BigAutoField(primary_key=True)} | fields)

    def to(other: type[Any], **options: Any) -> Any:
        return models.ForeignKey(other, models.DO_NOTHING, **options)

    agency = model("Agency", "agency", name=models.TextField())
    person = model("Person", "account", name=models.TextField())
    company = model(
        "Company",
        "company",
        name=models.TextField(),
        business_number=models.TextField(),
        representative=models.TextField(),
        tax_office_state=models.TextField(null=True),
    )
    return model(
        "Application",
        "application",
        receipt_number=models.TextField(),
        company=to(company),
        agency=to(agency),
        state=models.TextField(choices=[(state, state) for state in STATES]),
        submitted_at=models.DateTimeField(null=True),
        assigned_to=to(person, null=True),
        flagged_at=models.DateTimeField(null=True),
    )


def _register() -> None:
    from django.contrib import admin
    from django.urls import path

    def of_company(field: str) -> Any:
        return admin.display(description=field)(lambda self, row: getattr(row.company, field))

    fields = ("name", "business_number", "representative")
    options: dict[str, Any] = {f"company_{field}": of_company(field) for field in fields}
    shown = ("receipt_number", *options, "agency", "state", "submitted_at", "assigned_to")
    options |= {
        "list_display": shown,
        "list_select_related": ("company", "agency", "assigned_to"),
        "list_per_page": PAGE,
        "list_filter": ("state", "agency"),
        "search_fields": ("company__name", "company__representative", "company__business_number"),
        "ordering": ("submitted_at", "id"),
    }
    admin.site.register(_django_models(), type("QueueAdmin", (admin.ModelAdmin,), options))
    urls = ModuleType("bench_queue_urls")
    urls.urlpatterns = [path("admin/", admin.site.urls)]  # type: ignore[attr-defined]
    sys.modules[urls.__name__] = urls


def _django_client() -> Get:
    from django.contrib.auth.models import User
    from django.core.management import call_command
    from django.test import Client

    call_command("migrate", database="default", verbosity=0)
    client = Client()
    client.force_login(User.objects.create_superuser("bench", password=None))

    def get(query: str) -> str:
        answer = client.get(f"/admin/bench_queue/application/{query}")
        assert answer.status_code == 200, answer.status_code
        return str(answer.content, "utf-8")

    return get
