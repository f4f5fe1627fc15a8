"""Pictures of custom benefits on both consoles, and the address that hands one out: only to who may see its store's programs."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import FileResponse, Http404, HttpRequest, HttpResponseBase
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from backoffice.kernel.admin import MerchantModelAdmin, PlatformModelAdmin
from backoffice.kernel.sites import merchant_site, platform_site
from members.paid.models import Picture

TYPES = {"jpg": "image/jpeg", "png": "image/png"}


def hand_out(picture: Picture) -> FileResponse:
    """The picture as we encoded it: never sniffed for another type, never run as a page, kept by the reader's browser alone."""
    name = picture.file.name or ""
    content_type = TYPES.get(name.rpartition(".")[2])
    if content_type is None:
        raise Http404
    try:
        content = picture.file.storage.open(name, "rb")
    except FileNotFoundError as error:
        raise Http404 from error
    answer = FileResponse(content, content_type=content_type)
    answer["X-Content-Type-Options"] = "nosniff"
    answer["Content-Disposition"] = "inline"
    answer["Content-Security-Policy"] = "default-src 'none'; sandbox"
    answer["Cross-Origin-Resource-Policy"] = "same-origin"
    answer["Cache-Control"] = "private, max-age=3600"
    return answer


class PictureScreen:
    """A store's pictures, newest first."""

    admin_site: Any
    get_object: Any
    list_display: Any = ("picture_column", "store", "size_column", "uploaded_by", "uploaded_at")
    list_select_related: Any = ("store", "uploaded_by")
    list_filter: Any = ("store",)
    fields: Any = ("picture_column", "store", "size_column", "uploaded_by", "uploaded_at")
    readonly_fields: Any = ("picture_column", "size_column")
    ordering: Any = ("-pk",)

    def get_urls(self) -> list[URLPattern]:
        own = path("<path:object_id>/file/", self.admin_site.admin_view(self.file_view), name="paid_picture_file")
        return [own, *super().get_urls()]  # type: ignore[misc]

    def file_view(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        picture = self.get_object(request, object_id)
        if picture is None:
            raise Http404
        return hand_out(picture)

    @admin.display(description=_("Picture"))
    def picture_column(self, picture: Picture) -> SafeString:
        address = reverse(f"{self.admin_site.name}:paid_picture_file", args=[picture.pk])
        return format_html('<img src="{}" alt="{}" width="96" loading="lazy">', address, str(picture))

    @admin.display(description=_("Size"))
    def size_column(self, picture: Picture) -> str:
        return str(picture)


@admin.register(Picture, site=merchant_site)
class MerchantPictures(PictureScreen, MerchantModelAdmin):
    pass


@admin.register(Picture, site=platform_site)
class PlatformPictures(PictureScreen, PlatformModelAdmin):
    pass
