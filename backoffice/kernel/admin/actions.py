"""Acts on rows: a dialog that says what will happen (GET), and the act itself (POST only), on an object out of the scoped queryset."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.shortcuts import render
from unfold.enums import ActionVariant
from unfold.forms import BaseDialogForm

from backoffice.kernel.admin.scoping import reach, reaches
from backoffice.kernel.errors import BusinessError

MARK = "tenant_permission"


def tenant_action(
    *,
    permission: str,
    title: Any,
    description: Any = "",
    submit: Any = "",
    form: type[BaseDialogForm] = BaseDialogForm,
    icon: str | None = None,
    danger: bool = False,
    on_list: bool = False,
    available: Callable[[Any], bool] | None = None,
) -> Callable[[Callable[..., Any]], Any]:
    """An act on one row (``actions_detail``, ``actions_row``) or, with ``on_list``, on none (``actions_list``).

    The method is called as ``method(self, request, obj, form)`` (``on_list``: without ``obj``) only on POST, with a valid form, with the
    object out of ``get_queryset`` and ``permission`` held for exactly that object. It calls a service and returns a sentence for
    the user (or None, or a response). A ``BusinessError`` is shown in the dialog and nothing else happens.
    ``available(obj)`` hides the button, and refuses the act, where it makes no sense. A foreign object is 404, as a missing one.
    """

    def decorate(function: Callable[..., Any]) -> Any:
        @wraps(function)
        def view(self: Any, request: HttpRequest, object_id: str | None = None) -> HttpResponse:
            obj = None if on_list else self.get_object(request, object_id)
            if obj is not None and not reaches(request.user, self.admin_site.name, obj, permission):
                raise PermissionDenied
            if on_list and not self.allows(request, permission):
                raise PermissionDenied
            if obj is not None and available is not None and not available(obj):
                raise Http404
            if request.method not in ("GET", "HEAD", "POST"):
                return HttpResponseNotAllowed(["GET", "POST"])
            # The hidden flag is what unfold's dialog posts; without it a POST has not seen the dialog.
            dialog = form(data=request.POST if request.method == "POST" else None, files=request.FILES or None, request=request, object_id=object_id)
            if obj is not None:
                dialog.obj = obj
            if request.method == "POST" and dialog.is_valid():
                try:
                    answer = function(self, request, dialog) if on_list else function(self, request, obj, dialog)
                except BusinessError as error:
                    dialog.add_error(None, str(error))
                else:
                    return _after(self, request, object_id, answer)
            context = {
                "form": dialog,
                "form_submit_text": submit or title,
                "dialog": {"title": title, "description": description},
                "danger": danger,
                "obj": obj,
            }
            if request.headers.get("HX-Request"):
                return render(request, "unfold/helpers/dialog.html", context)
            request.current_app = self.admin_site.name
            page = {"title": title, "opts": self.opts, "object": obj, "back_url": self.page_after_action(request, object_id)}
            return render(request, "consoles/action_page.html", {**self.admin_site.each_context(request), **context, **page})

        view.short_description = title  # type: ignore[attr-defined]
        view.url_path = function.__name__.replace("_", "-")  # type: ignore[attr-defined]
        view.attrs = {}  # type: ignore[attr-defined]
        view.icon = icon  # type: ignore[attr-defined]
        view.variant = ActionVariant.DANGER if danger else ActionVariant.DEFAULT  # type: ignore[attr-defined]
        view.dialog = {"title": title, "description": description}  # type: ignore[attr-defined]
        view.original_function_name = function.__name__  # type: ignore[attr-defined]
        view.on_list = on_list  # type: ignore[attr-defined]
        view.available = available  # type: ignore[attr-defined]
        setattr(view, MARK, permission)
        return view

    return decorate


def _after(model_admin: Any, request: HttpRequest, object_id: str | None, answer: Any) -> HttpResponse:
    """Back to the row or the list; by a header for the dialog's own request."""
    if isinstance(answer, HttpResponse):
        target = answer
    else:
        if answer:
            messages.success(request, answer)
        target = HttpResponseRedirect(model_admin.page_after_action(request, object_id))
    if request.headers.get("HX-Request") and isinstance(target, HttpResponseRedirect):
        return HttpResponse(headers={"HX-Redirect": target.url})
    return target


def tenant_bulk_action(*, permission: str, title: Any) -> Callable[[Callable[..., Any]], Any]:
    """An act on the rows ticked in a list (``actions``): ``method(self, request, queryset)``, POST only as Django does it.

    The queryset holds only rows on which the user has ``permission``.
    """

    def decorate(function: Callable[..., Any]) -> Any:
        @wraps(function)
        def act(self: Any, request: HttpRequest, queryset: models.QuerySet[Any]) -> HttpResponse | None:
            if not self.allows(request, permission):
                raise PermissionDenied
            try:
                answer = function(self, request, reach(request.user, self.admin_site.name, queryset, permission))
            except BusinessError as error:
                messages.error(request, str(error))
                return None
            if isinstance(answer, HttpResponse):
                return answer
            if answer:
                messages.success(request, answer)
            return None

        act.short_description = title  # type: ignore[attr-defined]
        setattr(act, MARK, permission)
        return act

    return decorate


class ReasonForm(BaseDialogForm):
    """A dialog that asks why. The reason goes into the audit event."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        from django.utils.translation import gettext_lazy as _
        from unfold.widgets import UnfoldAdminTextareaWidget

        self.fields["reason"] = forms.CharField(label=_("Reason"), max_length=500, widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}))


def action_names(actions: Sequence[Any] | None) -> list[str]:
    """Names in unfold's action lists, also those inside drop-downs."""
    names: list[str] = []
    for action in actions or ():
        names += action["items"] if isinstance(action, dict) else [action]
    return names
