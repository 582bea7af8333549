"""Settings, from the environment only. Refuses to start on an unsafe production setting."""

from __future__ import annotations

import json
import os
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

KINDS = ("development", "production", "test")
DEVELOPMENT_DATA_KEY = "b25seS1mb3ItZGV2ZWxvcG1lbnQtMzItYnl0ZXMhISE="
OUTER = ("IDENTITY", "TAX_OFFICE", "CARD", "ZEROPAY", "SMS", "BANK", "MAIL")
# Those that sign what they send us, or have us sign.
SIGNING = ("CARD", "ZEROPAY", "SMS")
SANDBOX_PATHS = {
    "IDENTITY": "identity",
    "TAX_OFFICE": "tax",
    "CARD": "card",
    "ZEROPAY": "zeropay",
    "SMS": "sms",
    "BANK": "bank",
    "MAIL": "mail",
}

# 지급자, who pays the suppliers: nobody's number and address, for the demonstration.
DEMONSTRATION_PAYER = {
    "BUSINESS_NUMBER": "999-82-00007",
    "NAME": "창업진흥원",
    "REPRESENTATIVE": "홍길동",
    "ADDRESS": "세종특별자치시 시연로 1",
}

RUNNING = "environment.json"
"""Where the launcher writes what its parts are started with; readable by its owner only."""


class UnsafeSetting(SystemExit):
    """The process must not start like this."""


def load(env: dict[str, str] | None = None) -> dict[str, Any]:
    """Read the settings. Raises UnsafeSetting with a sentence that says what to set."""
    source = _with_running_system(dict(os.environ)) if env is None else dict(env)
    kind = source.get("KV_ENV", "development")
    if kind not in KINDS:
        raise UnsafeSetting("KV_ENV must be one of: " + ", ".join(KINDS))
    production = kind == "production"
    home = Path(source.get("KV_HOME", "var")).resolve()
    port = int(source.get("PORT", "8000"))
    sandbox = f"http://127.0.0.1:{source.get('SANDBOX_PORT', port + 1)}"
    demo = source.get("DEMO", "0" if production else "1") == "1"
    if production:
        _refuse_unsafe(source, demo)
    settings: dict[str, Any] = {
        "KV_ENV": kind,
        "DEMO": demo,
        "KV_HOME": str(home),
        "FILES": source.get("FILES", str(home / "files")),
        "SECRET_KEY": source.get("SECRET_KEY", "only-for-development"),
        "DATA_KEY": source.get("DATA_KEY", DEVELOPMENT_DATA_KEY),
        "SQLALCHEMY_DATABASE_URI": source.get("DATABASE_URL", "postgresql+psycopg:///kvoucher"),
        "SQLALCHEMY_ENGINE_OPTIONS": {
            "pool_pre_ping": False,
            "pool_size": 8,
            "max_overflow": 8,
            # The connection used last knows its statements best; in turn, each would have to learn them.
            "pool_use_lifo": True,
            # An error's text would carry what the statement was given: names, hashes, keys (R-AUD-1).
            "hide_parameters": True,
        },
        "REDIS_URL": source.get("REDIS_URL", "redis://127.0.0.1:6379/0"),
        "SANDBOX_URL": None if production else sandbox,
        "BASE_URL": source.get("BASE_URL", f"http://127.0.0.1:{port}"),
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_COOKIE_SECURE": production,
        "PERMANENT_SESSION_LIFETIME": timedelta(hours=12),
        "IDLE_MINUTES": 30,
        "PAYER": {
            part.lower(): source.get(f"PAYER_{part}", played) for part, played in DEMONSTRATION_PAYER.items()
        },
        "SMS_SENDER": source.get("SMS_SENDER", ""),
        "MAIL_SENDER": source.get("MAIL_SENDER", ""),
        "MAX_CONTENT_LENGTH": 64 * 1024 * 1024,
        "MAX_FORM_MEMORY_SIZE": 2 * 1024 * 1024,
        "WTF_CSRF_TIME_LIMIT": None,
        # WTForms keeps its own Korean sentences for the process; Flask-WTF would read them at each request.
        "WTF_I18N_ENABLED": False,
        "BABEL_DEFAULT_LOCALE": "ko",
        "BABEL_DEFAULT_TIMEZONE": "Asia/Seoul",
        "RATELIMIT_STORAGE_URI": source.get("REDIS_URL", "redis://127.0.0.1:6379/0"),
        "RATELIMIT_ENABLED": source.get("RATELIMIT_ENABLED", "1") == "1",
    }
    for name in OUTER:
        settings[f"{name}_URL"] = source.get(f"{name}_URL", f"{sandbox}/{SANDBOX_PATHS[name]}")
        for part in ("KEY", "SECRET"):
            played = "" if production else f"sandbox-{name.lower()}-{part.lower()}"
            settings[f"{name}_{part}"] = source.get(f"{name}_{part}", played)
    return settings


def _with_running_system(env: dict[str, str]) -> dict[str, str]:
    """Outside production, a command in a plain shell speaks to what `make run` keeps in this KV_HOME.

    What the environment sets goes before what the launcher wrote down.
    """
    if env.get("KV_ENV") == "production" or "DATABASE_URL" in env:
        return env
    written = Path(env.get("KV_HOME", "var")) / RUNNING
    try:
        kept: dict[str, str] = json.loads(written.read_text())
    except FileNotFoundError:
        return env
    return kept | env


def _refuse_unsafe(source: dict[str, str], demo: bool) -> None:
    if demo:
        raise UnsafeSetting("DEMO=1 is for demonstrations only: unset it in production (R-TIME-7).")
    needed = ["SECRET_KEY", "DATA_KEY", "DATABASE_URL", "REDIS_URL", "BASE_URL", "MAIL_SENDER"]
    needed += [f"{name}_{part}" for name in OUTER for part in ("URL", "KEY")]
    needed += [f"{name}_SECRET" for name in SIGNING]
    needed += [f"PAYER_{part}" for part in DEMONSTRATION_PAYER]
    missing = [name for name in needed if not source.get(name)]
    if missing:
        raise UnsafeSetting("Set these before starting in production: " + ", ".join(missing))
    if not re.fullmatch(r"\d{3}-\d{2}-\d{5}", source["PAYER_BUSINESS_NUMBER"], re.ASCII):
        raise UnsafeSetting("PAYER_BUSINESS_NUMBER must be written as 123-45-67890: it is printed so.")
    if len(source["SECRET_KEY"]) < 32:
        raise UnsafeSetting("SECRET_KEY must have at least 32 characters in production.")
    if source["DATA_KEY"] == DEVELOPMENT_DATA_KEY:
        raise UnsafeSetting("DATA_KEY is the published one of the development: make your own 32 bytes.")
    if not source["BASE_URL"].startswith("https://"):
        raise UnsafeSetting("BASE_URL must begin with https:// in production.")
