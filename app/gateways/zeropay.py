"""ZeroPay: certificates bought through a virtual account, payment in its own window (R-INS-4, R-PAY-1)."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from app import clock
from app.gateways.errors import Forged
from app.gateways.http import Answer
from app.gateways.payments import Approval, PaymentGateway, instant_field

RETURN_SECONDS = 600


@dataclass(frozen=True)
class VirtualAccount:
    bank_code: str
    bank_name: str
    number: str
    holder_name: str


@dataclass(frozen=True)
class Wallet:
    """`balance`: won that the company itself has bought so far."""

    wallet_id: str
    virtual_account: VirtualAccount
    balance: int


@dataclass(frozen=True)
class Checkout:
    url: str
    expires_at: datetime


@dataclass(frozen=True)
class ReturnResult:
    """What the person did in the window. `approved` allows a confirm; no money was taken yet."""

    order_id: str
    payment_key: str
    amount: int
    approved: bool


@dataclass(frozen=True)
class ZeroPay(PaymentGateway):
    def open_wallet(self, *, reference: str, holder_name: str, idempotency_key: str) -> Wallet:
        body = {"reference": reference, "holderName": holder_name}
        return _wallet(self.transport.post("/v1/wallets", body=body, key=idempotency_key, repeatable=True))

    def wallet(self, *, wallet_id: str) -> Wallet:
        return _wallet(self.transport.get(f"/v1/wallets/{quote(wallet_id, safe='')}"))

    def order(
        self,
        *,
        order_id: str,
        amount: int,
        order_name: str,
        wallet_id: str,
        return_url: str,
        idempotency_key: str,
        own_share: int = 0,
    ) -> Checkout:
        """Open ZeroPay's window for `amount` won, of which `own_share` comes out of the wallet."""
        body: dict[str, Any] = {
            "orderId": order_id,
            "amount": amount,
            "orderName": order_name,
            "walletReference": wallet_id,
            "returnUrl": return_url,
            "ownShare": own_share,
        }
        answer = self.transport.post("/v1/orders", body=body, key=idempotency_key, repeatable=True)
        return Checkout(url=answer.text("checkoutUrl"), expires_at=answer.instant("expiresAt"))

    def verify_return(self, *, params: Mapping[str, str]) -> ReturnResult:
        """Read the return address's parameters. Forged unless ZeroPay signed them in ten minutes."""
        try:
            names = ("orderId", "paymentKey", "amount", "result", "timestamp")
            order_id, payment_key, amount, result, timestamp = (params[name] for name in names)
            signed = "|".join((order_id, payment_key, amount, result, timestamp))
            age = clock.real_now().timestamp() - int(timestamp)
            won = int(amount)
            given = params["signature"]
        except (KeyError, ValueError):
            raise Forged("the return address lacks a part") from None
        secret = self.transport.endpoint.secret.encode()
        signature = hmac.new(secret, signed.encode(), hashlib.sha256).hexdigest()
        if not secret or not hmac.compare_digest(signature.encode(), given.encode()):
            raise Forged("the return address is not signed by the gateway")
        if abs(age) > RETURN_SECONDS:
            raise Forged("the return address is too old")
        return ReturnResult(order_id, payment_key, won, result == "SUCCESS")

    def confirm(
        self,
        *,
        payment_key: str,
        order_id: str,
        amount: int,
        idempotency_key: str,
        requested_at: datetime | None = None,
    ) -> Approval:
        """Take the money once per key. Refused: not taken. Unknown: ask `find`."""
        body = {
            "paymentKey": payment_key,
            "orderId": order_id,
            "amount": amount,
            **instant_field(requested_at),
        }
        return self._confirm(body, idempotency_key)


def _wallet(answer: Answer) -> Wallet:
    account = answer.part("virtualAccount")
    return Wallet(
        wallet_id=answer.text("walletId"),
        virtual_account=VirtualAccount(
            bank_code=account.text("bankCode"),
            bank_name=account.text("bankName"),
            number=account.text("number"),
            holder_name=account.text("holderName"),
        ),
        balance=answer.won("balance"),
    )
