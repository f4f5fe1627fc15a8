"""Which merchants are barred from new member features."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from backoffice.kernel.errors import BusinessError
from backoffice.kernel.tenancy.models import Merchant, MerchantBar


class MerchantBarred(BusinessError):
    """The merchant lost member features by a sanction; nothing was changed."""

    code = "merchant_barred"


def get_bar_of_merchant(merchant_id: int) -> MerchantBar | None:
    return MerchantBar.objects.filter(merchant_id=merchant_id, ended_at=None).first()


def get_bar_of_store(store_id: int) -> MerchantBar | None:
    """The bar of the store's merchant: it covers all its stores, those that come later too."""
    return MerchantBar.objects.filter(merchant__stores=store_id, ended_at=None).first()


def not_barred(path: str = "") -> models.Q:
    """Rows whose merchant is not barred; ``path`` leads from the model to the merchant, e.g. ``store__merchant``."""
    barred = MerchantBar.objects.filter(ended_at=None).values("merchant_id")
    return ~models.Q(**{f"{path or 'pk'}{'_id' if path else ''}__in": barred})


def require_no_bar(store_id: int) -> None:
    """Refuse what a barred merchant may not begin. Inside the transaction that begins it: a sanction waits for it, or it waits for the sanction.

    The merchant's row is locked in share mode, which ``services.bars`` locks for update first. Raises ``MerchantBarred``.
    """
    merchant_ids = list(Merchant.objects.filter(stores=store_id).values_list("pk", flat=True))
    require_no_bar_of_merchant(*merchant_ids)


def require_no_bar_of_merchant(merchant_id: int) -> None:
    """As ``require_no_bar``, for a merchant."""
    list(Merchant.objects.raw("SELECT id FROM tenancy_merchant WHERE id = %s FOR SHARE", [merchant_id]))
    if get_bar_of_merchant(merchant_id) is not None:
        raise MerchantBarred(
            _("This merchant is barred from new member features after a proven complaint. Existing ones go on; an appeal is open to the owner."),
        )
