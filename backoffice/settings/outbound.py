"""Calls that leave the house."""

from backoffice.settings.env import env

__all__ = ["DINGTALK_ROBOTS", "OUTBOUND_ALLOW"]

DINGTALK_ROBOTS: list[str] = env.value("DINGTALK_ROBOTS")
OUTBOUND_ALLOW: list[str] = env.value("OUTBOUND_ALLOW")
