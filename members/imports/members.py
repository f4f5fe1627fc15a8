"""Members from files: found by store and member number, their person by phone across stores. A blank cell changes nothing."""

from __future__ import annotations

from typing import Any

from django.db import connection
from django.utils.translation import gettext_lazy as _

from backoffice.kernel.bulk_secrets import prepare_encrypt, prepare_lookup_hash
from backoffice.kernel.files.columns import Code, ColumnError, FreeText, LocalDay, LocalMoment, Phone, Tags, WholeNumber, YesNo
from backoffice.kernel.files.faults import Overtaken
from backoffice.kernel.files.kinds import Column, ImportKind, Parts, PartsMaker, When, register
from backoffice.kernel.files.problems import register_problem
from backoffice.kernel.secrets import mask_phone
from backoffice.kernel.sql import load_sql

for _code, _sentence in {
    "unknown_level": _("The store has no level of this name. Create the level first, or check the name."),
    "phone_twice": _("The file gives this phone to several members of the store. Keep it on one of them."),
    "phone_taken": _("Another member of this store has this phone. Check phone and member number."),
    "phone_of_another_person": _("This phone stands for another person. Staff must look at both."),
    "person_already_member": _("The person with this phone is a member of this store under another number. Staff must look at both."),
    "account_closed": _("This member's account is closed. A file does not change or reopen it."),
    "consent_kept": _("Members who declined marketing: the file says yes, their wish was kept."),
}.items():
    register_problem(_code, _sentence)

_PHONE = Phone()
_SECOND_DIGITS = frozenset("3456789")


def _prepare_phone() -> PartsMaker:
    """Phone -> keyed hash, ciphertext, masked form. Runs once a row: eleven right digits take the short way."""
    lookup_hash = prepare_lookup_hash("phone")
    encrypt = prepare_encrypt()

    def make(text: str) -> tuple[str, ...] | None:
        if not (len(text) == 11 and text[0] == "1" and text[1] in _SECOND_DIGITS and text.isascii() and text.isdecimal()):
            try:
                phone = _PHONE.clean(text)
            except ColumnError:
                return None
            if phone is None:
                return None
            text = str(phone)
        return f"\\x{lookup_hash(text)}", f"\\x{encrypt(text)}", mask_phone(text)

    return make


def _sql(name: str) -> str:
    return load_sql("members", f"import_members_{name}")


_CHANGED = "SELECT FROM import_rows WHERE action = 'update' AND phone_changed"


def _lock_changed_phones(params: dict[str, Any]) -> None:
    """Lock the members whose phone changes, in order; raise ``Overtaken`` when somebody else changed one since it was compared."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT EXISTS ({_CHANGED})")
        if not cursor.fetchone()[0]:
            return
        cursor.execute(_sql("lock"), params)
        if any(overtaken for _, overtaken in cursor.fetchall()):
            raise Overtaken


MEMBERS = register(
    ImportKind(
        code="members",
        name=_("Members"),
        permission="members.import_member",
        columns=(
            Column("member_no", "会员编号", Code(64), required=True, aliases=("会员号", "会员卡号", "卡号"), example="M0001", help=_("Unique in the store.")),
            Column("nickname", "昵称", FreeText(100), aliases=("会员昵称", "姓名", "name"), example="小林"),
            Column(
                "phone", "手机号", _PHONE, aliases=("手机", "手机号码", "联系电话", "电话", "mobile"), example="13800138000", masked=True,
                parts=Parts((("phone_hash", "bytea"), ("phone_encrypted", "bytea"), ("phone_masked", "text")), _prepare_phone),
                help=_("Mainland mobile number. Stored encrypted."),
            ),
            Column(
                "joined_at", "入会时间", LocalMoment(), aliases=("入会日期", "注册时间"), example="2026-01-05 10:30",
                help=_("Empty for a new member: now."),
            ),
            Column("birthday", "生日", LocalDay(), aliases=("出生日期",), example="1990-05-01"),
            Column("level", "等级", FreeText(64), aliases=("会员等级",), example="金卡", help=_("Name of a level of the store.")),
            Column("growth", "成长值", WholeNumber(), example="1200"),
            Column("tags", "标签", Tags(), example="老客;爱喝咖啡", help=_("Several with ; between. Tags are added, none is taken away.")),
            Column("channel", "入会渠道", FreeText(64), aliases=("渠道", "来源"), example="门店"),
            Column(
                "marketing_consent", "营销同意", YesNo(), aliases=("同意营销", "接收营销"), example="1",
                help=_("0 is kept as declined. 1 never overrides a recorded wish. Empty: unchanged; for a new member the store's default."),
            ),
        ),
        key=("member_no",),
        checks=tuple(_sql(f"check_{name}") for name in ("level", "phone_twice", "phone_taken", "closed")),
        classify=(
            _sql("classify_1"), _sql("classify_2"), _sql("classify_3"),
            When("SELECT FROM import_shared_phone", _sql("classify_4")),
            When("SELECT FROM import_rows WHERE member_id IS NULL AND NOT person_is_new", _sql("classify_5")),
            When("SELECT FROM import_rows WHERE conflict_code IS NOT NULL", _sql("classify_6")),
            _sql("classify_7"),
            When("SELECT FROM import_tag WHERE NOT is_there", _sql("classify_8")),
        ),
        conflicts="SELECT line, 'phone' AS column_name, conflict_code FROM import_rows WHERE action = 'conflict'",
        notes="SELECT 'consent_kept', count(*) FROM import_rows WHERE consent_kept AND action <> 'conflict'",
        apply=(
            _lock_changed_phones, _sql("apply_1"), _sql("apply_2"), _sql("apply_3"),
            When("SELECT FROM import_rows WHERE action = 'update'", _sql("apply_4")),
            When(f"{_CHANGED} AND old_phone_hash IS NOT NULL", _sql("apply_5")),
            When(_CHANGED, _sql("apply_6")),
            When("SELECT FROM import_rows WHERE action = 'conflict'", _sql("apply_7")),
            When("SELECT FROM import_tag WHERE NOT is_there", _sql("apply_8")),
            When("SELECT FROM import_tag WHERE NOT is_there", _sql("apply_9")),
        ),
        tables=("members_member", "members_identity", "members_person"),
        order=20,
        about=_("Who joined the store: member number, phone, level, tags, consent. New ones are added, known ones are brought up to date."),
        shown_in="members.Member",
        unmasked_permission="members.reveal_phone",
        audited={"phone_of_another_person": "import.phone_conflicts_met"},
    )
)  # fmt: skip
