"""The one CSRF guard: every POST, console included; signed call-backs are exempted by name."""

from __future__ import annotations

from flask_wtf.csrf import CSRFProtect

csrf = CSRFProtect()
