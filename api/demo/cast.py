"""Who and what appears in the demo workspaces: invented, plausible, in several languages."""

from dataclasses import dataclass

from commerce.shops.sites import Site


@dataclass(frozen=True, slots=True)
class DemoProduct:
    title: str
    category_id: str
    local_titles: dict[str, str]
    sku_prefix: str
    price: int  # in the major unit of the workspace's currency
    variations: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DemoWorkspace:
    slug: str
    name: str
    legacy_id: str
    sites: tuple[Site, ...]
    currency: str
    warehouse: str
    room_title: str
    host: str
    room_external_id: str
    products: tuple[DemoProduct, ...]


BANGKOK = DemoWorkspace(
    slug="bangkok-breeze",
    name="Bangkok Breeze",
    legacy_id="SP-TH-20817",
    sites=(Site.TH, Site.MY),
    currency="THB",
    warehouse="Bangkok Bang Na",
    room_title="Friday night outfit drop",
    host="Ploy",
    room_external_id="7423810055120938241",
    products=(
        DemoProduct(
            "Linen summer dress with tie belt",
            "601226",
            {"th-TH": "เดรสผ้าลินินหน้าร้อนพร้อมเข็มขัดผูก", "ms-MY": "Gaun linen musim panas"},
            "BB-DRESS",
            590,
            ("S", "M", "L", "XL"),
        ),
        DemoProduct(
            "Oversized cotton T-shirt",
            "601226",
            {"th-TH": "เสื้อยืดคอตตอนโอเวอร์ไซซ์"},
            "BB-TEE",
            259,
            ("White / M", "White / L", "Black / M", "Black / L"),
        ),
        DemoProduct(
            "Portable neck fan, three speeds",
            "600942",
            {"th-TH": "พัดลมคล้องคอพกพา ปรับได้ 3 ระดับ"},
            "BB-FAN",
            399,
            ("Mint", "Cream"),
        ),
        DemoProduct(
            "Rice water brightening serum 30 ml",
            "601450",
            {"th-TH": "เซรั่มน้ำข้าวผิวกระจ่างใส 30 มล.", "ms-MY": "Serum air beras 30 ml"},
            "BB-SERUM",
            349,
            ("30 ml",),
        ),
        DemoProduct(
            "Foldable rattan picnic basket",
            "600001",
            {"th-TH": "ตะกร้าปิกนิกหวายพับได้"},
            "BB-BASKET",
            720,
            ("Natural",),
        ),
    ),
)

SAIGON = DemoWorkspace(
    slug="saigon-street",
    name="Saigon Street",
    legacy_id="SP-VN-11402",
    sites=(Site.VN, Site.GB),
    currency="VND",
    warehouse="Bình Tân",
    room_title="Giày mới về, xả kho cuối tuần",
    host="Minh",
    room_external_id="7423810055120938999",
    products=(
        DemoProduct(
            "Canvas low-top sneakers",
            "601352",
            {"vi-VN": "Giày vải cổ thấp", "en-GB": "Canvas low-top trainers"},
            "SS-SNEAK",
            420_000,
            ("38", "39", "40", "41", "42"),
        ),
        DemoProduct(
            "Phin coffee filter set, stainless steel",
            "600001",
            {"vi-VN": "Bộ phin cà phê inox"},
            "SS-PHIN",
            185_000,
            ("2 cups", "4 cups"),
        ),
        DemoProduct(
            "Rain poncho for two on a motorbike",
            "601226",
            {"vi-VN": "Áo mưa cánh dơi hai đầu"},
            "SS-RAIN",
            149_000,
            ("Blue", "Yellow"),
        ),
    ),
)

WORKSPACES = (BANGKOK, SAIGON)
BUYERS = ("mali.s", "nok_88", "tran.an", "huong.ng", "beam.k", "aisyah", "dewi", "somchai.p")
