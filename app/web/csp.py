"""What the browser may do with our pages: nothing foreign, nothing inline, nothing framed by others."""

from __future__ import annotations

import secrets
from urllib.parse import urlsplit

from flask import Flask, Response, current_app, g

PERMISSIONS_POLICY = "camera=(), geolocation=(), microphone=(), payment=(), usb=()"
HSTS = "max-age=31536000; includeSubDomains"
# A browser's own PDF viewer is an inline-styled document: a page's policy would leave it blank.
DOCUMENT_POLICY = "frame-ancestors 'self'; base-uri 'none'; form-action 'none'"
FILE_POLICY = "default-src 'none'; frame-ancestors 'self'"


def nonce() -> str:
    """The nonce of this request, made when it is first asked for."""
    if "csp_nonce" not in g:
        g.csp_nonce = secrets.token_urlsafe(16)
    value: str = g.csp_nonce
    return value


def checkout_origins() -> list[str]:
    """Where a form of ours may lead to: the certificates' own payment module (R-PAY-1)."""
    origins = []
    for url in (current_app.config.get("ZEROPAY_URL"), *current_app.config.get("CHECKOUT_URLS", ())):
        parts = urlsplit(url or "")
        if parts.scheme and parts.netloc:
            origins.append(f"{parts.scheme}://{parts.netloc}")
    return sorted(set(origins))


def page_policy() -> str:
    directives = {
        "default-src": "'none'",
        "script-src": f"'self' 'nonce-{nonce()}'",
        "style-src": f"'self' 'nonce-{nonce()}'",
        "img-src": "'self' data:",
        "font-src": "'self'",
        "connect-src": "'self'",
        "frame-src": "'self'",
        "manifest-src": "'self'",
        "frame-ancestors": "'self'",
        "form-action": " ".join(["'self'", *checkout_origins()]),
        "base-uri": "'none'",
        "object-src": "'none'",
    }
    return "; ".join(f"{name} {sources}" for name, sources in directives.items())


def _policy_for(response: Response) -> str:
    if response.mimetype == "application/pdf":
        return DOCUMENT_POLICY
    return page_policy() if response.mimetype == "text/html" else FILE_POLICY


def add_headers(response: Response) -> Response:
    headers = response.headers
    headers.setdefault("Content-Security-Policy", _policy_for(response))
    headers.setdefault("X-Content-Type-Options", "nosniff")
    headers.setdefault("Referrer-Policy", "strict-origin-when-cross-origin")
    headers.setdefault("Permissions-Policy", PERMISSIONS_POLICY)
    headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
    headers.setdefault("X-Frame-Options", "SAMEORIGIN")
    if current_app.config.get("SESSION_COOKIE_SECURE"):
        headers.setdefault("Strict-Transport-Security", HSTS)
    return response


def init_app(app: Flask) -> None:
    app.before_request(lambda: nonce() and None)
    app.after_request(add_headers)
