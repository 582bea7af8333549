"""What the papers say: taken down once when a slip is issued, kept as JSON, and drawn from that alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Self


class _Snapshot:
    @classmethod
    def load(cls, data: Mapping[str, Any]) -> Self:
        """From the kept JSON. A field that a later edition adds must have a default."""
        values = {field.name: data[field.name] for field in fields(cls) if field.name in data}  # type: ignore[arg-type]
        return cls(**values)._nested()

    def _nested(self) -> Self:
        return self

    def dump(self) -> dict[str, Any]:
        return asdict(self)  # type: ignore[call-overload,no-any-return]


@dataclass(frozen=True, kw_only=True)
class Party(_Snapshot):
    business_number: str
    """As it is written, with hyphens."""
    name: str
    representative: str
    address: str
    phone: str = ""


@dataclass(frozen=True, kw_only=True)
class Stamp(_Snapshot):
    """What every paper bears: number, day, code and the address behind its QR code."""

    number: str
    issued_on: str
    code: str
    """In groups, as it is read aloud."""
    url: str
    programme: str
    issuer: str
    demonstration: bool


def _party(value: Any) -> Party:
    return value if isinstance(value, Party) else Party.load(value)


def _stamp(value: Any) -> Stamp:
    return value if isinstance(value, Stamp) else Stamp.load(value)


@dataclass(frozen=True, kw_only=True)
class PaymentPaper(_Snapshot):
    """전표, 거래명세서 and 취소전표. Won; `total` is `supply + tax` and `grant + share + extra_tax`."""

    stamp: Stamp
    supplier: Party
    buyer: Party
    paid_at: str
    instrument: str
    card: str
    """Masked; empty for ZeroPay."""
    approval_number: str
    order_id: str
    item: str
    plan: str
    period: str
    quantity: int
    unit_price: int | None
    """None where the amount is no multiple of the quantity."""
    supply: int
    tax: int
    total: int
    grant: int
    share: int
    extra_tax: int
    """Borne by the company on top of the voucher; zero where the price has the tax inside."""
    tax_inside: bool
    cancelled_at: str = ""
    cancel_reason: str = ""
    original_number: str = ""

    def _nested(self) -> Self:
        return type(self)(**{**vars(self), "stamp": _stamp(self.stamp), "supplier": _party(self.supplier),
                             "buyer": _party(self.buyer)})  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class SettledItem(_Snapshot):
    """`amount = supply + tax`, won; below zero for what is taken back."""

    paid_on: str
    buyer: str
    item: str
    amount: int
    supply: int = 0
    tax: int = 0
    approval_number: str = ""
    """Of the payment: it is there before any paper is, and stands on the 전표 too."""
    invoice_number: str = ""
    """국세청 승인번호 of the tax invoice that the payment is settled by; of what is taken back, of the one
    that corrects it. Empty for a card, which has the 전표."""
    number: str = ""
    """Of the 전표, on statements of the second edition and before."""
    note: str = ""
    """Of what is taken back, the settlement that paid it; of what is kept back, that it is."""


@dataclass(frozen=True, kw_only=True)
class SettlementPaper(_Snapshot):
    """정산내역서. `total = gross + carried - fee - clawback - withheld`, won."""

    stamp: Stamp
    supplier: Party
    payer: Party | None = None
    """지급자; not known to statements of the second edition and before."""
    batch: str
    cutoff: str
    approved_on: str
    bank: str
    account: str
    """Masked."""
    holder: str
    items: tuple[SettledItem, ...]
    gross: int
    carried: int
    fee: int
    clawback: int
    withheld: int = 0
    """Kept back before the money was sent (R-SET-4); its payments' notes say which."""
    total: int
    """What is paid."""

    def _nested(self) -> Self:
        items = tuple(i if isinstance(i, SettledItem) else SettledItem.load(i) for i in self.items)
        payer = self.payer and _party(self.payer)
        return type(self)(**{**vars(self), "stamp": _stamp(self.stamp), "supplier": _party(self.supplier),
                             "payer": payer, "items": items})  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class BilledRow(_Snapshot):
    """One payment, won; `share` and `tax` are the company's. `total` is `supply + vat` as well."""

    paid_at: str
    service: str
    supplier: str
    business_number: str = ""
    """The supplier's, as it is written; like the next two not known to the second edition and before."""
    supply: int = 0
    vat: int = 0
    """세액, whether inside the price or on top of the voucher."""
    approval_number: str
    grant: int
    share: int
    tax: int
    total: int
    cancelled_on: str = ""
    """Empty for one that stands."""


@dataclass(frozen=True, kw_only=True)
class Parts(_Snapshot):
    """Sums in won."""

    grant: int
    share: int
    tax: int

    @property
    def total(self) -> int:
        return self.grant + self.share + self.tax


@dataclass(frozen=True, kw_only=True)
class BillingPaper(_Snapshot):
    """청구내역서. `paid` counts everything that was paid, `cancelled` what of it was given back."""

    stamp: Stamp
    company: Party
    period: str
    search: str
    """The words that the rows were searched by; empty for all."""
    rows: tuple[BilledRow, ...]
    paid: Parts
    cancelled: Parts
    total: int
    """What was paid less what was given back."""

    def _nested(self) -> Self:
        rows = tuple(r if isinstance(r, BilledRow) else BilledRow.load(r) for r in self.rows)
        return type(self)(**{**vars(self), "stamp": _stamp(self.stamp), "company": _party(self.company),
                             "rows": rows, "paid": _parts(self.paid),
                             "cancelled": _parts(self.cancelled)})  # fmt: skip


def _parts(value: Any) -> Parts:
    return value if isinstance(value, Parts) else Parts.load(value)
