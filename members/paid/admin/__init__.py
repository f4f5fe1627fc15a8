"""Screens of paid membership on the platform's and the merchants' console. They register themselves."""

from members.paid.admin import merchant, pictures, platform  # noqa: F401 - they register themselves
