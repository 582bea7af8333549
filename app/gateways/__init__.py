"""The outer world: one client per system, over real HTTP.

Whether a sandbox or the real system answers is decided by the addresses in the settings; nobody here knows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.gateways.bank import Bank
from app.gateways.card import Card
from app.gateways.http import Endpoint, Transport
from app.gateways.identity import IdentityService
from app.gateways.mail import Mail
from app.gateways.sms import Sms
from app.gateways.tax_office import TaxOffice
from app.gateways.zeropay import ZeroPay

DEFAULT_SENDER = "0215770000"
DEFAULT_MAIL_SENDER = "no-reply@voucher.example"
"""Of the demonstration; no domain of anybody."""


@dataclass(frozen=True)
class GatewaySettings:
    identity: Endpoint
    tax_office: Endpoint
    card: Endpoint
    zeropay: Endpoint
    sms: Endpoint
    bank: Endpoint
    mail: Endpoint
    sms_sender: str = DEFAULT_SENDER
    mail_sender: str = DEFAULT_MAIL_SENDER


def settings_from(config: Mapping[str, Any]) -> GatewaySettings:
    """From `CARD_URL`, `CARD_KEY`, `CARD_SECRET` and so on (config.py)."""

    def endpoint(name: str, timeout: float) -> Endpoint:
        secret = config.get(f"{name}_SECRET") or ""
        return Endpoint(config[f"{name}_URL"], config[f"{name}_KEY"], secret, timeout)

    return GatewaySettings(
        identity=endpoint("IDENTITY", 5.0),
        tax_office=endpoint("TAX_OFFICE", 5.0),
        card=endpoint("CARD", 8.0),
        zeropay=endpoint("ZEROPAY", 8.0),
        sms=endpoint("SMS", 5.0),
        bank=endpoint("BANK", 5.0),
        mail=endpoint("MAIL", 5.0),
        sms_sender=config.get("SMS_SENDER") or DEFAULT_SENDER,
        mail_sender=config.get("MAIL_SENDER") or DEFAULT_MAIL_SENDER,
    )


@dataclass(frozen=True)
class Gateways:
    identity: IdentityService
    tax_office: TaxOffice
    card: Card
    zeropay: ZeroPay
    sms: Sms
    bank: Bank
    mail: Mail

    @classmethod
    def build(cls, settings: GatewaySettings) -> Gateways:
        return cls(
            identity=IdentityService(Transport("identity", settings.identity)),
            tax_office=TaxOffice(Transport("tax_office", settings.tax_office, basic=False)),
            card=Card(Transport("card", settings.card)),
            zeropay=ZeroPay(Transport("zeropay", settings.zeropay)),
            sms=Sms(Transport("sms", settings.sms, basic=False), settings.sms_sender),
            bank=Bank(Transport("bank", settings.bank)),
            mail=Mail(Transport("mail", settings.mail), settings.mail_sender),
        )


_configured: list[Gateways] = []


def configure(settings: GatewaySettings) -> Gateways:
    """Say where the outer world is; once per process, before the first call. Opens no connection."""
    _configured[:] = [Gateways.build(settings)]
    return _configured[0]


def get() -> Gateways:
    if not _configured:
        raise RuntimeError("app.gateways.configure() has not been called")
    return _configured[0]
