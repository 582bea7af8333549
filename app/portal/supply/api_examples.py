"""What the page for the suppliers' engineers shows: a test vector, and requests that work as they stand."""

from __future__ import annotations

from app.portal.api_contract import PREFIX
from app.workflows.supplier_keys import Signed

SECRET = "kv-test-vector-secret"  # noqa: S105 - printed on the page, opens nothing
KEY = "kvk_0123456789abcdef"
BODY = '{"reports":[{"dealId":1042,"month":"2020-10","logins":128,"lastUsedOn":"2020-10-30"}]}'
VECTOR = Signed(
    timestamp="1605484800",
    method="PUT",
    target=f"{PREFIX}/usage?atomic=true",
    idempotency_key="usage-2020-10-1",
    body=BODY.encode(),
)

PYTHON = """import hashlib
import hmac
import json
import time
import urllib.request
import uuid

BASE, PREFIX = "{base}", "{prefix}"
KEY, SECRET = "연동 키 번호", "비밀값"


def signature(secret, timestamp, method, target, idempotency_key, body):
    digest = hashlib.sha256(body).hexdigest()
    lines = [timestamp, method, target, idempotency_key, digest]
    return hmac.new(secret.encode(), "\\n".join(lines).encode(), hashlib.sha256).hexdigest()


def send(method, target, content=None):
    body = json.dumps(content).encode() if content is not None else b""
    timestamp = str(int(time.time()))
    once = str(uuid.uuid4()) if content is not None else ""
    headers = {{
        "X-KV-Key": KEY,
        "X-KV-Timestamp": timestamp,
        "X-KV-Signature": signature(SECRET, timestamp, method, PREFIX + target, once, body),
        "Content-Type": "application/json",
    }}
    if once:
        headers["Idempotency-Key"] = once
    asked = urllib.request.Request(BASE + PREFIX + target, body or None, headers, method=method)
    with urllib.request.urlopen(asked, timeout=30) as answer:
        return json.load(answer)


if __name__ == "__main__":
    for deal in send("GET", "/deals")["deals"]:
        print(deal["dealId"], deal["service"], deal["missing"])
    reports = [{{"dealId": 1042, "month": "2020-10", "logins": 128, "lastUsedOn": "2020-10-30"}}]
    print(send("PUT", "/usage", {{"reports": reports}}))
"""

SHELL = """KEY='연동 키 번호' SECRET='비밀값'
TARGET='{prefix}/usage'
BODY='{body}'
NOW=$(date +%s) ONCE=$(openssl rand -hex 16)
DIGEST=$(printf '%s' "$BODY" | openssl dgst -sha256 -r | cut -d' ' -f1)
SIGNATURE=$(printf '%s\\n%s\\n%s\\n%s\\n%s' "$NOW" PUT "$TARGET" "$ONCE" "$DIGEST" |
  openssl dgst -sha256 -hmac "$SECRET" -r | cut -d' ' -f1)
curl -X PUT "{base}$TARGET" -d "$BODY" -H 'Content-Type: application/json' \\
  -H "X-KV-Key: $KEY" -H "X-KV-Timestamp: $NOW" -H "X-KV-Signature: $SIGNATURE" \\
  -H "Idempotency-Key: $ONCE"
"""


def python(base_url: str) -> str:
    return PYTHON.format(base=base_url.rstrip("/"), prefix=PREFIX)


def shell(base_url: str) -> str:
    return SHELL.format(base=base_url.rstrip("/"), prefix=PREFIX, body=BODY)
