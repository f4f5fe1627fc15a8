"""Imports in the platform console: of all merchants, and the stores file."""

from backoffice.kernel.admin import PlatformModelAdmin
from backoffice.kernel.files.admin.job_list import ImportJobList
from backoffice.kernel.files.admin.screens import ImportScreens
from backoffice.kernel.files.models import ImportJob
from backoffice.kernel.sites import platform_site


class PlatformImportJobAdmin(ImportScreens, ImportJobList, PlatformModelAdmin):
    """All imports."""


platform_site.register(ImportJob, PlatformImportJobAdmin)
