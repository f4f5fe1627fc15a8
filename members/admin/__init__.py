from members.admin import merchant, platform  # noqa: F401 - they register themselves
