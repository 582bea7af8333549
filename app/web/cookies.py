"""Signed values without an attempt to compress them.

A session and a CSRF token are a hundred letters, which zlib never makes shorter; it takes a quarter of a
megabyte of working memory to find that out, twice for each page.
"""

from __future__ import annotations

from typing import Any

from flask import Flask
from flask.sessions import SecureCookieSessionInterface
from itsdangerous import Serializer, URLSafeTimedSerializer
from itsdangerous.encoding import base64_encode

SHORT = 512


class ShortSerializer(URLSafeTimedSerializer):
    """Reads what its parent reads, and writes the same; what is short goes uncompressed."""

    def dump_payload(self, obj: Any) -> bytes:
        written = Serializer.dump_payload(self, obj)
        return base64_encode(written) if len(written) <= SHORT else super().dump_payload(obj)


class SessionCookies(SecureCookieSessionInterface):
    """Flask's own session cookies."""

    def get_signing_serializer(self, app: Flask) -> URLSafeTimedSerializer | None:
        if not app.secret_key:
            return None
        kind = {"key_derivation": self.key_derivation, "digest_method": self.digest_method}
        keys: list[Any] = [*(app.config["SECRET_KEY_FALLBACKS"] or ()), app.secret_key]
        return ShortSerializer(keys, salt=self.salt, serializer=self.serializer, signer_kwargs=kind)
