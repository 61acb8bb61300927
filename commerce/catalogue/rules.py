"""What a product must hold to be stored; each problem names where in the input it lies."""

from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

from commerce.catalogue import limits
from commerce.catalogue.drafts import NewProduct, NewSku, NewTranslation
from commerce.refusals import InvalidValue, Path, Refusal

_MAX_PRICE = 2**53  # minor units


def problems_with_new(product: NewProduct) -> Iterator[Refusal]:
    yield from problems_with_texts(product.title, product.description, product.brand)
    yield from problems_with_translations(product.translations)
    yield from _length(
        product.external_id, limits.MAX_EXTERNAL_ID, "An external id", ("externalId",)
    )
    yield from _attribute_problems(product)
    yield from _media_problems(product.media)
    yield from _sku_problems(product.skus)


def problems_with_texts(
    title: str, description: str, brand: str | None = None, *, at: Path = ()
) -> Iterator[Refusal]:
    if not title.strip() or len(title) > limits.MAX_TITLE:
        yield InvalidValue(
            f"A title has 1 to {limits.MAX_TITLE} characters; this one has {len(title)}.",
            field=(*at, "title"),
        )
    if len(description) > limits.MAX_DESCRIPTION:
        yield InvalidValue(
            f"A description has at most {limits.MAX_DESCRIPTION:,} characters; this one has "
            f"{len(description):,}.",
            field=(*at, "description"),
        )
    yield from _length(brand, limits.MAX_NAME, "A brand", (*at, "brand"))


def problems_with_translations(translations: Sequence[NewTranslation]) -> Iterator[Refusal]:
    seen: set[str] = set()
    for n, text in enumerate(translations):
        at: Path = ("translations", n)
        if text.locale not in limits.LOCALES:
            known = ", ".join(sorted(limits.LOCALES))
            message = f"{text.locale!r} is no locale of the product; these are: {known}."
            yield InvalidValue(message, field=(*at, "locale"))
        elif text.locale in seen:
            yield InvalidValue(f"{text.locale} is given twice.", field=(*at, "locale"))
        seen.add(text.locale)
        yield from problems_with_texts(text.title, text.description, at=at)


def _length(text: str | None, most: int, what: str, field: Path) -> Iterator[Refusal]:
    if text is not None and (not text.strip() or len(text) > most):
        message = f"{what} has 1 to {most} characters; this one has {len(text)}."
        yield InvalidValue(message, field=field)


def _attribute_problems(product: NewProduct) -> Iterator[Refusal]:
    if len(product.attributes) > limits.MAX_ATTRIBUTES:
        message = f"A product has at most {limits.MAX_ATTRIBUTES} attributes."
        yield InvalidValue(message, field=("attributes",))
    for n, (name, values) in enumerate(product.attributes):
        at: Path = ("attributes", n)
        yield from _length(name, limits.MAX_NAME, "A name", (*at, "name"))
        if len(values) > limits.MAX_ATTRIBUTE_VALUES:
            message = f"An attribute has at most {limits.MAX_ATTRIBUTE_VALUES} values."
            yield InvalidValue(message, field=(*at, "values"))
        for m, value in enumerate(values):
            yield from _length(value, limits.MAX_NAME, "A value", (*at, "values", m))


def _media_problems(media: Sequence[tuple[str, str]]) -> Iterator[Refusal]:
    if len(media) > limits.MAX_MEDIA:
        yield InvalidValue(f"At most {limits.MAX_MEDIA} media references.", field=("media",))
    for n, (_, url) in enumerate(media):
        if not _is_address(url):
            message = f"A medium is an https:// address of up to {limits.MAX_URL:,} characters."
            yield InvalidValue(message, field=("media", n, "url"))


def _is_address(url: str) -> bool:
    # First its length: to split one, Python normalises it, which may take the square of that.
    if len(url) > limits.MAX_URL or not url.isprintable() or " " in url:
        return False
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme == "https" and bool(parts.netloc)


def _sku_problems(skus: Sequence[NewSku]) -> Iterator[Refusal]:
    if not 1 <= len(skus) <= limits.MAX_SKUS:
        yield InvalidValue(
            f"A product has 1 to {limits.MAX_SKUS} SKUs; this one has {len(skus)}.",
            field=("skus",),
        )
    for n, sku in enumerate(skus):
        yield from _problems_with_sku(sku, at=("skus", n))
    yield from _repeated([sku.seller_sku for sku in skus], "seller SKU", "sellerSku")
    yield from _repeated([sku.external_id for sku in skus], "external id", "externalId")
    yield from _variation_problems(skus)


def _repeated(ids: Sequence[str | None], what: str, name: str) -> Iterator[Refusal]:
    seen: set[str] = set()
    for n, id_ in enumerate(ids):
        if id_ in seen:
            yield InvalidValue(f"The {what} {id_!r} is given twice.", field=("skus", n, name))
        if id_ is not None:
            seen.add(id_)


def _variation_problems(skus: Sequence[NewSku]) -> Iterator[Refusal]:
    """The SKUs of a product differ in the same sales attributes, and no two are alike."""
    seen: set[frozenset[tuple[str, str]]] = set()
    for n, sku in enumerate(skus):
        at: Path = ("skus", n, "salesAttributes")
        names = [name for name, _ in sku.sales_attributes]
        if len(set(names)) < len(names):
            yield InvalidValue("A sales attribute is given twice.", field=at)
        elif set(names) != {name for name, _ in skus[0].sales_attributes}:
            yield InvalidValue("All SKUs of a product have the same sales attributes.", field=at)
        elif names and frozenset(sku.sales_attributes) in seen:
            yield InvalidValue("Another SKU has the same sales attributes.", field=at)
        seen.add(frozenset(sku.sales_attributes))


def _problems_with_sku(sku: NewSku, *, at: Path) -> Iterator[Refusal]:
    yield from _length(sku.seller_sku, limits.MAX_SELLER_SKU, "A seller SKU", (*at, "sellerSku"))
    yield from _length(
        sku.external_id, limits.MAX_EXTERNAL_ID, "An external id", (*at, "externalId")
    )
    if not 0 < sku.price_minor <= _MAX_PRICE:
        message = "A price is more than zero, and not too large to be kept exactly."
        yield InvalidValue(message, field=(*at, "price"))
    if len(sku.sales_attributes) > limits.MAX_SALES_ATTRIBUTES:
        message = f"A SKU has at most {limits.MAX_SALES_ATTRIBUTES} sales attributes."
        yield InvalidValue(message, field=(*at, "salesAttributes"))
    for n, (name, value) in enumerate(sku.sales_attributes):
        here: Path = (*at, "salesAttributes", n)
        yield from _length(name, limits.MAX_NAME, "A name", (*here, "name"))
        yield from _length(value, limits.MAX_NAME, "A value", (*here, "value"))
    seen = set()
    for n, stock in enumerate(sku.stock):
        if not 0 <= stock.available <= limits.MAX_STOCK:
            yield InvalidValue(
                f"Stock lies between 0 and {limits.MAX_STOCK:,}; it was {stock.available:,}.",
                field=(*at, "stock", n, "available"),
            )
        if stock.warehouse_id in seen:
            message = "This warehouse is given twice for one SKU."
            yield InvalidValue(message, field=(*at, "stock", n, "warehouseId"))
        seen.add(stock.warehouse_id)
