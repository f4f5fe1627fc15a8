"""The part of the HTTP API about members, their credit, payments and events. ``router`` is put together here."""

from ninja import Router

from members.api.credit import router as credit
from members.api.events import router as events
from members.api.holds import router as holds
from members.api.members import router as members
from members.api.payments import router as payments
from members.api.payouts import router as payouts

router = Router()
for part in (members, credit, holds, payments, payouts, events):
    router.add_router("", part)
