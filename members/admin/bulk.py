"""What the export buttons of the lists hand out: the columns of the import kinds, so that a file can go out, be edited, and come back."""

from __future__ import annotations

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Case, F, OuterRef, When

from backoffice.kernel.files.resources import KindResource
from members.choices import ConsentSource
from members.models import MemberTag


class MemberResource(KindResource):
    kind_code = "members"
    masked = frozenset({"phone"})
    paths = {
        "store": "store__code",
        "member_no": "member_no",
        "nickname": "nickname",
        "phone": "phone_masked",
        "joined_at": "joined_at",
        "birthday": "birthday",
        "level": "level__name",
        "growth": "growth",
        "tags": ArraySubquery(MemberTag.objects.filter(member=OuterRef("pk")).order_by("tag__name").values("tag__name")),
        "channel": "join_channel",
        # Blank where only the store's default speaks: the file would come back as a wish that nobody said.
        "marketing_consent": Case(When(consent_source=ConsentSource.STORE_DEFAULT, then=None), default=F("marketing_consent")),
    }


class CreditResource(KindResource):
    kind_code = "credit"
    paths = {
        "store": "store__code",
        "member_no": "account__member__member_no",
        "source_no": "source_no",
        "principal_amount": "principal_amount",
        "bonus_amount": "bonus_amount",
        "opened_at": "opened_at",
        "expires_at": "expires_at",
    }


class OrderResource(KindResource):
    kind_code = "orders"
    paths = {
        "store": "store__code",
        "order_no": "order_no",
        "line_no": "line_no",
        "member_no": "member__member_no",
        "paid_at": "paid_at",
        "amount": "amount",
        "credit_used": "credit_used",
        "refunded_amount": "refunded_amount",
        "refunded_at": "refunded_at",
    }
