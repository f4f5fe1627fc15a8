"""The part of the HTTP API about paid membership. ``router`` is put together here."""

from ninja import Router

from members.paid.api.complaints import router as complaints_router

router = Router()
for part in (complaints_router,):
    router.add_router("", part)
