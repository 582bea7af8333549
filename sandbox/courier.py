"""Carries signed call-backs to the platform, as a gateway's webhook sender does."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import threading
import time
from typing import Any
from urllib.error import URLError
from urllib.request import ProxyHandler, Request, build_opener

log = logging.getLogger("sandbox.courier")

RETRY_SECONDS = (1, 5, 15)
_opener = build_opener(ProxyHandler({}))  # the platform is on this machine: no proxy in between


def sign(secret: str, timestamp: str, body: bytes) -> str:
    return hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


class Courier:
    """Posts to `<callback>/callbacks/<system>`; without a call-back address it carries nothing."""

    def __init__(self, callback: str | None) -> None:
        self._callback = (callback or "").rstrip("/")

    def send(self, *, system: str, secret: str, event: dict[str, Any], after: float, times: int = 1) -> None:
        """Deliver `event` `times` times, `after` seconds from now; nobody waits for it."""
        if not self._callback:
            return
        body = json.dumps(event, ensure_ascii=False).encode()
        for _ in range(times):
            timer = threading.Timer(after, self._deliver, (system, secret, body))
            timer.daemon = True
            timer.start()

    def send_now(self, *, system: str, secret: str, event: dict[str, Any]) -> None:
        """Deliver before going on: the call-back that overtakes its answer."""
        if self._callback:
            self._post(system, secret, json.dumps(event, ensure_ascii=False).encode())

    def _deliver(self, system: str, secret: str, body: bytes) -> None:
        for pause in (*RETRY_SECONDS, None):
            if self._post(system, secret, body) or pause is None:
                return
            time.sleep(pause)

    def _post(self, system: str, secret: str, body: bytes) -> bool:
        timestamp = str(int(time.time()))
        call = Request(  # noqa: S310 - the address is given by whoever starts the sandbox
            f"{self._callback}/callbacks/{system}",
            data=body,
            headers={
                "Content-Type": "application/json",
                "X-Callback-Timestamp": timestamp,
                "X-Callback-Signature": sign(secret, timestamp, body),
            },
        )
        try:
            with _opener.open(call, timeout=5) as answer:
                return bool(200 <= answer.status < 300)
        except (URLError, OSError) as error:
            log.warning("call-back to %s not taken: %s", system, type(error).__name__)
            return False
