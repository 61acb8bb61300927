"""The sites a shop can be opened on, with the currency and the clock of each.

Source: requirement O1 (sites) and section 14 (site to currency). DE and FR are sites for the
extended producer responsibility rules only; they settle in euro.
"""

from dataclasses import dataclass
from enum import StrEnum
from zoneinfo import ZoneInfo


class Site(StrEnum):
    """A market. DE and FR are for producer responsibility rules only."""

    TH = "TH"
    VN = "VN"
    MY = "MY"
    ID = "ID"
    PH = "PH"
    SG = "SG"
    GB = "GB"
    US = "US"
    DE = "DE"
    FR = "FR"


@dataclass(frozen=True, slots=True)
class SiteFacts:
    """What does not change from shop to shop: `currency` is ISO 4217, `time_zone` is IANA."""

    currency: str
    time_zone: ZoneInfo


SITES: dict[Site, SiteFacts] = {
    Site.TH: SiteFacts("THB", ZoneInfo("Asia/Bangkok")),
    Site.VN: SiteFacts("VND", ZoneInfo("Asia/Ho_Chi_Minh")),
    Site.MY: SiteFacts("MYR", ZoneInfo("Asia/Kuala_Lumpur")),
    Site.ID: SiteFacts("IDR", ZoneInfo("Asia/Jakarta")),
    Site.PH: SiteFacts("PHP", ZoneInfo("Asia/Manila")),
    Site.SG: SiteFacts("SGD", ZoneInfo("Asia/Singapore")),
    Site.GB: SiteFacts("GBP", ZoneInfo("Europe/London")),
    Site.US: SiteFacts("USD", ZoneInfo("America/Los_Angeles")),
    Site.DE: SiteFacts("EUR", ZoneInfo("Europe/Berlin")),
    Site.FR: SiteFacts("EUR", ZoneInfo("Europe/Paris")),
}
