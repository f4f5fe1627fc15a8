from backoffice.kernel.tenancy.admin import developer, merchant, platform, users  # noqa: F401 - they register themselves
