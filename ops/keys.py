"""The secrets of one KV_HOME, made once and kept: sessions, encrypted columns, the sandbox's API keys."""

import base64
import json
import os
import secrets
from collections.abc import Callable
from pathlib import Path

from ops.problem import Problem


def _token() -> str:
    return secrets.token_urlsafe(32)


def _aes_key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


OUTER_SYSTEMS = ("IDENTITY", "TAX_OFFICE", "CARD", "ZEROPAY", "SMS", "BANK", "MAIL")
MADE_BY: dict[str, Callable[[], str]] = {
    "SECRET_KEY": _token,
    "DATA_KEY": _aes_key,
    **{f"{system}_{part}": _token for system in OUTER_SYSTEMS for part in ("KEY", "SECRET")},
}


def load(home: Path) -> dict[str, str]:
    """All of them; what the environment sets goes before what the file keeps."""
    path = home / "secrets.json"
    kept = _read(path)
    if not kept and (home / "pg").exists() and "DATA_KEY" not in os.environ:
        raise Problem(
            f"{path}가 없어 저장된 개인정보를 풀 수 없습니다. 그 파일을 백업에서 되돌리거나, {home}을 "
            "옮기고 빈 "
            "데이터로 시작하세요.",
            f"{path} is missing, so the encrypted data could not be read: restore it from a backup, or "
            f"move {home} "
            "away to begin with empty data.",
        )
    missing = {name: make() for name, make in MADE_BY.items() if name not in kept}
    if missing:
        _write(path, {**kept, **missing})
    return {name: os.environ.get(name) or value for name, value in {**kept, **missing}.items()}


def _read(path: Path) -> dict[str, str]:
    try:
        kept = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise _unreadable(path, str(error)) from error
    if not isinstance(kept, dict) or not all(isinstance(value, str) for value in kept.values()):
        raise _unreadable(path, "not an object of texts")
    return kept


def _write(path: Path, values: dict[str, str]) -> None:
    """Whole or not at all, and readable by the owner alone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(values, file, indent=2)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def _unreadable(path: Path, cause: str) -> Problem:
    return Problem(
        f"{path}를 읽을 수 없습니다({cause}). 백업에서 되돌리세요. 새로 만들면 저장된 개인정보를 풀 수 "
        "없습니다.",
        f"{path} cannot be read ({cause}): restore it from a backup; a new one could not decrypt the "
        "stored data.",
    )
