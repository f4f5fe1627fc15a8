"""The part of the HTTP API about members, their credit, payments and events. ``router`` is put together here."""

from ninja import Router

from members.api.credit import router as credit_router
from members.api.events import router as events_router
from members.api.holds import router as holds_router
from members.api.members import router as members_router
from members.api.payments import router as payments_router
from members.api.payouts import router as payouts_router
from members.api.push_accounts import router as push_accounts_router

router = Router()
for part in (members_router, credit_router, holds_router, payments_router, payouts_router, events_router, push_accounts_router):
    router.add_router("", part)
