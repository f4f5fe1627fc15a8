"""What the export button of the stores list hands out. Secrets never leave."""

from __future__ import annotations

from backoffice.kernel.files.resources import KindResource


class StoreResource(KindResource):
    kind_code = "stores"
    paths = {
        "merchant": "merchant__code",
        "merchant_name": "merchant__name",
        "store": "code",
        "name": "name",
        "category": "category",
        "gateway_url": "gateway_url",
    }
