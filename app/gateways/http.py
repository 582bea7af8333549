"""Real HTTP to one outer system: time-outs, and the three ways to fail (errors.py).

Repeats happen only for calls that may be repeated without harm. A call that moves money is never repeated
here: its outcome is asked for by order id (R-PAY-4).
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import httpx

from app.gateways.errors import Refused, Unavailable, Unknown, korean_for

# httpx logs each address at INFO; the tax office's holds our service key.
logging.getLogger("httpx").setLevel(logging.WARNING)

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Endpoint:
    """Where a system is, how we prove who we are, and how long we wait (seconds)."""

    base_url: str
    key: str = field(repr=False)
    secret: str = field(default="", repr=False)
    timeout: float = 10.0
    connect_timeout: float = 3.0


@dataclass
class _Process:
    """One client per process: a connection pool must not cross a fork."""

    pid: int = 0
    client: httpx.Client | None = None


_process = _Process()


def _client() -> httpx.Client:
    if _process.client is None or _process.pid != os.getpid():
        # Each call has a connection of its own: an answer that comes twice would stay behind on a kept one,
        # and be taken for the answer to the next call, which may be about another's money (R-PAY-4).
        limits = httpx.Limits(max_connections=40, max_keepalive_connections=0)
        # No proxies from the environment: where calls go is said by the settings alone.
        _process.client = httpx.Client(limits=limits, follow_redirects=False, trust_env=False)
        _process.pid = os.getpid()
    return _process.client


@dataclass(frozen=True)
class Answer:
    """A JSON object of an outer system; what is missing or of another kind makes the outcome Unknown."""

    data: Mapping[str, Any] = field(repr=False)

    def text(self, name: str) -> str:
        value = self.data.get(name)
        if not isinstance(value, str):
            raise Unknown(f"the answer has no {name}")
        return value

    def optional_text(self, name: str) -> str | None:
        return None if self.data.get(name) is None else self.text(name)

    def won(self, name: str) -> int:
        value = self.data.get(name)
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise Unknown(f"the answer has no {name} in won")
        return value

    def instant(self, name: str) -> datetime:
        try:
            value = datetime.fromisoformat(self.text(name))
        except ValueError:
            raise Unknown(f"the answer's {name} is no instant") from None
        if value.tzinfo is None:
            raise Unknown(f"the answer's {name} has no time zone")
        return value

    def optional_instant(self, name: str) -> datetime | None:
        return None if self.data.get(name) is None else self.instant(name)

    def part(self, name: str) -> Answer:
        value = self.data.get(name)
        if not isinstance(value, dict):
            raise Unknown(f"the answer has no {name}")
        return Answer(value)

    def parts(self, name: str) -> list[Answer]:
        value = self.data.get(name) or []
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise Unknown(f"the answer's {name} is no list")
        return [Answer(item) for item in value]


@dataclass(frozen=True)
class Transport:
    """Calls to one system. `basic` sends the key the way the Korean gateways want it: `base64(key + ":")`."""

    name: str
    endpoint: Endpoint
    basic: bool = True

    def get(self, path: str, *, params: Mapping[str, str] | None = None) -> Answer:
        return self._call("GET", path, params=params, repeatable=True)

    def get_file(self, path: str) -> bytes:
        """A file as it lies there. Raises as `get`."""
        try:
            return self._file(path)
        except (_Lost, Unavailable):
            log.info("repeat after a lost answer", extra={"system": self.name})
            return self._file(path)

    def _file(self, path: str) -> bytes:
        response = self._send("GET", path)
        if response.status_code != 200:
            self._read(response)
            raise Unknown(f"{self.name}: HTTP {response.status_code} without a file")
        return response.content

    def post(
        self,
        path: str,
        *,
        body: Mapping[str, Any],
        key: str | None = None,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        repeatable: bool = False,
    ) -> Answer:
        """`key` is the Idempotency-Key; `repeatable` allows one more try after a lost answer or a 5xx."""
        sent = dict(headers or {})
        if key is not None:
            sent["Idempotency-Key"] = key
        return self._call("POST", path, body=body, headers=sent, params=params, repeatable=repeatable)

    def put(self, path: str, *, body: Mapping[str, Any]) -> Answer:
        """What the same call again leaves as it is: one more try does no harm."""
        return self._call("PUT", path, body=body, repeatable=True)

    def _call(self, method: str, path: str, *, repeatable: bool, **request: Any) -> Answer:
        try:
            return self._once(method, path, **request)
        except (_Lost, Unavailable):
            if not repeatable:
                raise
            log.info("repeat after a lost answer", extra={"system": self.name})
            return self._once(method, path, **request)

    def _once(self, method: str, path: str, **request: Any) -> Answer:
        return self._read(self._send(method, path, **request))

    def _send(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """Raises Unavailable, Unknown or _Lost where no answer came about."""
        timeout = httpx.Timeout(self.endpoint.timeout, connect=self.endpoint.connect_timeout)
        try:
            return _client().request(
                method,
                self.endpoint.base_url.rstrip("/") + path,
                json=body,
                headers=headers,
                params=params,
                auth=httpx.BasicAuth(self.endpoint.key, "") if self.basic else None,
                timeout=timeout,
            )
        # `from None`: what httpx raises carries the request, and with it what must not be logged.
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise Unavailable(f"{self.name}: {type(error).__name__}") from None
        except httpx.TimeoutException as error:
            raise Unknown(f"{self.name}: {type(error).__name__}") from None
        except httpx.HTTPError as error:
            raise _Lost(f"{self.name}: {type(error).__name__}") from None

    def _read(self, response: httpx.Response) -> Answer:
        status = response.status_code
        if status >= 500:
            raise _Lost(f"{self.name}: HTTP {status}")
        if status == 429:
            raise Unavailable(f"{self.name}: HTTP 429")
        try:
            data = response.json()
        except ValueError:
            data = None
        if not isinstance(data, dict):
            raise Unknown(f"{self.name}: HTTP {status} without a JSON object")
        if 200 <= status < 300:
            return Answer(data)
        code = data.get("code") or data.get("errorCode")
        if not 400 <= status or not isinstance(code, str):
            raise Unknown(f"{self.name}: HTTP {status} without a code")
        if code == "IDEMPOTENT_REQUEST_PROCESSING":
            raise Unknown(f"{self.name}: the first request is still running")
        message = data.get("message") or data.get("errorMessage") or ""
        raise Refused(code, str(message), korean_for(code, system=self.name))


class _Lost(Unknown):
    """Unknown, and the connection ended at once: worth one more try where that does no harm."""
