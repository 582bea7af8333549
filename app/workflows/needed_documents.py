"""Which documents a company hands in: a table of the programme (R-JOIN-2, R-JOIN-5, R-JOIN-7a)."""

from __future__ import annotations

from collections.abc import Mapping

from app.models.companies import CompanyKind, DocumentKind, VerifiedAs
from app.models.programme import Programme
from app.models.types import Labelled


class Needed(Labelled):
    """Of whom a document is asked."""

    ALWAYS = "always", "항상"
    CORPORATE = "corporate", "법인"
    STAFF = "staff", "담당자(임직원)가 인증할 때"
    JOINED_BEFORE = "joined_before", "이전 연도에 참여한 기업"
    NEVER = "never", "필요 없음"


USUAL = {
    DocumentKind.BUSINESS_REGISTRATION: Needed.ALWAYS,
    DocumentKind.TAX_CLEARANCE: Needed.ALWAYS,
    DocumentKind.CORPORATE_REGISTER: Needed.CORPORATE,
    DocumentKind.INSURANCE_LIST: Needed.STAFF,
    DocumentKind.PRIORITY_CERTIFICATE: Needed.JOINED_BEFORE,
    DocumentKind.BANK_BOOK: Needed.NEVER,
}


def as_setting(table: Mapping[DocumentKind, Needed]) -> dict[str, str]:
    """As the programme keeps it."""
    return {kind.value: needed.value for kind, needed in table.items()}


def table(programme: Programme) -> dict[DocumentKind, Needed]:
    """Every kind of document; one that the programme does not name is asked for as usual."""
    named = programme.needed_documents or {}
    return {kind: Needed(named.get(kind.value, usual.value)) for kind, usual in USUAL.items()}


def needed(
    programme: Programme,
    *,
    kind: CompanyKind,
    verified_as: VerifiedAs | None,
    joined_before: bool = False,
) -> list[DocumentKind]:
    """What this company hands in, in the order of the table."""
    holds = {
        Needed.ALWAYS: True,
        Needed.CORPORATE: kind is CompanyKind.CORPORATE,
        Needed.STAFF: verified_as is VerifiedAs.STAFF,
        Needed.JOINED_BEFORE: joined_before,
        Needed.NEVER: False,
    }
    return [document for document, when in table(programme).items() if holds[when]]


def by_condition(programme: Programme) -> list[tuple[Needed, list[DocumentKind]]]:
    """What to get ready, for the page before one begins; conditions that ask for nothing are absent."""
    rows = table(programme)
    conditions = [condition for condition in Needed if condition is not Needed.NEVER]
    found = [
        (condition, [kind for kind, when in rows.items() if when is condition]) for condition in conditions
    ]
    return [(condition, kinds) for condition, kinds in found if kinds]
