"""Base classes and building blocks of the consoles' screens.

``PlatformModelAdmin``, ``MerchantModelAdmin`` and ``DeveloperModelAdmin`` show only rows in reach of the user's seats, on every surface.
How to add a screen: ``docs/access.md``.
"""

from backoffice.kernel.admin.actions import ReasonForm, tenant_action, tenant_bulk_action
from backoffice.kernel.admin.base import ConsoleStackedInline, ConsoleTabularInline, DeveloperModelAdmin, MerchantModelAdmin, PlatformModelAdmin, adopt, person
from backoffice.kernel.admin.filters import ScopedRelatedFilter
from backoffice.kernel.admin.search import SearchShape, any_term

__all__ = [
    "ConsoleStackedInline",
    "ConsoleTabularInline",
    "DeveloperModelAdmin",
    "MerchantModelAdmin",
    "PlatformModelAdmin",
    "ReasonForm",
    "ScopedRelatedFilter",
    "SearchShape",
    "adopt",
    "any_term",
    "person",
    "tenant_action",
    "tenant_bulk_action",
]
