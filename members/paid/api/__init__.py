"""The part of the HTTP API about paid membership. ``router`` is put together here."""

from ninja import Router

from members.paid.api.complaints import router as complaints_router
from members.paid.api.entry_points import router as entry_points_router
from members.paid.api.issues import router as issues_router
from members.paid.api.memberships import router as memberships_router

router = Router()
for part in (entry_points_router, memberships_router, issues_router, complaints_router):
    router.add_router("", part)
