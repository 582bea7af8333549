"""How often one address or person may knock (R-AUD-1). Counted in Valkey, in memory while it is away."""

from __future__ import annotations

from flask import Flask
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_login import current_user

LOGIN_LIMIT = "10 per minute; 100 per hour"
CODE_LIMIT = "5 per minute; 30 per hour"
SEARCH_LIMIT = "120 per minute"
MESSAGE_LIMIT = "20 per minute; 200 per hour"
"""Each is an SMS to somebody, and may bring files."""


def per_account() -> str:
    """Who is logged in, at an address: the many people of one office do not share a limit."""
    address = get_remote_address()
    return f"{address}:{current_user.get_id()}" if current_user.is_authenticated else address


limiter = Limiter(
    key_func=get_remote_address,
    in_memory_fallback_enabled=True,
    key_prefix="kv",
)


def init_app(app: Flask) -> None:
    """Reads RATELIMIT_STORAGE_URI and RATELIMIT_ENABLED of the app's config."""
    storage = app.config.get("RATELIMIT_STORAGE_URI") or "memory://"
    # A socket is written unix:// by Redis clients and redis+unix:// by the limiter.
    app.config["RATELIMIT_STORAGE_URI"] = (
        storage.replace("unix://", "redis+unix://", 1) if storage.startswith("unix://") else storage
    )
    app.config.setdefault("RATELIMIT_STRATEGY", "moving-window")
    limiter.init_app(app)
