"""The supplier's side: one blueprint, a module per page of the menu."""

from __future__ import annotations

from app.portal.supply import (
    api_keys,
    billing,
    deals,
    evaluations,
    home,
    invoice_file,
    invoices,
    numbers,
    papers,
    prices,
    profile,
    questions,
    sales,
    services,
    settlement,
    usage,
    usage_file,
    usage_warnings,
)
from app.portal.supply.root import blueprint

__all__ = [
    "api_keys",
    "billing",
    "blueprint",
    "deals",
    "evaluations",
    "home",
    "invoice_file",
    "invoices",
    "numbers",
    "papers",
    "prices",
    "profile",
    "questions",
    "sales",
    "services",
    "settlement",
    "usage",
    "usage_file",
    "usage_warnings",
]
