"""Pictures of custom benefits. What a merchant uploads is decoded and encoded anew: only pixels are kept, no metadata and nothing hidden in the file."""

from __future__ import annotations

import hashlib
import io
import struct
import zlib
from dataclasses import dataclass
from datetime import datetime

from django.core.files.base import ContentFile, File
from django.core.files.storage import default_storage
from django.utils.translation import gettext_lazy as _
from PIL import Image, ImageOps

from backoffice.kernel.audit.services import record_event
from backoffice.kernel.locks import in_transaction
from backoffice.kernel.tenancy.models import Store, User
from backoffice.kernel.tenancy.selectors.bars import require_no_bar
from members.paid.models import Picture
from members.paid.services.entering import CONFIGURE
from members.paid.services.rights import PaidRefused, require_in_store

MOST_BYTES = 5_000_000
MOST_PIXELS = 24_000_000
SHORTEST_SIDE = 64
LONGEST_SIDE = 1600
MOST_OF_A_STORE = 500
FORMATS = ("JPEG", "PNG", "WEBP")
# What a broken or hostile file makes the decoders raise.
_UNREADABLE = (
    OSError, SyntaxError, ValueError, EOFError, KeyError, IndexError, TypeError, OverflowError, MemoryError, zlib.error, struct.error,
    Image.DecompressionBombError, Image.DecompressionBombWarning,
)  # fmt: skip


@dataclass(frozen=True)
class Encoded:
    """A picture as it is kept: JPEG, or PNG where something is transparent; the longer side at most ``LONGEST_SIDE``."""

    content: bytes
    ending: str
    width: int
    height: int


@in_transaction
def store_picture(*, store: Store, upload: File[bytes], by: User | None, now: datetime) -> Picture:
    """Keep a picture for the store's benefits; one that is there already is given back.

    Raises ``PaidRefused``: ``picture_too_large``, ``picture_unreadable``, ``picture_too_many_pixels``, ``picture_too_small``, ``too_many_pictures``.
    """
    require_in_store(by, CONFIGURE, store.pk)
    require_no_bar(store.pk)
    encoded = encode(upload)
    digest = hashlib.sha256(encoded.content).hexdigest()
    known = Picture.objects.filter(store=store, sha256=digest).first()
    if known is not None:
        return known
    if Picture.objects.filter(store=store).count() >= MOST_OF_A_STORE:
        raise PaidRefused(_("The store has %(count)d pictures, which is the most.") % {"count": MOST_OF_A_STORE}, code="too_many_pictures", field="upload")
    name = default_storage.save(f"benefit-pictures/{store.pk}/{digest}{encoded.ending}", ContentFile(encoded.content))
    try:
        Picture.objects.bulk_create(
            [Picture(store=store, file=name, sha256=digest, width=encoded.width, height=encoded.height, uploaded_by=by, uploaded_at=now)],
            ignore_conflicts=True,
        )
        row = Picture.objects.get(store=store, sha256=digest)
        if row.file.name == name:
            record_event("picture.uploaded", target=row, store=store, by=by, now=now, sha256=digest)
        else:  # somebody else kept the same picture at this moment
            default_storage.delete(name)
    except Exception:
        default_storage.delete(name)
        raise
    return row


def encode(upload: File[bytes]) -> Encoded:
    """Decode within the limits (asked before any pixel is decoded) and encode the pixels alone. An animation gives its first picture."""
    if not upload.size:
        raise PaidRefused(_("The file is empty."), code="picture_unreadable", field="upload")
    if upload.size > MOST_BYTES:
        raise PaidRefused(_("At most %(mb)d MB, please.") % {"mb": MOST_BYTES // 1_000_000}, code="picture_too_large", field="upload")
    try:
        with Image.open(io.BytesIO(upload.read()), formats=FORMATS) as opened:
            width, height = opened.size
            if width * height > MOST_PIXELS:
                raise PaidRefused(
                    _("The picture has %(width)d by %(height)d points. Make it smaller.") % {"width": width, "height": height},
                    code="picture_too_many_pixels",
                    field="upload",
                )
            if min(width, height) < SHORTEST_SIDE:
                raise PaidRefused(_("Each side has at least %(count)d points.") % {"count": SHORTEST_SIDE}, code="picture_too_small", field="upload")
            opened.load()
            return _encoded(opened)
    except _UNREADABLE as error:
        raise PaidRefused(_("This is no picture that can be read. Save it as PNG, JPEG or WebP."), code="picture_unreadable", field="upload") from error


def _encoded(opened: Image.Image) -> Encoded:
    turned = ImageOps.exif_transpose(opened)
    is_clear = turned.mode in ("RGBA", "LA", "PA") or "transparency" in turned.info
    pixels = turned.convert("RGBA" if is_clear else "RGB")
    pixels.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    plain = Image.new(pixels.mode, pixels.size)  # carries pixels over and nothing else: no EXIF, no profile, no text
    plain.paste(pixels)
    target = io.BytesIO()
    if is_clear:
        plain.save(target, "PNG", optimize=True)
    else:
        plain.save(target, "JPEG", quality=85, optimize=True)
    return Encoded(target.getvalue(), ".png" if is_clear else ".jpg", *plain.size)
