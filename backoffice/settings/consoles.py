"""Theme, and import and export buttons, of the three consoles. What a console shows is in `backoffice/consoles/`."""

from import_export.formats.base_formats import CSV, XLSX

__all__ = [
    "EXPORT_FORMATS",
    "IMPORT_EXPORT_EXPORT_PERMISSION_CODE",
    "IMPORT_EXPORT_IMPORT_PERMISSION_CODE",
    "IMPORT_EXPORT_SKIP_ADMIN_ACTION_EXPORT_UI",
    "IMPORT_FORMATS",
    "UNFOLD",
]

UNFOLD = {
    "SITE_TITLE": "Back office",
    "SITE_HEADER": "Back office",
    "COMMAND": {"search_models": False},  # would search every model of every store
}

# Both rights are open to any staff user unless they are named.
IMPORT_EXPORT_IMPORT_PERMISSION_CODE = "import"
IMPORT_EXPORT_EXPORT_PERMISSION_CODE = "export"
IMPORT_EXPORT_SKIP_ADMIN_ACTION_EXPORT_UI = False
IMPORT_FORMATS = [CSV, XLSX]
EXPORT_FORMATS = [CSV, XLSX]
