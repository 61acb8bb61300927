"""Files become orders: `./seller import orders` as a person runs it, and what GraphQL says."""

import asyncio
import csv
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from api.embedded.servers import EmbeddedServers
from tests.world import TestWorkspace
from tests.world.own_platform import CHECKOUT, OwnPlatform, own_platform

pytestmark = pytest.mark.asyncio(loop_scope="session")

RETAIL = CHECKOUT.parent / "shared/data/online-retail/online_retail_all.csv.gz"
MAPPING = """
channel = "OWN_SHOP"
site = "TH"
currency = "THB"
time_zone = "Asia/Bangkok"
time_format = "%Y-%m-%d"
[columns]
order_id = "Order"
placed_at = "Day"
seller_sku = "SKU"
quantity = "Pieces"
unit_price = "Price"
[status]
SALE = "COMPLETED"
"""
EXPORT = {
    "Order ID": "576461413038785752",
    "Order Status": "To ship",
    "Order Substatus": "Awaiting Shipment",
    "SKU ID": "1729384756102938475",
    "Seller SKU": "TEE-RED-M",
    "Product Name": "Tee",
    "Variation": "Red, M",
    "Quantity": "2",
    "SKU Unit Original Price": "฿100.00",
    "SKU Subtotal Before Discount": "200.00",
    "SKU Platform Discount": "10.00",
    "SKU Seller Discount": "20.00",
    "SKU Subtotal After Discount": "170.00",
    "Shipping Fee After Discount": "30.00",
    "Taxes": "5.00",
    "Order Amount": "205.00",
    "Created Time": "01/02/2026 00:30:00",
    "Paid Time": "01/02/2026 00:31:05",
    "Shipped Time": "",
    "Fulfillment Type": "Seller Shipping",
    "Tracking ID": "",
    "Shipping Provider Name": "",
    "Buyer Username": "k****t",
    "Recipient": "S*** P***",
    "Province": "Bangkok",
    "Package ID": "",
}
ORDER = """
query ($id: String!) {
  orders(first: 5, where: {externalId: {eq: $id}}) { nodes {
    status placedAt total { amount currencyCode }
    lines { sellerSku quantity } packages { status trackingNumber }
  } }
}
"""
FIGURES = """
query ($where: OrderLineWhere) {
  orderLineFigures(where: $where) {
    value { amount currencyCode } lines orders sellerSkus buyers countries
  }
}
"""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def platform(
    servers: EmbeddedServers, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[OwnPlatform]:
    folder = tmp_path_factory.mktemp("import")
    async with own_platform(servers.owner_url, folder, name="import") as opened:
        yield opened
    connection = await asyncpg.connect(servers.owner_url)
    await connection.execute("DROP DATABASE seller_test_import WITH (FORCE)")
    await connection.close()


@pytest_asyncio.fixture(loop_scope="session")
async def workspace(platform: OwnPlatform) -> TestWorkspace:
    return await platform.world.workspace()


def command(platform: OwnPlatform, workspace: TestWorkspace, file: Path, *options: str) -> Any:
    """What `subprocess` needs to run the import; it runs where the file is."""
    settings = platform.parts.settings
    assert settings.app_database_url is not None
    assert settings.redis_url is not None
    words = ["import", "orders", str(file), "--workspace", workspace.slug, *options]
    return {
        "args": [str(CHECKOUT / "seller"), *words],
        "cwd": file.parent,
        "env": os.environ
        | {
            "APP_DATABASE_URL": settings.app_database_url.get_secret_value(),
            "REDIS_URL": settings.redis_url.get_secret_value(),
            "SELLER_STATE": str(settings.state),
            "COLUMNS": "200",
        },
    }


async def run(
    platform: OwnPlatform,
    workspace: TestWorkspace,
    file: Path,
    *options: str,
    within: Sequence[str] = (),
) -> "subprocess.CompletedProcess[str]":
    """`within`: a program that runs the command it is given."""
    given = command(platform, workspace, file, *options)
    given["args"] = [*within, *given["args"]]

    def work() -> "subprocess.CompletedProcess[str]":
        return subprocess.run(**given, capture_output=True, text=True, timeout=300, check=False)

    return await asyncio.to_thread(work)


# Between us and the import: a child's peak begins with what its parent held, and we hold much.
TELLING_ITS_PEAK = """
import resource, subprocess, sys
code = subprocess.call(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=sys.stderr)
sys.exit(code)
"""


def export(path: Path, *lines: dict[str, str]) -> Path:
    """An export as TikTok Shop writes it: a description row, a tab at the end of every cell."""
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(EXPORT)
        writer.writerow(["Platform unique order ID.", *[""] * (len(EXPORT) - 1)])
        writer.writerows([f"{cell}\t" for cell in (EXPORT | line).values()] for line in lines)
    return path


def table(path: Path, orders: int, *, lines: int = 3) -> Path:
    path.with_suffix(".toml").write_text(MAPPING)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["Order", "Day", "SKU", "Pieces", "Price"])
        for n in range(orders):
            rows = [[f"N-{n}", "2026-05-01", f"SKU-{line}", 1, "9.99"] for line in range(lines)]
            writer.writerows(rows)
    return path


async def test_an_export_of_tiktok_shop_and_a_later_one(
    platform: OwnPlatform, workspace: TestWorkspace, tmp_path: Path
) -> None:
    bad = {"Order ID": "576461413038785753", "Quantity": "two"}
    first = export(tmp_path / "orders.csv", {}, bad, bad | {"Quantity": "1"})
    done = await run(platform, workspace, first, "--site", "th")
    assert done.returncode == 0, done.stderr
    assert "Stored 1 orders (1 lines)" in done.stdout
    assert "Rejected 1 orders (2 lines)" in done.stdout
    assert "Line 4, Quantity" in done.stderr
    with (tmp_path / "orders.csv.rejected.csv").open(newline="") as file:
        rejects = list(csv.DictReader(file))
    assert [(row["line"], row["order_id"], row["column"]) for row in rejects] == [
        ("4", "576461413038785753", "Quantity"),
        ("5", "576461413038785753", ""),
    ]
    assert "line 4" in rejects[1]["reason"]

    shipped = {
        "Order Status": "Shipped",
        "Order Substatus": "In transit",
        "Tracking ID": "TH0123456789",
        "Package ID": "1151234567890123456",
    }
    later = export(tmp_path / "later.csv", shipped)
    done = await run(platform, workspace, later, "--site", "TH")
    assert done.returncode == 0, done.stderr
    assert "Stored 0 orders (0 lines); 1 known ones moved on, 0 were known already" in done.stdout
    assert "No line was rejected." in done.stdout
    assert not (tmp_path / "later.csv.rejected.csv").exists()
    answer = await workspace.ask(ORDER, {"id": "576461413038785752"})
    assert answer.data["orders"]["nodes"] == [
        {
            "status": "IN_TRANSIT",
            "placedAt": "2026-01-31T17:30:00+00:00",
            "total": {"amount": "205.00", "currencyCode": "THB"},
            "lines": [{"sellerSku": "TEE-RED-M", "quantity": 2}],
            "packages": [{"status": "FULFILLING", "trackingNumber": "TH0123456789"}],
        }
    ]


async def test_a_refused_file_mapping_or_option_says_why(
    platform: OwnPlatform, workspace: TestWorkspace, tmp_path: Path
) -> None:
    file = table(tmp_path / "orders.csv", 1)
    done = await run(platform, workspace, file, "--site", "TH")
    assert done.returncode == 1
    assert "orders.csv was refused" in done.stderr
    done = await run(platform, workspace, file, "--mapping", "absent.toml")
    assert done.returncode == 1
    assert "absent.toml: No such file" in done.stderr
    for options in ((), ("--site", "XX"), ("--site", "TH", "--mapping", "orders.toml")):
        assert (await run(platform, workspace, file, *options)).returncode == 2
    assert (await workspace.ask(FIGURES)).data == {"orderLineFigures": []}


async def test_an_import_killed_midway_is_run_again(
    platform: OwnPlatform, workspace: TestWorkspace, tmp_path: Path
) -> None:
    file, orders = table(tmp_path / "orders.csv", 8_000), 8_000

    async def stored() -> int:
        counting = "SELECT count(*) FROM orders WHERE workspace_id = $1"
        return int(await platform.owner.fetchval(counting, workspace.id))

    given = command(platform, workspace, file, "--mapping", "orders.toml")
    words = given.pop("args")
    process = await asyncio.create_subprocess_exec(*words, **given, stderr=subprocess.DEVNULL)
    while await stored() < 1_000:
        assert process.returncode is None
        await asyncio.sleep(0.01)
    process.kill()
    await process.wait()
    before = await stored()
    assert 1_000 <= before < orders
    done = await run(platform, workspace, file, "--mapping", "orders.toml")
    assert done.returncode == 0, done.stderr
    assert f"Stored {orders - before:,} orders" in done.stdout
    assert f"{before:,} were known already" in done.stdout
    (figures,) = (await workspace.ask(FIGURES)).data["orderLineFigures"]
    assert (figures["orders"], figures["lines"]) == (orders, 3 * orders)
    assert figures["value"]["amount"] == "239760.00"
    events = await platform.owner.fetchval(
        "SELECT count(*) FROM outbox_events WHERE workspace_id = $1", workspace.id
    )
    assert events == orders


async def test_an_import_outlives_its_connections(
    platform: OwnPlatform, workspace: TestWorkspace, tmp_path: Path
) -> None:
    file = table(tmp_path / "orders.csv", 4_000)
    running = asyncio.create_task(run(platform, workspace, file, "--mapping", "orders.toml"))
    counting = "SELECT count(*) FROM orders WHERE workspace_id = $1"
    while await platform.owner.fetchval(counting, workspace.id) < 500:
        assert not running.done()
        await asyncio.sleep(0.01)
    assert await platform.cut_postgres() > 0
    done = await running
    assert done.returncode == 0, done.stderr
    assert await platform.owner.fetchval(counting, workspace.id) == 4_000


@pytest.mark.timeout(400)
@pytest.mark.skipif(not RETAIL.exists(), reason="needs the data sets in ../shared/data")
async def test_the_whole_of_online_retail(
    platform: OwnPlatform, workspace: TestWorkspace, record_property: Any
) -> None:
    file = Path(platform.parts.settings.state) / RETAIL.name
    file.symlink_to(RETAIL)
    began = time.monotonic()
    within = (sys.executable, "-c", TELLING_ITS_PEAK)
    done = await run(platform, workspace, file, "--mapping", "online-retail", within=within)
    seconds = time.monotonic() - began
    assert done.returncode == 0, done.stderr
    assert "Stored 25,900 orders (541,909 lines)" in done.stdout
    assert "No line was rejected." in done.stdout

    async def figures(**where: Any) -> dict[str, Any]:
        answer = await workspace.ask(FIGURES, {"where": where})
        (found,) = answer.data["orderLineFigures"]
        value = found.pop("value")
        return {"GBP": value["amount"], **found} | {"currency": value["currencyCode"]}

    whole = await figures()
    assert whole == {
        "GBP": "9747747.934",
        "currency": "GBP",
        "lines": 541_909,
        "orders": 25_900,
        "sellerSkus": 4_070,
        "buyers": 4_372,
        "countries": 38,
    }
    sold = await figures(kind={"eq": "SALE"}, quantity={"gt": 0}, unitPrice={"gt": "0"})
    assert (sold["GBP"], sold["lines"]) == ("10655622.484", 530_103)
    returned = await figures(kind={"eq": "CREDIT_NOTE"})
    assert (returned["GBP"], returned["lines"], returned["orders"]) == ("-896812.49", 9_288, 3_836)
    assert (await figures(country={"eq": "United Kingdom"}))["GBP"] == "8187806.364"

    mebibytes = int(done.stderr.split()[-1]) / 1024
    record_property("seconds", round(seconds, 1))
    record_property("mebibytes", round(mebibytes))
    print(f"Online Retail: {seconds:.1f} s, {mebibytes:.0f} MiB")  # noqa: T201 - for the curious
    assert mebibytes < 600
    assert seconds < 120
