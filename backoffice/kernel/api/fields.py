"""Types of the fields of bodies and answers. What a value may be is decided by the column types that files are read with."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, GetCoreSchemaHandler, PlainSerializer, WithJsonSchema
from pydantic_core import core_schema

from backoffice.kernel import clock
from backoffice.kernel.files.columns import Code, ColumnError, ColumnType, FreeText, LocalDay, LocalMoment, Money
from backoffice.kernel.files.problems import sentence_for

AHEAD = timedelta(days=1)
"""So far ahead a thing that has happened may lie: clocks differ."""
AMOUNT_PATTERN = r"^[0-9]{1,9}\.[0-9]{2}$"
_DAY = "(19|20|21)[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
_TIME = r"([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{1,6})?)?(Z|[+-](0[0-9]|1[0-4]):[0-5][0-9])?"
MOMENT_PATTERN = f"^{_DAY}([T ]{_TIME})?$"
DAY_PATTERN = f"^{_DAY}$"
DEEPEST = 5
LARGEST_WHOLE = 2**53
MOST_TEXT = 4_000


class Body(BaseModel):
    """A body: nothing but the documented fields."""

    model_config = ConfigDict(extra="forbid", str_max_length=4_000)


def _cleaned(column: ColumnType, text: Any) -> Any:
    if not isinstance(text, str):
        raise ValueError("must be a text")  # noqa: TRY004 - what makes pydantic name the place
    try:
        value = column.clean(text)
    except ColumnError as error:
        raise ValueError(sentence_for(error.code)) from None
    except UnicodeError:
        raise ValueError("holds characters that cannot be written") from None
    if value is None:
        raise ValueError("must not be blank")
    return value


def _writable(text: str) -> str:
    try:
        text.encode()
    except UnicodeError:
        raise ValueError("holds characters that cannot be written") from None
    return text


def _shaped(pattern: str, column: ColumnType, wanted: str) -> Callable[[Any], Any]:
    """Reads a text of one strict form; what files may hold besides (¥, 年月日) is refused here."""

    def read(text: Any) -> Any:
        if not isinstance(text, str) or not re.fullmatch(pattern, text):
            raise ValueError(f"must be {wanted}")
        return _cleaned(column, text)

    return read


@dataclass(frozen=True, eq=False)
class Reads:
    """Beside a type in ``Annotated``: how a text becomes the value, and what the OpenAPI document says of it."""

    read: Callable[[Any], Any]
    schema: dict[str, Any]

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> Any:
        return core_schema.no_info_before_validator_function(self.read, handler(source))

    def __get_pydantic_json_schema__(self, _core: Any, _handler: Any) -> dict[str, Any]:
        return dict(self.schema)


def code(longest: int = 64, *, example: str) -> Reads:
    """A number or code, such as a member number, as files have it: full-width characters become ASCII, surrounding space goes."""
    column = Code(longest)
    return Reads(lambda text: _writable(_cleaned(column, text)), {"type": "string", "minLength": 1, "maxLength": longest, "examples": [example]})


def words(longest: int = 100, *, example: str, blank: bool = False) -> Reads:
    """Words of people, without control characters. ``blank``: an empty text is a value too."""
    column = FreeText(longest)

    def read(text: Any) -> str:
        return "" if blank and text == "" else _writable(_cleaned(column, text))

    return Reads(read, {"type": "string", "minLength": 0 if blank else 1, "maxLength": longest, "examples": [example]})


def shown(*examples: Any) -> ConfigDict:
    """``model_config`` of a body or answer with examples for the OpenAPI document."""
    return ConfigDict(json_schema_extra={"examples": list(examples)})


def _positive(amount: Decimal) -> Decimal:
    if amount <= 0:
        raise ValueError("must be above zero")
    return amount


def _happened(moment: datetime) -> datetime:
    if moment > datetime.now(UTC) + AHEAD:
        raise ValueError("lies more than a day ahead")
    return moment


_read_amount = _shaped(AMOUNT_PATTERN, Money(), 'yuan as a text with two decimals, such as "120.00"')
_read_moment = _shaped(MOMENT_PATTERN, LocalMoment(), "a time such as 2026-11-22T10:00:00+08:00")
_read_expiry = _shaped(MOMENT_PATTERN, LocalMoment(ends_day=True), "a time such as 2027-11-22 or 2027-11-22T10:00:00+08:00")
_read_day = _shaped(DAY_PATTERN, LocalDay(), "a day such as 2026-11-22")
_AMOUNT_SCHEMA = {"type": "string", "pattern": AMOUNT_PATTERN, "examples": ["120.00"]}
_MOMENT_SCHEMA = {"type": "string", "pattern": MOMENT_PATTERN, "examples": ["2026-11-22T10:00:00+08:00"]}

Amount = Annotated[Decimal, BeforeValidator(_read_amount), WithJsonSchema(_AMOUNT_SCHEMA)]
"""Yuan, zero or more."""
PositiveAmount = Annotated[Decimal, BeforeValidator(_read_amount), AfterValidator(_positive), WithJsonSchema(_AMOUNT_SCHEMA)]
Happened = Annotated[datetime, BeforeValidator(_read_moment), AfterValidator(_happened), WithJsonSchema(_MOMENT_SCHEMA)]
"""When something happened, from 1900 to a day from now. Without an offset on the platform's clock, without a time the start of that day."""
Expiry = Annotated[datetime, BeforeValidator(_read_expiry), WithJsonSchema({**_MOMENT_SCHEMA, "examples": ["2027-11-22"]})]
"""From when something is gone. Without a time: the end of that local day."""
Day = Annotated[date, BeforeValidator(_read_day), WithJsonSchema({"type": "string", "pattern": DAY_PATTERN, "examples": ["2026-11-22"]})]


def plain_json(value: Any, depth: int = 0) -> Any:
    """``value`` if a database can keep and a program can read it: finite numbers, no NUL, five levels deep at most."""
    if depth > DEEPEST:
        raise ValueError(f"is nested deeper than {DEEPEST} levels")
    if isinstance(value, str):
        if "\x00" in value or len(value) > MOST_TEXT:
            raise ValueError("holds a text that cannot be stored")
        _writable(value)
    elif isinstance(value, bool) or value is None:
        return value
    elif isinstance(value, int):
        if abs(value) > LARGEST_WHOLE:
            raise ValueError("holds a number that is too large: send it as a text")
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError("holds a number that is none")
    elif isinstance(value, dict):
        for name, item in value.items():
            plain_json(name, depth)
            plain_json(item, depth + 1)
    elif isinstance(value, list):
        for item in value:
            plain_json(item, depth + 1)
    return value


AmountOut = Annotated[
    Decimal, PlainSerializer(lambda amount: format(amount, ".2f"), return_type=str), WithJsonSchema({"type": "string", "examples": ["120.00"]})
]
MomentOut = Annotated[
    datetime,
    PlainSerializer(lambda moment: clock.to_local(moment).isoformat(), return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2026-11-22T10:00:00+08:00"]}),
]
"""On the platform's clock, with its offset."""
