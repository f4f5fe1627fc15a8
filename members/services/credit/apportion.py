"""Splitting amounts to the fen: the parts always sum to the whole (ADR 0035). All amounts are yuan; inside it is counted in whole fen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Generic, TypeVar

from backoffice.kernel.money import FEN, ZERO
from members.selectors.credit import split_principal
from members.services.credit.requests import LineShare

T = TypeVar("T")


@dataclass(frozen=True)
class Share(Generic[T]):
    """Principal and bonus of one thing: a lot, or an entry."""

    of: T
    principal: Decimal
    bonus: Decimal

    @property
    def amount(self) -> Decimal:
        return self.principal + self.bonus

    def first(self, amount: Decimal, deduction_order: str) -> Share[T]:
        """What ``amount`` of it takes, at most all of it."""
        principal = split_principal(amount, self.principal, self.bonus, deduction_order)
        return Share(self.of, principal, amount - principal)


@dataclass(frozen=True)
class Piece(Generic[T]):
    """What one lot gives to one line of an order."""

    of: T
    line_no: int | None
    principal: Decimal
    bonus: Decimal


def to_fen(amount: Decimal) -> int:
    return int(amount / FEN)


def to_yuan(fen: int) -> Decimal:
    return fen * FEN


def by_cumulative_floor(total: Decimal, weights: Sequence[Decimal]) -> list[Decimal]:
    """``total`` over ``weights``, which are zero or more and not all zero: what the first n get together is rounded down, so all sum to ``total``.

    When ``total`` is not above the sum of the weights, no part is above its weight.
    """
    whole, given, passed, parts = sum(to_fen(weight) for weight in weights), 0, 0, []
    for weight in weights:
        passed += to_fen(weight)
        up_to_here = to_fen(total) * passed // whole
        parts.append(to_yuan(up_to_here - given))
        given = up_to_here
    return parts


def in_pieces(shares: Iterable[Share[T]], lines: Sequence[LineShare]) -> list[Piece[T]]:
    """``shares`` (what lots give, in their order) cut where lines end; without lines one piece a lot.

    The lines, none of them zero, sum to the shares. The same arithmetic as ``members_credit_take``; a test compares the two.
    """
    if not lines:
        return [Piece(share.of, None, share.principal, share.bonus) for share in shares if share.amount]
    pieces: list[Piece[T]] = []
    ahead = iter(lines)
    line_no, line_left = 0, ZERO
    for share in shares:
        share_left, cuts = share.amount, []
        while share_left:
            if not line_left:
                line = next(ahead)
                line_no, line_left = line.line_no, line.amount
            cut = min(share_left, line_left)
            cuts.append((line_no, cut))
            share_left -= cut
            line_left -= cut
        principals = by_cumulative_floor(share.principal, [cut for _line_no, cut in cuts])
        pieces += [Piece(share.of, number, principal, cut - principal) for (number, cut), principal in zip(cuts, principals, strict=True)]
    return pieces
