"""The name under which a browser keeps a file."""

from __future__ import annotations

from urllib.parse import quote


def disposition(kind: str, file_name: str) -> str:
    """The header's value; `kind` is `inline` or `attachment`.

    RFC 6266 in RFC 5987's encoding: a header holds Latin letters only, and gunicorn refuses to send another.
    """
    return f"{kind}; filename*=UTF-8''{quote(file_name, safe='')}"
