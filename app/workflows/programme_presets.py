"""What each year brought, as data (R-JOIN-7a, R-MONEY-2a)."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any

from app.models.programme import SelectionOrder, VatMode
from app.workflows import needed_documents

CATEGORIES = {
    "video": "화상회의",
    "remote_work": "재택근무(협업Tool)",
    "security": "네트워크·보안 솔루션",
    "education": "온라인교육(에듀테크)",
    "care": "돌봄서비스",
    "consulting": "비대면 제도도입 컨설팅",
}

# Words of a 업종 that public support leaves out: amusement and gambling, and trading in virtual assets.
EXCLUDED_INDUSTRIES = ("유흥주점", "무도장", "사행시설", "사행성", "카지노", "도박", "암호화 자산 매매")


@dataclass(frozen=True, kw_only=True)
class Preset:
    """The settings with which a year's programme begins; won, percent."""

    cap: int
    company_share_percent: int
    vat_mode: VatMode
    category_codes: tuple[str, ...]
    card_opens_on: date | None = None
    needs_employees: bool = False
    selection_order: SelectionOrder = SelectionOrder.ARRIVAL
    excluded_industries: tuple[str, ...] = EXCLUDED_INDUSTRIES
    needed_documents: dict[str, str] = field(
        default_factory=lambda: needed_documents.as_setting(needed_documents.USUAL)
    )

    def settings(self) -> dict[str, Any]:
        """By the names of the programme's columns."""
        return {name: list(v) if isinstance(v, tuple) else v for name, v in asdict(self).items()}


_EARLY: dict[str, Any] = {
    "cap": 4_000_000,
    "company_share_percent": 10,
    "vat_mode": VatMode.INCLUDED,
    "category_codes": tuple(CATEGORIES),
}
PRESETS = {
    2020: Preset(**_EARLY, card_opens_on=date(2020, 11, 2)),
    2021: Preset(**_EARLY, card_opens_on=date(2021, 1, 1)),
    2022: Preset(
        cap=4_000_000,
        company_share_percent=30,
        vat_mode=VatMode.BORNE,
        category_codes=("video", "remote_work", "security"),
        card_opens_on=date(2022, 1, 1),
        needs_employees=True,
        selection_order=SelectionOrder.SCORE,
    ),
}
