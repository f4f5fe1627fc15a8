"""Platform console: who comes in, reviews, the desk of promises, complaints, sanctions, figures of all stores."""

from backoffice.kernel.registry import import_submodules

import_submodules("members.paid.admin.platform")
