"""LIVE rooms: found, paged, and linked from their orders."""

from schema.nodes import global_id
from tests.world import World, an_order


async def test_a_room_is_found_by_part_of_its_title_and_by_its_external_id(world: World) -> None:
    workspace = await world.workspace()
    query = "query ($where: LiveRoomWhere) { liveRooms(where: $where) { totalCount nodes { id } } }"

    by_title = await workspace.ask(query, {"where": {"search": "ES"}})
    by_id = await workspace.ask(
        query, {"where": {"externalId": {"eq": workspace.room_external_id}}}
    )
    on_air = await workspace.ask(query, {"where": {"endedAt": {"isNull": True}}})
    elsewhere = await workspace.ask(query, {"where": {"site": {"eq": "GB"}}})

    for answer in (by_title, by_id, on_air):
        assert [n["id"] for n in answer.data["liveRooms"]["nodes"]] == [workspace.room_global_id]
    assert elsewhere.data["liveRooms"]["totalCount"] == 0


async def test_the_orders_of_a_room(world: World) -> None:
    workspace = await world.workspace()
    await workspace.order()
    inside = an_order(live_room_id=workspace.room_external_id)
    (stored,) = await workspace.ingest([inside])

    answer = await workspace.ask(
        "query ($room: ID!) { orders(where: {liveRoomId: {eq: $room}}) "
        "{ nodes { id liveRoom { id title host } } } }",
        {"room": workspace.room_global_id},
    )

    assert answer.data["orders"]["nodes"] == [
        {
            "id": global_id("Order", stored.order_id),
            "liveRoom": {"id": workspace.room_global_id, "title": "Test", "host": "Ploy"},
        }
    ]


async def test_categories_come_with_the_top_of_the_tree_first(world: World) -> None:
    workspace = await world.workspace()

    answer = await workspace.ask("{ categories { name parent { name } } }")

    names = [c["name"] for c in answer.data["categories"]]
    assert names.index("Womenswear & Underwear") < names.index("Womenswear")
    assert answer.statements == 3
