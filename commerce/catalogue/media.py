"""What an image or a video of a product is for. Source: requirements section 14, image use [T]."""

from enum import StrEnum


class MediaUse(StrEnum):
    """What an image of a product is for; a VIDEO is always the product's own."""

    MAIN_IMAGE = "MAIN_IMAGE"
    ATTRIBUTE_IMAGE = "ATTRIBUTE_IMAGE"
    DESCRIPTION_IMAGE = "DESCRIPTION_IMAGE"
    CERTIFICATION_IMAGE = "CERTIFICATION_IMAGE"
    SIZE_CHART_IMAGE = "SIZE_CHART_IMAGE"
    VIDEO = "VIDEO"
