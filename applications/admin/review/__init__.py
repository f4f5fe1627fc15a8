"""The reviewers' desk on the platform's console: queue, review page, held decisions, bulk refusal, appeals."""

from backoffice.kernel.registry import import_submodules

import_submodules("applications.admin.review")
