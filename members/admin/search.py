"""How this app's lists are searched. The page says which way was taken."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from backoffice.kernel.admin import SearchShape
from backoffice.kernel.tenancy.models import Store
from members.models import Member
from members.selectors.members import having, is_number_like, is_whole_phone, list_members_like, nickname_from, number_from, phone_is

WHOLE_PHONE = _("the whole phone number")
NUMBER_FROM = _("the beginning of the member number")
NICKNAME_FROM = _("the beginning of the nickname")
MEMBER_HELP = _("Member number, whole phone or nickname")


def _having(condition: Callable[[str], Q]) -> Callable[[QuerySet[Member], str], QuerySet[Member]]:
    return lambda members, term: having(members, condition(term))


MEMBER_SHAPES = (
    SearchShape(WHOLE_PHONE, is_whole_phone, _having(phone_is)),
    SearchShape(NUMBER_FROM, is_number_like, _having(number_from)),
    SearchShape(NICKNAME_FROM, bool, _having(nickname_from)),
)


def _of_members(path: str) -> Any:
    """Rows whose member is found by the shape of the term."""

    def apply(rows: QuerySet[Any], term: str) -> QuerySet[Any]:
        return rows.filter(**{f"{path}__in": list_members_like(term).values("pk")})

    return apply


def shapes_by_member(path: str) -> tuple[SearchShape, ...]:
    """The members' shapes for rows that lead to a member by ``path``."""
    apply = _of_members(path)
    return (SearchShape(WHOLE_PHONE, is_whole_phone, apply), SearchShape(NUMBER_FROM, is_number_like, apply), SearchShape(NICKNAME_FROM, bool, apply))


def _exactly(field: str) -> Any:
    def apply(rows: QuerySet[Any], term: str) -> QuerySet[Any]:
        return rows.filter(**{"store__in": Store.objects.all(), field: term})

    return apply


ORDER_SHAPES = (
    SearchShape(WHOLE_PHONE, is_whole_phone, _of_members("member")),
    SearchShape(_("the whole order number"), is_number_like, _exactly("order_no")),
    SearchShape(NICKNAME_FROM, bool, _of_members("member")),
)
LOT_SHAPES = (
    SearchShape(WHOLE_PHONE, is_whole_phone, _of_members("account__member")),
    SearchShape(_("the whole top-up number"), is_number_like, _exactly("source_no")),
    SearchShape(NICKNAME_FROM, bool, _of_members("account__member")),
)
HOLD_SHAPES = (
    SearchShape(WHOLE_PHONE, is_whole_phone, _of_members("account__member")),
    SearchShape(_("the whole order number"), is_number_like, _exactly("order_no")),
    SearchShape(NICKNAME_FROM, bool, _of_members("account__member")),
)


def _events_of_members(rows: QuerySet[Any], term: str) -> QuerySet[Any]:
    """Events of the members found: their index is by person, and only the found member's own stay."""
    members = list_members_like(term)
    return rows.filter(person__in=members.values("person"), member__in=members.values("pk"))


EVENT_SHAPES = (
    SearchShape(WHOLE_PHONE, is_whole_phone, _events_of_members),
    SearchShape(_("the whole event number"), is_number_like, _exactly("event_id")),
    SearchShape(NICKNAME_FROM, bool, _events_of_members),
)
