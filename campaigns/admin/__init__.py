from campaigns.admin import messages, runs, settings, texts  # noqa: F401 - they register their screens
