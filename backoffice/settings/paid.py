"""Paid membership."""

from backoffice.settings.env import env

__all__ = ["PAID_SIGN_UP_URL"]

PAID_SIGN_UP_URL = env.value("PAID_SIGN_UP_URL")
