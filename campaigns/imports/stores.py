"""Merchants, their tiers and their stores from a file of the platform's staff, with each store's gateway and reminder switch."""

from __future__ import annotations

from datetime import time
from typing import Any

from django.db import connection
from django.utils.translation import gettext_lazy as _

from backoffice.kernel.files.columns import STORE_CODE, Choice, ClockTime, Code, ColumnError, FreeText, Url, YesNo
from backoffice.kernel.files.kinds import Column, ImportKind, Parts, PartsMaker, register
from backoffice.kernel.files.problems import register_problem
from backoffice.kernel.outbound import AddressRefused, check_form
from backoffice.kernel.secrets import encrypt
from backoffice.kernel.sql import load_sql
from backoffice.kernel.tenancy.choices import MerchantTierCode
from backoffice.kernel.tenancy.models import Store, User
from campaigns.models import ReminderSetting
from campaigns.services.settings import set_reminder
from members.services.levels import create_default_levels

for _code, _sentence in {
    "merchant_contradicts": _("Rows of one merchant name it differently or give it different tiers. Make them equal."),
    "store_of_other_merchant": _("This store belongs to another merchant. A file never moves a store; check both codes."),
    "gateway_refused": _("Messages may not be sent to this address. Use https:// with a public host name and port 443 or 8443."),
    "reminders_of_barred_merchant": _("This merchant is barred from new member features after a proven complaint: reminders stay as they are."),
    "reminders_of_closed_store": _("The store is closed. Reminders can be switched on for an open store only."),
}.items():
    register_problem(_code, _sentence)

_URL = Url(500)
_SECRET = FreeText(200)
_DEFAULT_TIME: time = ReminderSetting._meta.get_field("send_time").default
TIERS = Choice(
    {code: code for code in MerchantTierCode.values}
    | {"优质商家": MerchantTierCode.PREMIUM.value, "潜力商家": MerchantTierCode.POTENTIAL.value, "普通商家": MerchantTierCode.STANDARD.value}
)


def _prepare_urls() -> PartsMaker:
    """For an address: (the address, what is wrong with where it leads). It is checked again, with its name looked up, at every use."""

    def make(cell: str) -> tuple[str, ...] | None:
        try:
            url = _URL.clean(cell)
        except ColumnError:
            return None
        if url is None:
            return "", ""
        try:
            check_form(url)
        except AddressRefused:
            return "", "gateway_refused"
        return url, ""

    return make


def _prepare_secrets() -> PartsMaker:
    """For a secret and the store beside it: (ciphertext, whether it is another one than the store has). Ciphertexts cannot be compared."""
    known = dict(Store.objects.exclude(gateway_secret=None).values_list("code", "gateway_secret"))

    def make(cell: str, store: str) -> tuple[str, ...] | None:
        try:
            secret = _SECRET.clean(cell)
            code = STORE_CODE.clean(store)
        except ColumnError:
            return None
        if secret is None:
            return None
        return "\\x" + encrypt(secret).hex(), "f" if known.get(code) == secret else "t"

    return make


def _finish_stores(params: dict[str, Any]) -> None:
    """New stores get the classic ladder of levels; reminder switches go through their service, which also stops what is under way."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT s.id, r.action = 'create', r.reminders, r.reminder_time FROM import_rows r JOIN tenancy_store s ON s.code = r.store "
            "WHERE r.action = 'create' OR r.action = 'update' AND r.reminder_changes ORDER BY s.id"
        )
        rows = cursor.fetchall()
    create_default_levels([store_id for store_id, is_new, _on, _at in rows if is_new])
    stores = Store.objects.in_bulk([row[0] for row in rows])
    settings = {setting.store_id: setting for setting in ReminderSetting.objects.filter(store__in=stores)}
    by = User.objects.filter(pk=params["by"]).first() if params["by"] else None
    for store_id, _is_new, on, at in rows:
        if on is None and at is None:
            continue
        known = settings.get(store_id)
        set_reminder(
            store=stores[store_id],
            enabled=on if on is not None else bool(known and known.enabled),
            send_time=at or (known.send_time if known else _DEFAULT_TIME),
            by=by,
            now=params["now"],
        )


STORES = register(
    ImportKind(
        code="stores",
        name=_("Stores"),
        permission="tenancy.import_store",
        columns=(
            Column("merchant", "商家编码", Code(64), required=True, aliases=("商家代码",), example="YUNSHANG"),
            Column("merchant_name", "商家名称", FreeText(200), example="云上唱片", help=_("Empty: as it is; of a new merchant its code.")),
            Column("tier", "会员运营等级", TIERS, example="PREMIUM", help=_("PREMIUM, POTENTIAL or STANDARD. Another tier holds from today.")),
            Column("store", "店铺编码", STORE_CODE, required=True, aliases=("店铺代码", "店铺编号"), example="YS01"),
            Column("name", "店铺名称", FreeText(200), required=True, example="云上唱片旗舰店"),
            Column("category", "类目", FreeText(100), example="音像"),
            Column(
                "gateway_url",
                "通道地址",
                _URL,
                example="https://gateway.example.com/messages",
                help=_("Where this store's messages are sent."),
                parts=Parts((("gateway_url", "text"), ("gateway_problem", "text")), _prepare_urls),
            ),
            Column(
                "gateway_secret",
                "通道密钥",
                _SECRET,
                help=_("Signs what is sent. Empty: as it is."),
                masked=True,
                parts=Parts((("gateway_secret", "bytea"), ("secret_changes", "boolean")), _prepare_secrets, beside=("store",)),
            ),
            Column("reminders", "开启提醒", YesNo(), example="1", help=_("1 or 0. Empty: as it is.")),
            Column("reminder_time", "提醒时间", ClockTime(), example="10:00", help=_("HH:MM. Empty: as it is.")),
        ),
        key=("store",),
        has_store=False,
        platform_only=True,
        checks=(load_sql("campaigns", "import_stores_checks"),),
        classify=(load_sql("campaigns", "import_stores_classify"),),
        conflicts="SELECT line, 'merchant' AS column_name, 'store_of_other_merchant' AS code FROM import_rows WHERE action = 'conflict'",
        apply=(*(load_sql("campaigns", f"import_stores_apply_{step}") for step in range(1, 8)), _finish_stores),
        order=10,
        about=_("Merchants with their tiers, and their stores with message gateway and reminder switch."),
        shown_in="tenancy.Store",
        unmasked_permission="members.reveal_phone",
    )
)
