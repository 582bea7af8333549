"""ZeroPay: certificates bought through a virtual account, payment in its own window (R-INS-4, R-PAY-1)."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from app import clock
from app.gateways.errors import Forged
from app.gateways.http import Answer
from app.gateways.payments import Approval, PaymentGateway, instant_field

RETURN_SECONDS = 600
RETURNED = ("orderIds", "paymentKeys", "amounts", "result", "timestamp")
"""The signed parameters, in the order of the signature; the first three are lists with commas."""


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


@dataclass(frozen=True, kw_only=True)
class WindowOrder:
    """`amount` won, of which `own_share` comes out of the wallet."""

    order_id: str
    amount: int
    name: str
    own_share: int = 0


@dataclass(frozen=True)
class Checkout:
    url: str
    expires_at: datetime


@dataclass(frozen=True)
class ReturnedOrder:
    order_id: str
    payment_key: str
    amount: int


@dataclass(frozen=True)
class ReturnResult:
    """What the person did in the window. `approved` allows confirms; no money was taken yet."""

    orders: tuple[ReturnedOrder, ...]
    approved: bool


@dataclass(frozen=True)
class ZeroPay(PaymentGateway):
    def open_wallet(self, *, reference: str, holder_name: str, idempotency_key: str) -> Wallet:
        body = {"reference": reference, "holderName": holder_name}
        return _wallet(self.transport.post("/v1/wallets", body=body, key=idempotency_key, repeatable=True))

    def wallet(self, *, wallet_id: str) -> Wallet:
        return _wallet(self.transport.get(f"/v1/wallets/{quote(wallet_id, safe='')}"))

    def order(
        self, *, orders: Sequence[WindowOrder], wallet_id: str, return_url: str, idempotency_key: str
    ) -> Checkout:
        """Open one window of ZeroPay for 1 to 10 orders, approved together and confirmed each on its own."""
        body: dict[str, Any] = {
            "orders": [
                {
                    "orderId": order.order_id,
                    "amount": order.amount,
                    "orderName": order.name,
                    "ownShare": order.own_share,
                }
                for order in orders
            ],
            "walletReference": wallet_id,
            "returnUrl": return_url,
        }
        answer = self.transport.post("/v1/orders", body=body, key=idempotency_key, repeatable=True)
        return Checkout(url=answer.text("checkoutUrl"), expires_at=answer.instant("expiresAt"))

    def verify_return(self, *, params: Mapping[str, str]) -> ReturnResult:
        """Read the return address's parameters. Forged unless ZeroPay signed them in ten minutes."""
        try:
            signed = "|".join(params[name] for name in RETURNED)
            age = clock.real_now().timestamp() - int(params["timestamp"])
            listed = zip(*(params[name].split(",") for name in RETURNED[:3]), strict=True)
            orders = tuple(ReturnedOrder(order_id, key, int(won)) for order_id, key, won in listed)
            given = params["signature"]
        except (KeyError, ValueError):
            raise Forged("the return address lacks a part") from None
        secret = self.transport.endpoint.secret.encode()
        signature = hmac.new(secret, signed.encode(), hashlib.sha256).hexdigest()
        if not secret or not hmac.compare_digest(signature.encode(), given.encode()):
            raise Forged("the return address is not signed by the gateway")
        if abs(age) > RETURN_SECONDS:
            raise Forged("the return address is too old")
        return ReturnResult(orders, params["result"] == "SUCCESS")

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
