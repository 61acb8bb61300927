"""The mapping file: what the columns of somebody else's table mean. TOML, one file per source.

mappings/online-retail.toml is a worked example. A mapping that cannot be right is refused with
the file, the key and what to do about it.
"""

import codecs
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel.numbers import is_currency
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from commerce.orders.files.cells import EXCEL_SERIAL
from commerce.orders.ingestion import OrderKind
from commerce.orders.lifecycle import FulfilmentPath, OrderStatus
from commerce.shops.sites import Site

LONGEST_MAPPING_BYTES = 256 * 1024

Heading = Annotated[str, Field(min_length=1, max_length=200)]


class MappingRefused(Exception):
    """The mapping file, the key in it, and how to mend it."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=False)


class Columns(_Strict):
    """The heading of each field in the table. Fields that are not named stay empty."""

    order_id: Heading
    placed_at: Heading
    seller_sku: Heading
    quantity: Heading
    unit_price: Heading
    product_name: Heading | None = None
    external_sku_id: Heading | None = None
    line_id: Heading | None = None
    variation: Heading | None = None
    seller_discount: Heading | None = None
    platform_discount: Heading | None = None
    status: Heading | None = None
    buyer_id: Heading | None = None
    buyer_nickname: Heading | None = None
    buyer_message: Heading | None = None
    seller_note: Heading | None = None
    payment_method: Heading | None = None
    shipping_fee: Heading | None = None
    tax: Heading | None = None
    paid_at: Heading | None = None
    shipped_at: Heading | None = None
    delivered_at: Heading | None = None
    cancelled_at: Heading | None = None
    cancel_reason: Heading | None = None
    recipient_name: Heading | None = None
    phone: Heading | None = None
    country: Heading | None = None
    region: Heading | None = None
    city: Heading | None = None
    district: Heading | None = None
    postal_code: Heading | None = None
    address_line: Heading | None = None


TEXT_FIELDS = frozenset(
    {
        "product_name",
        "variation",
        "buyer_id",
        "buyer_nickname",
        "buyer_message",
        "seller_note",
        "payment_method",
        "cancel_reason",
        "recipient_name",
        "phone",
        "country",
        "region",
        "city",
        "district",
        "postal_code",
        "address_line",
    }
)
ID_FIELDS = frozenset({"order_id", "buyer_id", "seller_sku", "external_sku_id", "line_id"})


class Rule(_Strict):
    """Holds for an order whose first line has, in `column`, this prefix or one of these values."""

    column: Heading
    prefix: str | None = Field(default=None, min_length=1)
    values: tuple[str, ...] | None = Field(default=None, min_length=1)

    @model_validator(mode="after")
    def _one_test(self) -> Self:
        if (self.prefix is None) == (self.values is None):
            raise ValueError("give either a prefix or a list of values")
        return self


class KindRule(Rule):
    kind: OrderKind


class Mapping(_Strict):
    """How to read one kind of table. See `Columns` for the fields.

    `status` is the status of the orders of each kind whose table has no status column, or whose
    status cell is empty; `status_words` reads the column; `cancelled` overrules both.
    `strip_suffix` removes an ending that a program added to ids ("17850.0").
    """

    channel: str = Field(pattern=r"^[A-Z][A-Z0-9_]{1,49}$")
    site: Site
    currency: str
    time_zone: str
    time_format: str = Field(min_length=2)
    encoding: str | None = None
    delimiter: str = Field(default=",", min_length=1, max_length=1)
    decimal_comma: bool = False
    sheet: str | None = None
    path: FulfilmentPath = FulfilmentPath.LOCAL_WAREHOUSE
    columns: Columns
    constants: dict[str, str] = Field(default_factory=dict)
    strip_suffix: dict[str, str] = Field(default_factory=dict)
    kinds: tuple[KindRule, ...] = ()
    cancelled: Rule | None = None
    status: dict[OrderKind, OrderStatus] = Field(default_factory=dict)
    status_words: dict[str, OrderStatus] = Field(default_factory=dict)

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    @field_validator("currency")
    @classmethod
    def _known_currency(cls, value: str) -> str:
        if not is_currency(value):
            raise ValueError("this is not a currency; write its ISO 4217 code, for example GBP")
        return value

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            message = "this is no time zone; write its IANA name, for example Europe/London"
            raise ValueError(message) from None
        return value

    @field_validator("constants", "strip_suffix")
    @classmethod
    def _fields_fit(cls, value: dict[str, str], info: ValidationInfo) -> dict[str, str]:
        fields = TEXT_FIELDS if info.field_name == "constants" else ID_FIELDS
        if wrong := sorted(set(value) - fields):
            allowed = ", ".join(sorted(fields))
            raise ValueError(f"{', '.join(wrong)} cannot stand here; only {allowed} can")
        return value

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                known = codecs.lookup(value)._is_text_encoding  # noqa: SLF001 - no public way to ask
            except LookupError:
                known = False
            if not known:
                raise ValueError("this is no text encoding; write for example windows-1252")
        return value

    @field_validator("delimiter")
    @classmethod
    def _usable_delimiter(cls, value: str) -> str:
        if value in '\r\n"\0' or value.isalnum():
            raise ValueError('write one of "," ";" "\\t" "|"')
        return value

    @field_validator("time_format")
    @classmethod
    def _tells_the_day(cls, value: str) -> str:
        if value == EXCEL_SERIAL:
            return value
        sample = datetime(2011, 12, 9, tzinfo=UTC)
        try:
            read = datetime.strptime(sample.strftime(value), value)  # noqa: DTZ007
        except ValueError:
            read = None
        if read is None or read.date() != sample.date():
            raise ValueError(
                "this does not tell year, month and day; write for example %Y-%m-%d %H:%M:%S, "
                f'or "{EXCEL_SERIAL}" for date cells of XLSX'
            )
        return value

    @model_validator(mode="after")
    def _statuses_complete(self) -> Self:
        kinds = {OrderKind.SALE, *(rule.kind for rule in self.kinds)}
        missing = sorted(kinds - set(self.status))
        if missing and self.columns.status is None:
            lines = ", ".join(f'{kind} = "COMPLETED"' for kind in missing)
            raise ValueError(f"[status] must say the status of every kind; add {lines}")
        if self.columns.status is not None and not self.status_words:
            raise ValueError("[status_words] must say what the words of columns.status mean")
        both = sorted(name for name in self.constants if getattr(self.columns, name) is not None)
        if both:
            raise ValueError(f"{', '.join(both)}: name a column or a constant, not both")
        return self


def load_mapping(path: Path) -> Mapping:
    """Read and check a mapping file; MappingRefused says what to mend."""
    try:
        with path.open("rb") as file:
            content = file.read(LONGEST_MAPPING_BYTES + 1)
    except OSError as error:
        raise MappingRefused(f"{path}: {error.strerror}") from error
    if len(content) > LONGEST_MAPPING_BYTES:
        raise MappingRefused(f"{path}: longer than {LONGEST_MAPPING_BYTES:,} bytes, no mapping is")
    try:
        return Mapping.model_validate(tomllib.loads(content.decode("utf-8-sig")))
    except UnicodeDecodeError as error:
        raise MappingRefused(
            f"{path}: not UTF-8 at byte {error.start:,}; save it as UTF-8"
        ) from None
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise MappingRefused(f"{path}: not TOML: {error}") from error
    except ValidationError as error:
        raise MappingRefused("\n".join(f"{path}: {text}" for text in _problems(error))) from error


def _problems(error: ValidationError) -> list[str]:
    """One sentence for each wrong key: its place in the file, what is wrong, what was written."""
    sentences = []
    for problem in error.errors(include_url=False):
        key = ".".join(str(part) for part in problem["loc"] if part != "[key]") or "the mapping"
        match problem["type"]:
            case "missing":
                advice = "this key is missing; add it"
            case "extra_forbidden":
                advice = "this key is unknown; remove it or mend its spelling"
            case _:
                advice = problem["msg"].removeprefix("Value error, ")
        written = problem["input"]
        shown = f" (it says {written!r})" if isinstance(written, str | int | float) else ""
        sentences.append(f"{key}: {advice}{shown}")
    return sentences
