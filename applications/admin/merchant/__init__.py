"""Merchant console: the merchant's word on custom builds, and apps in its stores."""

from applications.admin.merchant import apps, confirmations  # noqa: F401 - they register themselves
