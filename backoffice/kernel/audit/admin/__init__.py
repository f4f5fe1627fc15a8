from backoffice.kernel.audit.admin import platform  # noqa: F401 - registers itself
