"""What a product must hold to be stored; each problem names where in the input it lies."""

from typing import TYPE_CHECKING

from commerce.catalogue import limits
from commerce.refusals import InvalidValue, Path, Refusal

if TYPE_CHECKING:
    from commerce.catalogue.operations import NewProduct, NewSku


def problems_with_texts(title: str, description: str, *, at: Path = ()) -> list[Refusal]:
    problems: list[Refusal] = []
    if not 1 <= len(title.strip()) <= limits.MAX_TITLE:
        problems.append(
            InvalidValue(
                f"A title has 1 to {limits.MAX_TITLE} characters; this one has {len(title)}.",
                field=(*at, "title"),
            )
        )
    if len(description) > limits.MAX_DESCRIPTION:
        problems.append(
            InvalidValue(
                f"A description has at most {limits.MAX_DESCRIPTION:,} characters; this one has "
                f"{len(description):,}.",
                field=(*at, "description"),
            )
        )
    if "\x00" in title or "\x00" in description:
        problems.append(InvalidValue("A text holds a NUL character.", field=(*at, "title")))
    return problems


def problems_with_new(product: "NewProduct") -> list[Refusal]:
    problems = problems_with_texts(product.title, product.description)
    for n, text in enumerate(product.translations):
        at: Path = ("translations", n)
        problems += problems_with_texts(text.title, text.description, at=at)
    if not 1 <= len(product.skus) <= limits.MAX_SKUS:
        problems.append(
            InvalidValue(
                f"A product has 1 to {limits.MAX_SKUS} SKUs; this one has {len(product.skus)}.",
                field=("skus",),
            )
        )
    if len(product.media) > limits.MAX_MEDIA:
        problems.append(
            InvalidValue(f"At most {limits.MAX_MEDIA} media references.", field=("media",))
        )
    seen: set[str] = set()
    for n, sku in enumerate(product.skus):
        problems += _problems_with_sku(sku, at=("skus", n))
        if sku.seller_sku in seen:
            problems.append(
                InvalidValue(
                    f"The seller SKU {sku.seller_sku!r} is given twice.",
                    field=("skus", n, "sellerSku"),
                )
            )
        seen.add(sku.seller_sku)
    return problems


def _problems_with_sku(sku: "NewSku", *, at: Path) -> list[Refusal]:
    problems: list[Refusal] = []
    if not 1 <= len(sku.seller_sku) <= limits.MAX_SELLER_SKU or "\x00" in sku.seller_sku:
        message = f"A seller SKU has 1 to {limits.MAX_SELLER_SKU} characters."
        problems.append(InvalidValue(message, field=(*at, "sellerSku")))
    if not 0 < sku.price_minor < 2**62:
        problems.append(InvalidValue("A price is more than zero.", field=(*at, "price")))
    if len(sku.sales_attributes) > limits.MAX_SALES_ATTRIBUTES:
        message = f"A SKU has at most {limits.MAX_SALES_ATTRIBUTES} sales attributes."
        problems.append(InvalidValue(message, field=(*at, "salesAttributes")))
    problems += [
        InvalidValue(
            f"Stock lies between 0 and {limits.MAX_STOCK:,}; it was {stock.available:,}.",
            field=(*at, "stock", n, "available"),
        )
        for n, stock in enumerate(sku.stock)
        if not 0 <= stock.available <= limits.MAX_STOCK
    ]
    return problems
