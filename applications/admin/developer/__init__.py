"""Developer console: own apps, applications from "would this pass?" to the appeal, grants, standing, notices."""

from backoffice.kernel.registry import import_submodules

import_submodules("applications.admin.developer")
