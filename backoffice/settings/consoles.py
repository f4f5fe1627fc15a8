"""Theme, and import and export buttons, of the three consoles. What a console shows is in `backoffice/consoles/`."""

from django.templatetags.static import static
from django.utils.translation import gettext_lazy as _
from import_export.formats.base_formats import CSV, XLSX

__all__ = [
    "DASHBOARD_KEEP_SECONDS",
    "EXPORT_FORMATS",
    "IMPORT_EXPORT_EXPORT_PERMISSION_CODE",
    "IMPORT_EXPORT_IMPORT_PERMISSION_CODE",
    "IMPORT_EXPORT_SKIP_ADMIN_ACTION_EXPORT_UI",
    "IMPORT_FORMATS",
    "UNFOLD",
]

UNFOLD = {
    "SITE_TITLE": _("Member back office"),
    "SITE_HEADER": _("Member back office"),
    "SITE_SYMBOL": "loyalty",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("consoles/mark.svg")}],
    "SITE_URL": None,
    "SITE_DROPDOWN": "backoffice.consoles.navigation.console_choice",
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_BACK_BUTTON": True,
    "SHOW_LANGUAGES": True,
    "LANGUAGES": {"action": "backoffice.consoles.language.action_url"},
    "DASHBOARD_CALLBACK": "backoffice.consoles.dashboards.dashboard",
    "STYLES": [lambda request: static("consoles/consoles.css")],
    "SCRIPTS": [lambda request: static("consoles/consoles.js")],
    "SIDEBAR": {"show_search": False, "show_all_applications": False, "navigation": "backoffice.consoles.navigation.sidebar"},
    "COMMAND": {"search_models": False},  # would search every model of every store
    "COLORS": {
        "primary": {
            "50": "oklch(97% .014 254.604)",
            "100": "oklch(93.2% .032 255.585)",
            "200": "oklch(88.2% .059 254.128)",
            "300": "oklch(80.9% .105 251.813)",
            "400": "oklch(70.7% .165 254.624)",
            "500": "oklch(62.3% .214 259.815)",
            "600": "oklch(54.6% .245 262.881)",
            "700": "oklch(48.8% .243 264.376)",
            "800": "oklch(42.4% .199 265.638)",
            "900": "oklch(37.9% .146 265.522)",
            "950": "oklch(28.2% .091 267.935)",
        }
    },
}

# Figures of a dashboard are kept so long per set of stores; each says "as of".
DASHBOARD_KEEP_SECONDS = 60

# Both rights are open to any staff user unless they are named.
IMPORT_EXPORT_IMPORT_PERMISSION_CODE = "import"
IMPORT_EXPORT_EXPORT_PERMISSION_CODE = "export"
IMPORT_EXPORT_SKIP_ADMIN_ACTION_EXPORT_UI = False
IMPORT_FORMATS = [CSV, XLSX]
EXPORT_FORMATS = [CSV, XLSX]
