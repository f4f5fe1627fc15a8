from campaigns.admin import messages  # noqa: F401 - it registers its screens
