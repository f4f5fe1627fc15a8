"""The opening table: versions, the matrix of one, editing a draft, what it would change, publishing by a second person."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import models, transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from applications.admin.parts import POLICY_TONES, FactsDialog
from applications.admin.platform.matrix import compared_with, diff_page, flip_sentence, matrix_page, openness_label
from applications.choices import Openness, PolicyStatus
from applications.models import Capability, Category, PolicyVersion
from applications.selectors.policies import get_policy_in_force, list_cell_changes, list_flips, table_of
from applications.services.policies import EDIT_POLICY, PUBLISH_POLICY, draft_policy, publish_policy, set_cell
from backoffice.kernel.admin import PlatformModelAdmin, person, tenant_action
from backoffice.kernel.admin.display import BUSY, chip, count, moment, status_chip
from backoffice.kernel.clock import database_now
from backoffice.kernel.errors import BusinessError, StateConflict
from backoffice.kernel.sites import platform_site
from backoffice.kernel.tenancy.models import User

CELL_NAME = re.compile(r"cell-([0-9]{1,17})-([0-9]{1,17})")


class DraftDialog(FactsDialog):
    """From which version, and what for."""

    based_on = forms.ModelChoiceField(
        queryset=PolicyVersion.objects.none(),
        required=False,
        label=gettext_lazy("Begin with the cells of"),
        empty_label=gettext_lazy("An empty table"),
        widget=UnfoldAdminSelectWidget(),
    )
    note = forms.CharField(label=gettext_lazy("What it is for"), max_length=500, required=False, widget=UnfoldAdminTextInputWidget())

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        based_on: Any = self.fields["based_on"]
        based_on.queryset = PolicyVersion.objects.order_by("-number")
        based_on.initial = get_policy_in_force()

    def sentence(self) -> str:
        return _("A draft changes nothing. Another person than those who edit it puts it in force.")


class PublishDialog(FactsDialog):
    """What publishing turns round, counted at this moment."""

    def facts(self) -> list[tuple[Any, Any]]:
        before = get_policy_in_force()
        self.flips, changes = list_flips(before, self.obj), len(list_cell_changes(before, self.obj))
        return [
            (_("Draft"), self.obj),
            (_("Retires"), before or _("nothing: there is no table in force")),
            (_("Cells that change"), f"{changes:,}"),
            (_("Turned round"), flip_sentence(self.flips)),
            (_("Edited by"), ", ".join(str(user) for user in User.objects.filter(pk__in=self.obj.editor_ids))),
        ]

    def alert(self) -> str:
        if self.request.user.pk in self.obj.editor_ids:
            return _("You edited this draft. Another person has to publish it.")
        return ""

    def sentence(self) -> str:
        return _("From this moment applications are judged by it. A published table is never changed again; the next change is a new draft.")


@admin.register(PolicyVersion, site=platform_site)
class PolicyVersionAdmin(PlatformModelAdmin):
    """Versions, newest first. The page of one is its matrix."""

    list_display = ("version", "status_column", "note_column", "cells_column", "drafted", "published")
    list_display_links = ("version",)
    list_filter = ("status",)
    list_select_related = ("created_by", "published_by", "based_on")
    ordering = ("-number",)
    fields = ("number",)
    change_form_template = "applications/platform/opening_table.html"
    actions_list = ("new_draft",)
    actions_detail = ("publish",)
    empty_text = gettext_lazy("There is no opening table, so that everything is closed. Add categories and capabilities, then make a draft.")

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[PolicyVersion]:
        rows: models.QuerySet[PolicyVersion] = super().get_queryset(request)
        return rows.annotate(cell_count=models.Count("cells"))

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        own = [
            path("<path:object_id>/cells/", view(self.cells_view), name="applications_policyversion_cells"),
            path("<path:object_id>/diff/", view(self.diff_view), name="applications_policyversion_diff"),
        ]
        return [*own, *super().get_urls()]

    @admin.display(description=gettext_lazy("Version"))
    def version(self, policy: PolicyVersion) -> str:
        return str(policy)

    @admin.display(description=gettext_lazy("Status"))
    def status_column(self, policy: PolicyVersion) -> str:
        return status_chip(policy, POLICY_TONES)

    @admin.display(description=gettext_lazy("Note"))
    def note_column(self, policy: PolicyVersion) -> str:
        return policy.note

    @admin.display(description=gettext_lazy("Cells"))
    def cells_column(self, policy: Any) -> str:
        return count(policy.cell_count)

    @admin.display(description=gettext_lazy("Drafted"))
    def drafted(self, policy: PolicyVersion) -> str:
        return moment(policy.created_at)

    @admin.display(description=gettext_lazy("Published"))
    def published(self, policy: PolicyVersion) -> str:
        return moment(policy.published_at)

    @tenant_action(permission=EDIT_POLICY, title=gettext_lazy("New draft"), submit=gettext_lazy("Make the draft"), form=DraftDialog, icon="add", on_list=True)
    def new_draft(self, request: HttpRequest, form: Any) -> HttpResponse:
        based_on = form.cleaned_data["based_on"]
        draft = draft_policy(by=person(request), now=database_now(), based_on=based_on, note=form.cleaned_data["note"])
        messages.success(request, _("Draft %(version)s is made. Edit its cells below.") % {"version": draft})
        return HttpResponseRedirect(reverse("platform:applications_policyversion_change", args=[draft.pk]))

    @tenant_action(
        permission=PUBLISH_POLICY,
        title=gettext_lazy("Publish"),
        form=PublishDialog,
        icon="publish",
        danger=True,
        available=lambda row: row.status == PolicyStatus.DRAFT,
    )
    def publish(self, request: HttpRequest, policy: PolicyVersion, form: Any) -> str:
        publish_policy(policy=policy, by=person(request), now=database_now())
        return _("%(version)s is in force.") % {"version": policy}

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> HttpResponse:
        policy = kwargs.get("obj")
        if policy is not None:
            context |= {"title": _("Opening table %(version)s") % {"version": policy}, "subtitle": None, "page": self._page(request, policy)}
        return super().render_change_form(request, context, *args, **kwargs)  # type: ignore[no-any-return]

    def _page(self, request: HttpRequest, policy: PolicyVersion, typed: dict[str, str] | None = None, error: str = "") -> dict[str, Any]:
        term, openness = request.GET.get("q", "").replace("\x00", "").strip()[:100], request.GET.get("openness", "")
        page = matrix_page(policy, term=term, openness=openness if openness in Openness.values else "", typed=typed)
        is_draft = policy.status == PolicyStatus.DRAFT
        own = [policy.pk, request.user.pk]
        return page | {
            "policy": policy,
            "status": status_chip(policy, POLICY_TONES),
            "example": chip(_("Example data"), BUSY) if policy.is_example else "",
            "is_draft": is_draft,
            "can_edit": is_draft and self.allows(request, EDIT_POLICY),
            "must_not_publish": is_draft and own[1] in policy.editor_ids and self.allows(request, PUBLISH_POLICY),
            "drafted": moment(policy.created_at),
            "published": moment(policy.published_at),
            "save_url": f"{reverse('platform:applications_policyversion_cells', args=[policy.pk])}?{request.GET.urlencode()}",
            "diff_url": reverse("platform:applications_policyversion_diff", args=[policy.pk]),
            "error": error,
        }

    def cells_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Write the cells that somebody changed on the page, all or none. Each comes with what it said when the page was made."""
        policy = self.get_object(request, object_id)
        if not self.allows(request, EDIT_POLICY):
            raise PermissionDenied
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        typed = {name: str(value) for name, value in request.POST.items() if name.startswith("cell-")}
        try:
            changed = _write_cells(policy, typed, {name: str(request.POST.get(f"was-{name}", "")) for name in typed}, person(request))
        except BusinessError as error:
            request.current_app = self.admin_site.name
            page = self._page(request, policy, typed, str(error))
            context = {**self.admin_site.each_context(request), "opts": self.opts, "original": policy, "page": page}
            return TemplateResponse(request, self.change_form_template, {**context, "title": _("Opening table %(version)s") % {"version": policy}})
        messages.success(request, ngettext("%(n)d cell is changed.", "%(n)d cells are changed.", changed) % {"n": changed})
        address = reverse("platform:applications_policyversion_change", args=[policy.pk])
        return HttpResponseRedirect(f"{address}?{request.GET.urlencode()}" if request.GET else address)

    def diff_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """``?against=`` another version; without it the one in force, or the one before."""
        policy = self.get_object(request, object_id)
        if not self.has_view_permission(request, policy):
            raise PermissionDenied
        asked = request.GET.get("against", "")
        against = compared_with(policy, asked)
        if asked and against is None:
            raise Http404
        request.current_app = self.admin_site.name
        page = diff_page(policy, against) | {
            "policy": policy,
            "status": status_chip(policy, POLICY_TONES),
            "against": against,
            "others": PolicyVersion.objects.exclude(pk=policy.pk).order_by("-number"),
            "table_url": reverse("platform:applications_policyversion_change", args=[policy.pk]),
        }
        title = _("What %(version)s changes") % {"version": policy}
        context = {**self.admin_site.each_context(request), "title": title, "opts": self.opts, "original": policy, "page": page}
        return TemplateResponse(request, "applications/platform/policy_diff.html", context)


def _write_cells(policy: PolicyVersion, typed: dict[str, str], was: dict[str, str], by: User) -> int:
    changed = {name: value for name, value in typed.items() if value != was[name] and (value in Openness.values or not value)}
    keys = {name: found.groups() for name in changed if (found := CELL_NAME.fullmatch(name))}
    categories = Category.objects.in_bulk([int(row) for row, _column in keys.values()])
    capabilities = Capability.objects.in_bulk([int(column) for _row, column in keys.values()])
    stored, now, written = table_of(policy), database_now(), 0
    with transaction.atomic():
        for name, (row, column) in keys.items():
            category, capability = categories.get(int(row)), capabilities.get(int(column))
            if category is None or capability is None:
                continue
            said = stored.cells.get((category.code, capability.code), "")
            if said != was[name]:
                facts = {"category": category, "capability": capability, "openness": openness_label(said)}
                raise StateConflict(_("Somebody else changed “%(category)s, %(capability)s” meanwhile to: %(openness)s. Look, then save again.") % facts)
            set_cell(policy=policy, category=category, capability=capability, openness=changed[name] or None, by=by, now=now)
            written += 1
    return written
