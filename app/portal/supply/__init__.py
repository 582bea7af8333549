"""The supplier's side: one blueprint, a module per page of the menu."""

from __future__ import annotations

from app.portal.supply import billing, deals, home, prices, profile, sales, services, settlement
from app.portal.supply.root import blueprint

__all__ = ["billing", "blueprint", "deals", "home", "prices", "profile", "sales", "services", "settlement"]
