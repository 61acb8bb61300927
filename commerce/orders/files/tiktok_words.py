"""The words and headings of TikTok Shop's order export.

Gathered from public code that reads such files; only what was seen there, and the spellings of
TikTok's own API, is listed. Everything is compared without regard to case and runs of blanks.
"""

from commerce.orders.files.entries import heading_key
from commerce.orders.lifecycle import Actor, FulfilmentPath, OrderStatus

REQUIRED_HEADINGS = (
    "Order ID",
    "Order Status",
    "SKU ID",
    "Product Name",
    "Quantity",
    "SKU Unit Original Price",
    "Created Time",
)

USED_HEADINGS = (
    *REQUIRED_HEADINGS,
    "Order Substatus",
    "Seller SKU",
    "Variation",
    "SKU Subtotal Before Discount",
    "SKU Platform Discount",
    "SKU Seller Discount",
    "SKU Subtotal After Discount",
    "Shipping Fee After Discount",
    "Payment platform discount",
    "Taxes",
    "Small Order Fee",
    "Buyer Service Fee",
    "Handling Fee",
    "Shipping Insurance",
    "Item Insurance",
    "Distance Shipping Fee",
    "Distance Fee",
    "Order Amount",
    "Paid Time",
    "RTS Time",
    "Shipped Time",
    "Delivered Time",
    "Cancelled Time",
    "Cancel By",
    "Cancel Reason",
    "Fulfillment Type",
    "Tracking ID",
    "Shipping Provider Name",
    "Buyer Message",
    "Buyer Username",
    "Buyer Nickname",
    "Recipient",
    "Phone #",
    "Zipcode",
    "Country",
    "Province",
    "State",
    "City",
    "Regency and City",
    "District",
    "Districts",
    "Villages",
    "Detail Address",
    "Address Line 1",
    "Address Line 2",
    "Additional address information",
    "Payment Method",
    "Package ID",
    "Seller Note",
)

STATUS_WORDS: dict[str, OrderStatus] = {
    "Unpaid": OrderStatus.UNPAID,
    "On hold": OrderStatus.ON_HOLD,
    "To ship": OrderStatus.AWAITING_SHIPMENT,
    "Awaiting Shipment": OrderStatus.AWAITING_SHIPMENT,
    "Partially Shipping": OrderStatus.PARTIALLY_SHIPPING,
    "Awaiting Collection": OrderStatus.AWAITING_COLLECTION,
    "Shipped": OrderStatus.IN_TRANSIT,
    "In Transit": OrderStatus.IN_TRANSIT,
    "Delivered": OrderStatus.DELIVERED,
    "Completed": OrderStatus.COMPLETED,
    "Cancelled": OrderStatus.CANCELLED,
    "Canceled": OrderStatus.CANCELLED,
    "ค้างชำระ": OrderStatus.UNPAID,
    "ที่จะจัดส่ง": OrderStatus.AWAITING_SHIPMENT,
    "จัดส่งแล้ว": OrderStatus.IN_TRANSIT,
    "เสร็จสมบูรณ์": OrderStatus.COMPLETED,
    "ยกเลิกแล้ว": OrderStatus.CANCELLED,
}

SUBSTATUSES: dict[OrderStatus, frozenset[OrderStatus]] = {
    OrderStatus.AWAITING_SHIPMENT: frozenset(
        {
            OrderStatus.ON_HOLD,
            OrderStatus.AWAITING_SHIPMENT,
            OrderStatus.PARTIALLY_SHIPPING,
            OrderStatus.AWAITING_COLLECTION,
        }
    ),
    OrderStatus.IN_TRANSIT: frozenset({OrderStatus.IN_TRANSIT, OrderStatus.DELIVERED}),
}
"""The export's statuses are coarse ("To ship", "Shipped"); the substatus says which one it is."""

CANCELLERS: dict[str, Actor] = {
    "Buyer": Actor.BUYER,
    "User": Actor.BUYER,
    "Seller": Actor.SELLER,
    "Operator": Actor.OPERATOR,
    "Platform": Actor.OPERATOR,
    "System": Actor.SYSTEM,
}

PATHS: dict[str, FulfilmentPath] = {
    "Fulfillment by TikTok Shop": FulfilmentPath.TIKTOK_SHIPPING,
    "Seller Shipping": FulfilmentPath.LOCAL_WAREHOUSE,
}
"""Our reading [A]: the export does not know the two paths of the product brief by name."""

STATUS_BY_KEY = {heading_key(word): status for word, status in STATUS_WORDS.items()}
CANCELLER_BY_KEY = {heading_key(word): actor for word, actor in CANCELLERS.items()}
PATH_BY_KEY = {heading_key(word): path for word, path in PATHS.items()}
