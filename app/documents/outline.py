"""What a paper shows, section by section: PDF and page, for those who cannot read a PDF, are made of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.documents.slip_data import Party, Stamp


@dataclass(frozen=True)
class Band:
    """The sum that the paper is about, won."""

    label: str
    amount: int
    minus: bool = False


@dataclass(frozen=True)
class Facts:
    title: str
    rows: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Parties:
    """Who gives and who takes, side by side."""

    supplier: Party
    buyer: Party
    phone: bool = False
    titles: tuple[str, str] = ("공급자", "공급받는자")

    @property
    def sides(self) -> list[tuple[str, list[tuple[str, str]]]]:
        parties = (self.supplier, self.buyer)
        return [(title, self._lines(party)) for title, party in zip(self.titles, parties, strict=True)]

    def _lines(self, party: Party) -> list[tuple[str, str]]:
        lines = [
            ("등록번호", party.business_number),
            ("상호(법인명)", party.name),
            ("대표자", party.representative),
            ("사업장 주소", party.address or "-"),
        ]
        return lines + ([("전화번호", party.phone)] if self.phone and party.phone else [])


@dataclass(frozen=True)
class Column:
    title: str
    share: float
    """Of the table's width; the shares of a table sum to one."""
    align: str = "left"


@dataclass(frozen=True)
class Table:
    """`rows` as they are printed; a line break parts what a cell says."""

    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[str]]
    size: float = 9.0
    note: str = ""
    foot: Sequence[Sequence[str]] = ()
    """Rows of sums, with as many cells."""


@dataclass(frozen=True)
class Block:
    """Lines of sums and their total, won."""

    title: str
    rows: Sequence[tuple[str, int]]
    total: tuple[str, int]


@dataclass(frozen=True)
class Sums:
    """Side by side."""

    blocks: Sequence[Block]


@dataclass(frozen=True)
class Beside:
    """Facts on the left, sums on the right."""

    facts: Facts
    block: Block


Section = Band | Facts | Parties | Table | Sums | Beside


@dataclass(frozen=True, kw_only=True)
class Outline:
    title: str
    subtitle: str
    stamp: Stamp
    owner: str
    """Whose paper it is: stands at the head of every further page."""
    sections: Sequence[Section]
    sentence: str
    """What the paper certifies."""
