"""Screens of capability applications. Each package registers its own on its console."""

from backoffice.kernel.registry import import_submodules

import_submodules("applications.admin")
