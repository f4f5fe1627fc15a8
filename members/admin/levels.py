"""The ladder of levels, and tags."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.db import models
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.kernel.admin import tenant_action
from backoffice.kernel.admin.display import EMPTY, count
from backoffice.kernel.clock import database_now
from members.admin.acting import acting_user
from members.admin.words import unbroken
from members.models import Level, Member, MemberTag, Tag
from members.services import levels as level_services


def _is_empty(level: Any) -> bool:
    return not Member.objects.filter(store_id=level.store_id, level_id=level.pk).exists()


class LevelScreen:
    """Levels of the stores in reach, in the order of the ladder. Names, thresholds and perks can be changed."""

    list_display: tuple[str, ...] = ("name", "store_name", "threshold_column", "perks_column")
    list_filter: tuple[str, ...] = ("store",)
    list_select_related = ("store",)
    search_fields = ("name",)
    search_help_text = gettext_lazy("Level name")
    ordering = ("store_id", "threshold")
    fields = ("store", "name", "threshold", "perks")
    add_fields: Sequence[str] = ("store", "name", "threshold", "perks")
    editable_fields: Sequence[str] = ("name", "threshold", "perks")
    actions_detail = ("delete_level",)
    empty_text = gettext_lazy("No levels yet. A store gets the classic ladder of five with its first import; or add a level.")
    admin_site: Any

    @admin.display(description=gettext_lazy("Store"))
    def store_name(self, level: Level) -> str:
        return unbroken(level.store.name)

    @admin.display(description=gettext_lazy("Growth needed"))
    def threshold_column(self, level: Level) -> str:
        return count(level.threshold)

    @admin.display(description=gettext_lazy("Perks"))
    def perks_column(self, level: Level) -> str:
        return level.perks or EMPTY

    def save_model(self, request: HttpRequest, obj: Level, form: Any, change: bool) -> None:
        given = form.cleaned_data
        level_services.save_level(
            level=obj, name=given["name"], threshold=given["threshold"], perks=given["perks"], by=acting_user(request), now=database_now()
        )

    @tenant_action(
        permission="members.delete_level",
        title=gettext_lazy("Delete level"),
        icon="delete",
        danger=True,
        description=gettext_lazy("The level leaves the ladder for good. That works only while no member is on it."),
        available=_is_empty,
    )
    def delete_level(self, request: HttpRequest, level: Level, form: Any) -> HttpResponse:
        from django.contrib import messages

        level_services.delete_level(level=level, by=acting_user(request), now=database_now())
        messages.success(request, _("The level “%(name)s” is deleted.") % {"name": level.name})
        return HttpResponseRedirect(reverse(f"{self.admin_site.name}:members_level_changelist"))


class CountedLevelScreen(LevelScreen):
    """With the number of members on each level, where the stores are few: counting reads a store's members."""

    list_display = ("name", "store_name", "threshold_column", "member_count", "perks_column")

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Level]:
        members = Member.objects.filter(store_id=models.OuterRef("store_id"), level_id=models.OuterRef("pk")).order_by().values("level_id")
        counted = members.annotate(number=models.Count("pk")).values("number")
        rows: models.QuerySet[Level] = super().get_queryset(request)  # type: ignore[misc]
        return rows.annotate(number_of_members=models.functions.Coalesce(models.Subquery(counted), 0))

    @admin.display(description=gettext_lazy("Members"))
    def member_count(self, level: Any) -> str:
        return count(level.number_of_members)


class TagScreen:
    """Tags in use. They come with the members file."""

    list_display: tuple[str, ...] = ("name", "store_name", "member_count")
    list_filter: tuple[str, ...] = ("store",)
    list_select_related = ("store",)
    search_fields = ("name",)
    search_help_text = gettext_lazy("Tag")
    ordering = ("store_id", "name")
    fields = ("store", "name")
    empty_text = gettext_lazy("No tags yet. They come with the members file, column “tags”.")

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Tag]:
        counted = MemberTag.objects.filter(tag_id=models.OuterRef("pk")).order_by().values("tag_id").annotate(number=models.Count("pk")).values("number")
        rows: models.QuerySet[Tag] = super().get_queryset(request)  # type: ignore[misc]
        return rows.annotate(number_of_members=models.functions.Coalesce(models.Subquery(counted), 0))

    @admin.display(description=gettext_lazy("Store"))
    def store_name(self, tag: Tag) -> str:
        return unbroken(tag.store.name)

    @admin.display(description=gettext_lazy("Members"))
    def member_count(self, tag: Any) -> str:
        return count(tag.number_of_members)
