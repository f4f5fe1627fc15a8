"""Platform console: the opening table, its rows and columns, developers, grants, figures, numbers."""

from backoffice.kernel.registry import import_submodules

import_submodules("applications.admin.platform")
