from campaigns.admin import frequency, lifecycle, messages, paid_settings, runs, settings, texts  # noqa: F401 - they register their screens
