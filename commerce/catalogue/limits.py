"""How long, many and large the parts of a product may be. Source: requirement P4 [T]."""

MAX_TITLE = 255
MAX_DESCRIPTION = 10_000
MAX_SKUS = 300
MAX_SALES_ATTRIBUTES = 3
MAX_SELLER_SKU = 50
MAX_STOCK = 999_999
MAX_MEDIA = 9
MAX_PRODUCTS_PER_CALL = 20  # P7
MAX_EXTERNAL_ID = 200
MAX_NAME = 255  # a brand, the name or value of an attribute
MAX_ATTRIBUTES = 100
MAX_ATTRIBUTE_VALUES = 100
MAX_URL = 2_048
LOCALES = frozenset({"en-GB", "en-US", "id-ID", "ms-MY", "th-TH", "vi-VN", "zh-CN"})  # section 14
