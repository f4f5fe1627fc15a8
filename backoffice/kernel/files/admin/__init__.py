"""Screens of imports: the wizard and the history, in the platform and in the merchant console."""

from backoffice.kernel.files.admin import merchant, platform

__all__ = ["merchant", "platform"]
