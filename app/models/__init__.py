"""The tables, one file per chapter of the domain."""

from app.models import (
    applications,
    catalogue,
    companies,
    deals,
    demonstration,
    intake,
    ledger,
    numbers,
    payments,
    people,
    programme,
    record,
    settlements,
    types,
    vouchers,
)

__all__ = [
    "applications",
    "catalogue",
    "companies",
    "deals",
    "demonstration",
    "intake",
    "ledger",
    "numbers",
    "payments",
    "people",
    "programme",
    "record",
    "settlements",
    "types",
    "vouchers",
]
