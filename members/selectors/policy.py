"""A store's rules for credit."""

from __future__ import annotations

from members.models import CreditPolicy


def policy_of(store_id: int) -> CreditPolicy:
    """How the store's credit behaves: its row, or an unsaved one with the defaults."""
    return CreditPolicy.objects.filter(pk=store_id).first() or CreditPolicy(store_id=store_id)
