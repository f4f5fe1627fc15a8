"""Chinese and English, and the one time zone."""

from django.utils.translation import gettext_lazy as _

from backoffice.settings.env import env
from backoffice.settings.paths import BASE_DIR

__all__ = ["FORMAT_MODULE_PATH", "LANGUAGES", "LANGUAGE_CODE", "LOCALE_PATHS", "TIME_ZONE", "USE_I18N", "USE_TZ"]

LANGUAGE_CODE = "zh-hans"
LANGUAGES = [("zh-hans", _("Simplified Chinese")), ("en", _("English"))]
# Listed because Django merges the catalogues of all apps: these win over what a third-party app says for the same word.
LOCALE_PATHS = [
    BASE_DIR / "backoffice" / "locale",
    BASE_DIR / "members" / "locale",
    BASE_DIR / "campaigns" / "locale",
    BASE_DIR / "applications" / "locale",
]
FORMAT_MODULE_PATH = ["backoffice.formats"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = env.value("LOCAL_TIME_ZONE")
