"""Encryption of personal data at rest (R-AUD-1), and the blind index that finds an encrypted value again."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_key: bytes | None = None


def configure(data_key: str) -> None:
    """Set the process's key: 32 bytes, base64. Raises ValueError on any other length."""
    global _key
    key = base64.b64decode(data_key)
    if len(key) != 32:
        raise ValueError("DATA_KEY must be 32 bytes in base64")
    _key = key


def _derive(purpose: bytes) -> bytes:
    if _key is None:
        raise RuntimeError("crypto.configure() was not called")
    return hmac.new(_key, purpose, hashlib.sha256).digest()


def seal(content: bytes) -> bytes:
    nonce = os.urandom(12)
    return nonce + AESGCM(_derive(b"encrypt")).encrypt(nonce, content, None)


def unseal(sealed: bytes) -> bytes:
    return AESGCM(_derive(b"encrypt")).decrypt(sealed[:12], sealed[12:], None)


def encrypt(text: str) -> bytes:
    return seal(text.encode())


def decrypt(sealed: bytes) -> str:
    return unseal(sealed).decode()


def blind_index(text: str) -> bytes:
    """The same for the same text: lets a unique key or a look-up stand on an encrypted column."""
    return hmac.new(_derive(b"index"), text.encode(), hashlib.sha256).digest()
