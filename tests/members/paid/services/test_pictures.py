"""Uploaded pictures: only pixels are kept, within limits, and handed out only to who may see the store."""

from __future__ import annotations

import io
import zlib

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.test import Client
from django.urls import reverse
from PIL import Image, PngImagePlugin

from backoffice.kernel.audit.models import AuditEvent
from backoffice.kernel.errors import NotAllowed, NotFound
from backoffice.kernel.tenancy.models import MerchantBar
from backoffice.kernel.tenancy.roles import Role
from backoffice.kernel.tenancy.selectors.bars import MerchantBarred
from members.paid.models import Picture
from members.paid.services import pictures
from members.paid.services.benefits import save_benefit
from members.paid.services.pictures import store_picture
from members.paid.services.rights import PaidRefused
from tests.factories import make_merchant, make_user
from tests.members.paid.making import NOW
from tests.members.paid.setting_up import Shop, values_of_kind

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _own_files(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


def picture_file(kind="PNG", size=(120, 80), mode="RGB", colour=(200, 30, 30), **saved):
    target = io.BytesIO()
    Image.new(mode, size, colour).save(target, kind, **saved)
    return ContentFile(target.getvalue(), name="evil/../../name.php")


def kept(picture):
    with picture.file.storage.open(picture.file.name, "rb") as content:
        return content.read()


def refused(shop, upload):
    with pytest.raises(PaidRefused) as caught:
        store_picture(store=shop.store, upload=upload, **shop.by)
    assert not Picture.objects.exists()
    assert not default_storage.exists("benefit-pictures") or default_storage.listdir("benefit-pictures") == ([], [])
    return caught.value.code


@pytest.mark.parametrize(("kind", "mode", "out"), [("PNG", "RGB", "JPEG"), ("JPEG", "RGB", "JPEG"), ("WEBP", "RGB", "JPEG"), ("PNG", "RGBA", "PNG")])
def test_a_picture_is_encoded_anew(kind, mode, out):
    shop = Shop()
    picture = store_picture(store=shop.store, upload=picture_file(kind, mode=mode, colour=(1, 2, 3, 4)[: len(mode)]), **shop.by)
    with Image.open(io.BytesIO(kept(picture))) as encoded:
        assert (encoded.format, encoded.size) == (out, (120, 80))
    assert (picture.width, picture.height) == (120, 80)
    assert picture.file.name == f"benefit-pictures/{shop.store.pk}/{picture.sha256}.{'png' if out == 'PNG' else 'jpg'}"
    assert AuditEvent.objects.get(verb="picture.uploaded").target_id == picture.pk


def test_nothing_but_pixels_is_kept():
    shop = Shop()
    exif = Image.Exif()
    exif[0x010E] = "GPS-SECRET"
    exif[0x0112] = 6  # turned by 90 degrees
    photo = picture_file("JPEG", exif=exif, icc_profile=b"PROFILE-SECRET", comment=b"COMMENT-SECRET")
    polyglot = ContentFile(photo.read() + b"<script>alert('SECRET')</script>PK\x03\x04", name="x.jpg")
    text = PngImagePlugin.PngInfo()
    text.add_text("note", "TEXT-SECRET")
    for upload, size in ((polyglot, (80, 120)), (picture_file("PNG", pnginfo=text), (120, 80)), (picture_file("PNG", mode="RGBA", pnginfo=text), (120, 80))):
        picture = store_picture(store=shop.store, upload=upload, **shop.by)
        assert b"SECRET" not in kept(picture)
        with Image.open(io.BytesIO(kept(picture))) as encoded:
            assert encoded.size == size
            assert not encoded.getexif()
            assert "icc_profile" not in encoded.info


def test_large_pictures_are_made_smaller():
    shop = Shop()
    picture = store_picture(store=shop.store, upload=picture_file(size=(3200, 1000)), **shop.by)
    assert (picture.width, picture.height) == (1600, 500)


def png_that_claims(width, height):
    """A PNG of a few bytes whose header claims so many points."""

    def chunk(name, content):
        return len(content).to_bytes(4, "big") + name + content + zlib.crc32(name + content).to_bytes(4, "big")

    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([8, 2, 0, 0, 0])
    return ContentFile(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b""), name="bomb.png")


# Two entries of EXIF: a width that is text, and an orientation, at which the first is written anew.
TEXT_FOR_A_WIDTH, TURNED = b"\x01\0\0\x02\0\0\0\x03hi\0\0", b"\x01\x12\0\x03\0\0\0\x01\0\x06\0\0"


@pytest.mark.parametrize(
    ("upload", "code"),
    [
        (lambda: ContentFile(b"", name="x.png"), "picture_unreadable"),
        (lambda: ContentFile(b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", name="x.svg"), "picture_unreadable"),
        (lambda: ContentFile(b"GIF89a" + b"\0" * 100, name="x.gif"), "picture_unreadable"),
        (lambda: picture_file("BMP"), "picture_unreadable"),
        (lambda: picture_file("GIF"), "picture_unreadable"),
        (lambda: ContentFile(picture_file("JPEG", (400, 400)).read()[:200], name="x.jpg"), "picture_unreadable"),
        (lambda: ContentFile(picture_file().read()[:-30], name="x.png"), "picture_unreadable"),
        (lambda: png_that_claims(5000, 5000), "picture_too_many_pixels"),
        (lambda: png_that_claims(12000, 12000), "picture_unreadable"),
        (lambda: png_that_claims(60000, 60000), "picture_unreadable"),
        (lambda: png_that_claims(1000, 1000), "picture_unreadable"),
        (lambda: picture_file(size=(63, 400)), "picture_too_small"),
        (lambda: picture_file("JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\0\x02" + TEXT_FOR_A_WIDTH + TURNED + b"\0" * 4), "picture_unreadable"),
    ],
)
def test_what_is_no_picture_within_the_limits_is_refused(upload, code):
    assert refused(Shop(), upload()) == code


def test_a_file_too_large_is_refused_before_it_is_read(monkeypatch):
    monkeypatch.setattr(pictures, "MOST_BYTES", 100)
    assert refused(Shop(), picture_file()) == "picture_too_large"


def test_the_same_picture_is_kept_once_a_store():
    shop, other = Shop(), Shop()
    first = store_picture(store=shop.store, upload=picture_file(), **shop.by)
    assert store_picture(store=shop.store, upload=picture_file(), **shop.by) == first
    assert store_picture(store=other.store, upload=picture_file(), **other.by) != first
    assert len(default_storage.listdir(f"benefit-pictures/{shop.store.pk}")[1]) == 1


def test_a_store_has_so_many_pictures_at_most(monkeypatch):
    monkeypatch.setattr(pictures, "MOST_OF_A_STORE", 1)
    shop = Shop()
    store_picture(store=shop.store, upload=picture_file(), **shop.by)
    with pytest.raises(PaidRefused) as caught:
        store_picture(store=shop.store, upload=picture_file(colour=(0, 0, 0)), **shop.by)
    assert caught.value.code == "too_many_pictures"


def test_who_may_not_configure_keeps_no_picture():
    shop = Shop()
    for by, error in (
        (make_user(Role.MERCHANT_ANALYST, merchant=shop.store.merchant), NotAllowed),
        (shop.ops, NotAllowed),
        (make_user(Role.MERCHANT_OWNER, merchant=make_merchant()), NotFound),
    ):
        with pytest.raises(error):
            store_picture(store=shop.store, upload=picture_file(), by=by, now=NOW)
    MerchantBar.objects.create(merchant=shop.store.merchant, reason="x", imposed_by=shop.ops, imposed_at=NOW)
    with pytest.raises(MerchantBarred):
        store_picture(store=shop.store, upload=picture_file(), **shop.by)
    assert not Picture.objects.exists()


def test_pictures_of_a_custom_benefit_stay_in_order_through_the_versions():
    shop, other = Shop().invite(), Shop()
    program = shop.program()
    first, second = (store_picture(store=shop.store, upload=picture_file(colour=(n, n, n)), **shop.by) for n in (1, 200))
    foreign = store_picture(store=other.store, upload=picture_file(), **other.by)
    shop.drafted(program)
    custom = shop.add(program, "CUSTOM", "p", pictures=[second, first.pk])
    assert list(custom.pictures.values_list("picture_id", flat=True)) == [second.pk, first.pk]
    values = values_of_kind("CUSTOM")
    with pytest.raises(NotFound):
        save_benefit(pack=custom.pack, benefit=custom, kind="CUSTOM", values=values | {"pictures": [foreign.pk]}, **shop.by)
    with pytest.raises(PaidRefused) as caught:
        shop.add(program, "OPENING_GIFT", "g", pictures=[first])
    assert caught.value.code == "pictures_not_taken"
    save_benefit(pack=custom.pack, benefit=custom, kind="CUSTOM", values=values, **shop.by)
    assert custom.pictures.count() == 2
    program = shop.approve(custom.pack)
    from members.paid.services.packs import draft_pack

    copied = draft_pack(program=program, **shop.by).benefits.get(key="p")
    assert list(copied.pictures.values_list("picture_id", flat=True)) == [second.pk, first.pk]


def get(user, console, picture):
    client = Client()
    client.force_login(user)
    return client.get(reverse(f"{console}:paid_picture_file", args=[picture.pk]))


def test_a_picture_is_handed_out_safely_and_only_to_who_sees_the_store():
    shop = Shop()
    picture = store_picture(store=shop.store, upload=picture_file(), **shop.by)
    for user, console in ((shop.owner, "merchant"), (shop.ops, "platform")):
        answer = get(user, console, picture)
        assert (answer.status_code, b"".join(answer.streaming_content)) == (200, kept(picture))
        assert (answer["Content-Type"], answer["X-Content-Type-Options"], answer["Content-Disposition"]) == ("image/jpeg", "nosniff", "inline")
        assert answer["Content-Security-Policy"] == "default-src 'none'; sandbox"
        assert "private" in answer["Cache-Control"]
    assert get(make_user(Role.MERCHANT_OWNER, merchant=make_merchant()), "merchant", picture).status_code == 404
    assert get(make_user(Role.PLATFORM_REVIEWER), "platform", picture).status_code == 404
    assert Client().get(reverse("merchant:paid_picture_file", args=[picture.pk])).status_code == 302
    picture.file.storage.delete(picture.file.name)
    assert get(shop.owner, "merchant", picture).status_code == 404
