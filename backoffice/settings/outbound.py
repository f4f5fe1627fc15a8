"""Calls that leave the house."""

from backoffice.settings.env import env

__all__ = ["OUTBOUND_ALLOW"]

OUTBOUND_ALLOW: list[str] = env.value("OUTBOUND_ALLOW")
