"""Merchant console of paid membership. Each module registers its own screens."""

from members.paid.admin.merchant import benefits, complaints, issues, memberships, programs  # noqa: F401 - they register themselves
