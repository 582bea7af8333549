"""Answers to a form that is sent with its progress shown (static/js/upload-progress.js).

A script that follows a redirect itself would eat the message that waits on the page it leads to; so it is
told where to go instead, and the browser goes there.
"""

from __future__ import annotations

from flask import Flask, Response, request

ASKS = "X-Upload-Progress"
GO_TO = "X-Location"


def _tell_where(response: Response) -> Response:
    if ASKS in request.headers and response.status_code in (301, 302, 303) and response.location:
        response.headers[GO_TO] = response.headers.pop("Location")
        response.status_code = 204
        response.set_data(b"")
    return response


def init_app(app: Flask) -> None:
    app.after_request(_tell_where)
