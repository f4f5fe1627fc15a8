"""Imports in the merchant console: of the own stores, and the own ones whose rows name the store."""

from backoffice.kernel.admin import MerchantModelAdmin
from backoffice.kernel.files.admin.job_list import ImportJobList
from backoffice.kernel.files.admin.screens import ImportScreens
from backoffice.kernel.files.models import ImportJob
from backoffice.kernel.sites import merchant_site


class MerchantImportJobAdmin(ImportScreens, ImportJobList, MerchantModelAdmin):
    """Imports of the user's stores."""


merchant_site.register(ImportJob, MerchantImportJobAdmin)
