"""Screens of API clients, in the platform and in the merchant console."""

from backoffice.kernel.api.admin import merchant, platform

__all__ = ["merchant", "platform"]
