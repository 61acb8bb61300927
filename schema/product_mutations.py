"""Changes to products."""

from typing import Any

import strawberry

from commerce.catalogue import drafts, operations
from commerce.catalogue.media import MediaUse
from commerce.money import to_minor
from commerce.refusals import InvalidValue
from commerce.shops.sites import Site
from schema.context import Info
from schema.money import MoneyInput
from schema.mutations import UserError, entity, perform
from schema.nodes import local_id
from schema.products import Product
from tenants.database import Writer
from tenants.grants import Grant


@strawberry.type(description="The product as it is after the change.")
class ProductPayload:
    product: Product | None = None
    user_errors: list[UserError]


@strawberry.input(description="What tells this SKU from the others; the same names on every SKU.")
class SalesAttributeInput:
    name: str
    value: str


@strawberry.input(description="A property of a product, such as its material.")
class ProductAttributeInput:
    name: str
    values: list[str]


@strawberry.input(description="Pieces in one warehouse, 0 to 999,999.")
class StockInput:
    warehouse_id: strawberry.ID
    available: int


@strawberry.input(description="A variation; its seller SKU is unique in the workspace.")
class SkuInput:
    seller_sku: str
    price: MoneyInput
    external_id: str | None = None
    sales_attributes: list[SalesAttributeInput] = strawberry.field(default_factory=list)
    stock: list[StockInput] = strawberry.field(default_factory=list)


@strawberry.input(
    description="Texts in another language: `locale` is one of the market's, such as th-TH."
)
class ProductTranslationInput:
    locale: str
    title: str
    description: str = ""


@strawberry.input(description="An https:// address of an image or a video, and what it is for.")
class ProductMediaInput:
    kind: MediaUse
    url: str


@strawberry.input(description="A new product, with 1 to 300 SKUs.")
class ProductCreateInput:
    title: str
    skus: list[SkuInput]
    description: str = ""
    brand: str | None = None
    category_id: strawberry.ID | None = None
    external_id: str | None = None
    attributes: list[ProductAttributeInput] = strawberry.field(default_factory=list)
    translations: list[ProductTranslationInput] = strawberry.field(default_factory=list)
    media: list[ProductMediaInput] = strawberry.field(default_factory=list)
    sites: list[Site] = strawberry.field(
        default_factory=list, description="Where it is to be listed once it is activated."
    )
    idempotency_key: str


@strawberry.input(description="What is to be new; what is left out or null stays as it is.")
class ProductUpdateInput:
    product_id: strawberry.ID
    expected_version: int
    title: str | None = None
    description: str | None = None
    brand: str | None = None
    category_id: strawberry.ID | None = None
    translations: list[ProductTranslationInput] = strawberry.field(default_factory=list)


@strawberry.input(description="Which product to put on sale or take off.")
class ProductMoveInput:
    product_id: strawberry.ID
    expected_version: int | None = None


async def product_create(info: Info, input: ProductCreateInput) -> ProductPayload:
    async def work(writer: Writer) -> str:
        return str(await operations.create(writer, _new_product(input)))

    return await perform(
        info,
        ProductPayload,
        grant=Grant.CATALOGUE_MANAGE,
        action="productCreate",
        work=work,
        key=input.idempotency_key,
        request=input,
        answer=entity(info, "product"),
    )


async def product_update(info: Info, input: ProductUpdateInput) -> ProductPayload:
    texts = drafts.ProductTexts(
        title=input.title,
        description=input.description,
        brand=input.brand,
        category_id=_category(input.category_id),
        translations=_translations(input.translations),
    )
    product_id = local_id("Product", input.product_id, argument="productId")
    return await perform(
        info,
        ProductPayload,
        grant=Grant.CATALOGUE_MANAGE,
        action="productUpdate",
        work=lambda writer: operations.update(
            writer, product_id, texts, expected_version=input.expected_version
        ),
        answer=entity(info, "product"),
    )


async def product_activate(info: Info, input: ProductMoveInput) -> ProductPayload:
    return await _move(info, input, "productActivate", operations.activate)


async def product_deactivate(info: Info, input: ProductMoveInput) -> ProductPayload:
    return await _move(info, input, "productDeactivate", operations.deactivate)


async def _move(info: Info, input: ProductMoveInput, action: str, move: Any) -> ProductPayload:
    product_id = local_id("Product", input.product_id, argument="productId")
    return await perform(
        info,
        ProductPayload,
        grant=Grant.CATALOGUE_MANAGE,
        action=action,
        work=lambda writer: move(writer, product_id, expected_version=input.expected_version),
        answer=entity(info, "product"),
    )


def _new_product(input: ProductCreateInput) -> drafts.NewProduct:
    return drafts.NewProduct(
        title=input.title,
        description=input.description,
        brand=input.brand,
        category_id=_category(input.category_id),
        external_id=input.external_id,
        attributes=tuple((a.name, tuple(a.values)) for a in input.attributes),
        skus=tuple(_new_sku(n, sku) for n, sku in enumerate(input.skus)),
        translations=_translations(input.translations),
        media=tuple((m.kind, m.url) for m in input.media),
        sites=tuple(input.sites),
    )


def _new_sku(number: int, sku: SkuInput) -> drafts.NewSku:
    try:
        price = to_minor(sku.price.amount, sku.price.currency_code)
    except ValueError as error:
        raise InvalidValue(str(error), field=("skus", number, "price")) from None
    return drafts.NewSku(
        seller_sku=sku.seller_sku,
        price_minor=price,
        currency=sku.price.currency_code,
        external_id=sku.external_id,
        sales_attributes=tuple((a.name, a.value) for a in sku.sales_attributes),
        stock=tuple(
            drafts.NewStock(
                warehouse_id=local_id("Warehouse", s.warehouse_id, argument="warehouseId"),
                available=s.available,
            )
            for s in sku.stock
        ),
    )


def _translations(
    given: list[ProductTranslationInput],
) -> tuple[drafts.NewTranslation, ...]:
    return tuple(
        drafts.NewTranslation(locale=t.locale, title=t.title, description=t.description)
        for t in given
    )


def _category(value: strawberry.ID | None) -> str | None:
    return None if value is None else str(local_id("Category", value, argument="categoryId"))
