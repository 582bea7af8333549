"""Addresses of static files, worked out once in a process: a page of the console names thirty of them."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from flask import Flask, current_app, request


@lru_cache(maxsize=1024)
def _address(app: Flask, _root: str, endpoint: str, values: tuple[tuple[str, Any], ...]) -> str:
    # `_root` tells apart where the platform is mounted; url_for() takes it from the request.
    return app.url_for(endpoint, **dict(values))


def address(endpoint: str, **values: Any) -> str:
    """Flask's url_for() for templates. A static file's address depends on nothing else of the request."""
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    if endpoint == "static" or endpoint.endswith(".static"):
        return _address(app, request.root_path, endpoint, tuple(sorted(values.items())))
    return app.url_for(endpoint, **values)
