"""What people type on the import screens. The same form serves both consoles: it knows only what its user may choose."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from backoffice.kernel.files.admin.reach import stores_for
from backoffice.kernel.files.choices import BadRows
from backoffice.kernel.files.encodings import ENCODINGS
from backoffice.kernel.files.kinds import ImportKind
from backoffice.kernel.files.models import ImportJob
from backoffice.kernel.files.uploads import upload_limit_mb
from backoffice.kernel.files.words import DELIMITER_CODES
from backoffice.kernel.tenancy.models import Store


class AmountField(forms.DecimalField):
    """Yuan as people type them: ``1,234.50``, ``¥1234.5``."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_digits=14, decimal_places=2, min_value=Decimal(0), **kwargs)

    def to_python(self, value: Any) -> Any:
        if isinstance(value, str):
            value = value.strip().lstrip("¥￥").replace(",", "").replace("，", "").strip()
        return super().to_python(value)


class StoreMixin:
    """The store named outside the file, chosen by its code. A store out of reach is answered like one that does not exist."""

    def find_store(self, user: Any, console: str, kind: ImportKind, code: str) -> Store | None:
        code = code.strip()
        if not code or not kind.has_store:
            return None
        store = stores_for(user, console, kind).filter(code=code).first() if "\x00" not in code else None
        if store is None:
            raise ValidationError({"store": _("There is no such store. Check the store code.")})
        return store


class StartForm(StoreMixin, forms.Form):
    """One file and what it is. Construct with the kinds that the user may import; ``uploaded_too_large`` when the file was dropped for its size."""

    kind = forms.CharField(max_length=32)
    store = forms.CharField(max_length=64, required=False)
    control_total = AmountField(required=False)
    on_bad_rows = forms.ChoiceField(choices=BadRows.choices, required=False)
    resend_of = forms.IntegerField(required=False)
    apply_when_clean = forms.BooleanField(required=False)
    file = forms.FileField(required=False, allow_empty_file=True, max_length=500)

    def __init__(self, *args: Any, user: Any, console: str, kinds: list[ImportKind], uploaded_too_large: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user, self.console, self.uploaded_too_large = user, console, uploaded_too_large
        self.kinds = {kind.code: kind for kind in kinds}

    def clean_kind(self) -> ImportKind:
        code = self.cleaned_data["kind"]
        if code not in self.kinds:
            raise ValidationError(_("Choose what the file holds."))
        return self.kinds[code]

    def clean_on_bad_rows(self) -> str:
        return self.cleaned_data["on_bad_rows"] or BadRows.ABORT.value

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        kind, file = cleaned.get("kind"), cleaned.get("file")
        if self.uploaded_too_large or (file and file.size > settings.MAX_UPLOAD_BYTES):
            self.add_error(
                "file",
                _("The file is larger than %(most)s MB. Split it, pack it with gzip or zip, or have it imported by a command on the server.")
                % {"most": upload_limit_mb()},
            )
        elif not file:
            self.add_error("file", _("Choose a file."))
        if kind is None:
            return cleaned
        cleaned["store"] = self.find_store(self.user, self.console, kind, cleaned.get("store") or "")
        if not kind.has_control_total:
            cleaned["control_total"] = None
        elif cleaned.get("control_total") is None and "control_total" not in self.errors:
            self.add_error("control_total", _("Type the sum of all amounts in the file. It must match to the fen, so that no row can be lost."))
        return cleaned


class ReadingForm(StoreMixin, forms.Form):
    """How a file is read, corrected by hand. Columns are fields ``column-<name>``: the position in the file, or empty for "not in the file"."""

    encoding = forms.ChoiceField(choices=[(name, name) for name in ENCODINGS], required=False)
    delimiter = forms.ChoiceField(choices=[(code, code) for code in DELIMITER_CODES], required=False)
    header_row = forms.IntegerField(min_value=1, max_value=20, required=False)
    sheet = forms.CharField(max_length=200, required=False)
    store = forms.CharField(max_length=64, required=False)

    def __init__(self, *args: Any, user: Any, console: str, job: ImportJob, kind: ImportKind, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user, self.console, self.job, self.kind = user, console, job, kind
        positions = [("", "")] + [(str(at), title) for at, title in enumerate(job.reading.get("headers", []))]
        for column in kind.file_columns:
            self.fields[f"column-{column.name}"] = forms.ChoiceField(choices=positions, required=False)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        cleaned["store"] = self.find_store(self.user, self.console, self.kind, cleaned.get("store") or "")
        taken: dict[str, str] = {}
        for name, value in cleaned.items():
            if name.startswith("column-") and value:
                if value in taken:
                    raise ValidationError(_("One column of the file stands for two of ours. Choose each only once."))
                taken[value] = name
        return cleaned

    def by_hand(self) -> dict[str, Any]:
        """What people fixed: everything as the form shows it. Columns only when the head of the file is still the same, else they are found anew."""
        cleaned, reading = self.cleaned_data, self.job.reading
        fixed: dict[str, Any] = {
            "encoding": cleaned["encoding"],
            "delimiter": DELIMITER_CODES.get(cleaned["delimiter"], ""),
            "header_row": cleaned["header_row"],
            "sheet": cleaned["sheet"],
        }
        fixed = {name: value for name, value in fixed.items() if value}
        is_same_head = all(
            str(fixed.get(name) or reading.get(name) or "") == str(reading.get(name) or "") for name in ("encoding", "delimiter", "header_row", "sheet")
        )
        if is_same_head:
            chosen = {column.name: cleaned.get(f"column-{column.name}") or "" for column in self.kind.file_columns}
            fixed["columns"] = {name: int(value) if value else None for name, value in chosen.items()}
        return fixed


class ApplyForm(forms.Form):
    """The answer to "import?": which rows, and for amounts the total."""

    on_bad_rows = forms.ChoiceField(choices=BadRows.choices)
    control_total = AmountField(required=False)
