"""What the clerk made, read back: closed days, proofs, batches, comparisons and reports, by the API and the verbs."""

from pathlib import Path

import aiohttp
from clerk_world import B, clerk, days
from cli_world import run
from lanes_world import World, until

from hub.clearing.day_books import RecordProof, proof_holds
from hub.clearing.merkle import Step
from hub.roles.web import serve
from hub.runtime.settings import Settings


async def test_a_closed_day_is_read_back_with_a_proof_of_any_record_and_its_differences(
    world: World, settings: Settings, database: str, tmp_path: Path
):
    """One HIS list that is off by a fen: `reconcile` exits 1 and names it; reports add up; every record is proven."""
    async with days(world, settings, database, tmp_path) as city:
        first = city.today
        await city.enrol(1)
        await city.treat(1, 40_000, "V1")
        await city.treat(1, 10_000, "V2", B)
        city.midnight()
        his = f"明细号,类型,金额（元）,时间\nV1-1,收费,400.01,{first.isoformat()} 09:00:00\n#合计,1,400.01\n"
        (tmp_path / "inbox" / f"his-XMZSH-{first.isoformat()}.csv").write_text(his, "utf-8")
        city.pass_hours(10)
        async with clerk(city.settings):
            await city.until_closed(first)
            await until(lambda: city.ask("SELECT count(*) > 0 FROM clearing.reconciliations"), seconds=40)
        async with serve(city.settings) as web, aiohttp.ClientSession() as session:
            api = f"http://{web.address}/api/v1"

            async def get(path: str) -> dict:
                async with session.get(f"{api}{path}") as answer:
                    assert answer.status == 200, await answer.text()
                    return dict(await answer.json())

            day = first.isoformat()
            close = await get(f"/day-closes/{day}")
            assert (close["credit_fen"], close["announced"]) == (50_000, True)
            for row in await city.rows("SELECT hash FROM ledger WHERE at < $1", close["closed_at"] - 11 * 3_600_000):
                found = await get(f"/day-closes/{day}/proofs/{row['hash']}")
                inner, outer = (tuple(Step(**s) for s in found[name]) for name in ("in_partition", "in_day"))
                proof = RecordProof(found["partition"], row["hash"], inner, found["partition_content"], outer)
                assert proof_holds(proof, close["root"])
            batches = (await get(f"/settlement-batches?day={day}"))["items"]
            assert {each["institution"]: each["amount_fen"] for each in batches} == {"XMZSH": 40_000, B: 10_000}
            whole = await get(f"/settlement-batches/{batches[0]['batch']}")
            assert whole["file"].startswith(f"H01{batches[0]['batch']}")
            async with session.get(f"{api}/day-closes/2020-01-01") as answer:
                assert answer.status == 404
            address = f"http://{web.address}"
            compared = await run(city.settings, "reconcile", day, "--url", address, "--json")
            assert compared.status == 1
            [comparison] = compared.valid("reconcile")["comparisons"]
            [[difference]] = comparison["sets"]
            assert (difference["cause"]["code"], difference["key"], difference["difference_fen"]) == (
                "AMOUNT_DIFFERS",
                "V1-1",
                -1,
            )
            said = await run(city.settings, "reconcile", day, "--url", address, "--lang", "zh")
            assert "已证明最少" in said.out
            open_day = await run(city.settings, "reconcile", "2030-01-01", "--url", address)
            assert open_day.status == 4
            table = await run(city.settings, "report", "make", "daily-credit", "--date", day, "--csv", "--url", address)
            rows = [line.split(",") for line in table.out.splitlines()[1:]]
            assert {row[0]: row[2] for row in rows if row[0] == "bank"} == {"bank": "500.00"}
            names = await run(city.settings, "report", "list", "--url", address, "--json")
            assert len(names.valid("report-list")["items"]) == 5
