"""What is unique within a workspace, and what to say when two changes want it at once.

Operations look first, to name the exact place in the input; the unique key decides when another
change commits in between.
"""

from commerce.refusals import AlreadyTaken, Path

_KEYS: dict[str, tuple[str, Path]] = {
    "uq_skus_seller_sku": ("A seller SKU belongs to another product", ("skus",)),
    "uq_skus_workspace_id_external_id": ("The external id of a SKU is in use", ("skus",)),
    "uq_products_workspace_id_external_id": ("The external id is in use", ("externalId",)),
    "uq_shops_workspace_id_site": ("There is a shop on this site", ("site",)),
    "uq_shops_workspace_id_external_id": ("The external id is in use", ("externalId",)),
    "uq_shops_workspace_id_legacy_id": ("The legacy id is in use", ("legacyId",)),
    "uq_warehouses_workspace_id_name": ("There is a warehouse of this name", ("name",)),
    "uq_live_rooms_workspace_id_external_id": ("The room id is in use", ("externalId",)),
}


def already_taken(constraint: str | None) -> AlreadyTaken | None:
    """The refusal for a violated unique key; None for a key that no input of a seller fills."""
    if constraint not in _KEYS:
        return None
    message, field = _KEYS[constraint]
    return AlreadyTaken(f"{message} in this workspace; choose another.", field=field)
