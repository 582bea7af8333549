"""The supplier's side: one blueprint, a module per page of the menu."""

from __future__ import annotations

from app.portal.supply import (
    billing,
    deals,
    home,
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
)
from app.portal.supply.root import blueprint

__all__ = [
    "billing",
    "blueprint",
    "deals",
    "home",
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
]
