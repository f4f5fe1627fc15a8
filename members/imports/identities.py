"""Two columns by which a file names a person without a member number: the kind of an identity and its value."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from backoffice.kernel.files.columns import Code, ColumnError
from backoffice.kernel.files.columns.characters import ascii_lower
from backoffice.kernel.files.kinds import Column, Parts, PartsMaker
from backoffice.kernel.files.problems import problems, register_problem
from backoffice.kernel.secrets import lookup_hash
from members.models import IdentityKind
from members.selectors.people import LONGEST_VALUE, IdentityRefused, mask_identity, normalise_identity

for _code, _sentence in {
    "unknown_identity_kind": _("There is no such identity kind. Take a code such as phone, openid or unionid."),
    "identity_incomplete": _("Identity kind and identity value belong together. Fill in both."),
    "identity_invalid": _("This value cannot be an identity of this kind. Check it."),
}.items():
    if _code not in problems:
        register_problem(_code, _sentence)

_VALUE = Code(LONGEST_VALUE)


def identity_kind_column(help_text: Any) -> Column:
    """The code or the name of a kind. It is read together with the value."""
    return Column("identity_kind", "标识类型", Code(64), example="phone", help=help_text)


def identity_value_column(example: str) -> Column:
    """The value, which never reaches the database: ``identity_code``, ``identity_hash``, ``identity_masked`` and what is wrong do."""
    return Column(
        "identity_value",
        "标识值",
        _VALUE,
        example=example,
        masked=True,
        parts=Parts(
            (("identity_code", "text"), ("identity_hash", "bytea"), ("identity_masked", "text"), ("identity_problem", "text")),
            _prepare_identities,
            beside=("identity_kind",),
        ),
    )


def _prepare_identities() -> PartsMaker:
    """For a value and the kind beside it: (code of the kind, keyed hash, masked form, what is wrong). The value itself goes no further."""
    codes = {ascii_lower(word): kind.code for kind in IdentityKind.objects.all() for word in (kind.code, kind.name, kind.name_zh)}

    def make(value: str, kind: str) -> tuple[str, ...] | None:
        try:
            code = codes.get(ascii_lower(Code(64).clean(kind) or ""))
            text = _VALUE.clean(value)
        except ColumnError:
            return None
        if text is None:
            return None
        if code is None:
            return "", "\\x", "", "unknown_identity_kind" if kind.strip() else "identity_incomplete"
        try:
            known_as = normalise_identity(code, text)
        except IdentityRefused:
            return code, "\\x", "", "not_phone" if code == "phone" else "identity_invalid"
        return code, "\\x" + lookup_hash(code, known_as).hex(), mask_identity(code, known_as), ""

    return make
