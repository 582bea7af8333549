"""Production refuses to start on an unsafe setting (R-TIME-7)."""

import json

import pytest

import config

SAFE = {
    "KV_ENV": "production",
    "SECRET_KEY": "s" * 32,
    "DATA_KEY": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
    "DATABASE_URL": "postgresql+psycopg://app@db/kvoucher",
    "REDIS_URL": "redis://cache/0",
    "BASE_URL": "https://voucher.example.kr",
    "MAIL_SENDER": "no-reply@voucher.example.kr",
    "PAYER_NAME": "창업진흥원",
    "PAYER_BUSINESS_NUMBER": "999-82-00007",
    "PAYER_REPRESENTATIVE": "홍길동",
    "PAYER_ADDRESS": "세종특별자치시 시연로 1",
} | {
    f"{name}_{part}": f"https://{name.lower()}.example.kr"
    if part == "URL"
    else f"{name.lower()}-{part.lower()}"
    for name in config.OUTER
    for part in ("URL", "KEY", "SECRET")
}


def test_a_safe_production_starts_without_demonstration_and_without_sandbox():
    settings = config.load(SAFE)
    assert (settings["KV_ENV"], settings["DEMO"], settings["SANDBOX_URL"]) == ("production", False, None)
    assert settings["SESSION_COOKIE_SECURE"] and settings["SESSION_COOKIE_HTTPONLY"]
    assert settings["CARD_URL"] == "https://card.example.kr"
    assert not [name for name, value in settings.items() if "sandbox" in str(value).lower()]


@pytest.mark.parametrize(
    "name",
    [
        *("SECRET_KEY", "DATA_KEY", "DATABASE_URL", "REDIS_URL", "BASE_URL", "MAIL_SENDER"),
        *(f"{name}_{part}" for name in config.OUTER for part in ("URL", "KEY")),
        *(f"{name}_SECRET" for name in config.SIGNING),
        *(f"PAYER_{part}" for part in config.DEMONSTRATION_PAYER),
    ],
)
@pytest.mark.parametrize("value", [None, ""], ids=["missing", "empty"])
def test_production_names_what_is_missing(name, value):
    """A key left out would fall back to the sandbox's, which anyone can read in the source."""
    source = {k: v for k, v in SAFE.items() if k != name} | ({} if value is None else {name: value})
    with pytest.raises(config.UnsafeSetting, match=name):
        config.load(source)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"DEMO": "1"}, "DEMO"),
        ({"SECRET_KEY": "s" * 31}, "32 characters"),
        ({"BASE_URL": "http://voucher.example.kr"}, "https://"),
        ({"DATA_KEY": config.DEVELOPMENT_DATA_KEY}, "DATA_KEY"),
        ({"KV_ENV": "prod"}, "KV_ENV"),
        ({"KV_ENV": ""}, "KV_ENV"),
        ({"PAYER_BUSINESS_NUMBER": "9998200007"}, "123-45-67890"),
    ],
    ids=[
        "demo",
        "short secret",
        "http",
        "development's key",
        "unknown kind",
        "empty kind",
        "payer",
    ],
)
def test_production_refuses(change, says):
    """R-TIME-7: no demonstration; and a misspelt KV_ENV must not silently be a development."""
    with pytest.raises(config.UnsafeSetting, match=says):
        config.load(SAFE | change)


def test_development_needs_nothing_and_finds_its_sandbox_on_the_next_port():
    settings = config.load({"PORT": "9000"})
    assert (settings["KV_ENV"], settings["DEMO"]) == ("development", True)
    assert settings["SANDBOX_URL"] == "http://127.0.0.1:9001"
    assert settings["TAX_OFFICE_URL"] == "http://127.0.0.1:9001/tax"
    assert settings["BASE_URL"] == "http://127.0.0.1:9000"


def test_settings_come_from_what_is_given_only(monkeypatch):
    monkeypatch.setenv("PORT", "7777")
    assert config.load({})["BASE_URL"] == "http://127.0.0.1:8000"
    assert config.load()["BASE_URL"] == "http://127.0.0.1:7777"


def test_files_lie_under_the_home_unless_told_otherwise(tmp_path):
    assert config.load({"KV_HOME": str(tmp_path)})["FILES"] == str(tmp_path / "files")
    assert config.load({"KV_HOME": str(tmp_path), "FILES": "/srv/files"})["FILES"] == "/srv/files"


def test_what_a_statement_was_given_is_kept_out_of_its_errors():
    """R-AUD-1: an error of the database is logged with its trace, and would carry names and hashes."""
    assert config.load(SAFE)["SQLALCHEMY_ENGINE_OPTIONS"]["hide_parameters"] is True


def test_the_sender_of_messages_is_a_setting():
    assert config.load(SAFE | {"SMS_SENDER": "0212345678"})["SMS_SENDER"] == "0212345678"


def test_a_command_in_a_plain_shell_speaks_to_the_running_system(tmp_path, monkeypatch):
    written = {
        "DATABASE_URL": "postgresql+psycopg:///running",
        "PORT": "8400",
        "CARD_KEY": "made at the start",
    }
    (tmp_path / config.RUNNING).write_text(json.dumps(written))
    for name in ("DATABASE_URL", "KV_ENV", "CARD_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("KV_HOME", str(tmp_path))
    monkeypatch.setenv("PORT", "8500")
    settings = config.load()
    assert settings["SQLALCHEMY_DATABASE_URI"] == "postgresql+psycopg:///running"
    assert settings["CARD_KEY"] == "made at the start"
    assert settings["BASE_URL"].endswith(":8500"), "what the environment sets goes first"
    monkeypatch.setenv("KV_ENV", "production")
    with pytest.raises(config.UnsafeSetting, match="DATABASE_URL"):
        config.load()
