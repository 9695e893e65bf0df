"""The page in a real Chromium: figures arrive by themselves, both languages, honest when the stream is cut."""

import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from page_scenes import DAY_MS, posted
from playwright.async_api import Browser, Page, async_playwright, expect
from web_world import ReadSide, read_side, until

from hub.roles.web import serve
from hub.runtime.settings import Settings
from infra.processes import free_port
from schemas.events import Allocation, BillIssued
from schemas.ledger import LedgerRecord

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]
expect.set_options(timeout=30_000)  # on a busy machine five seconds are soon gone
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
COLLECT = (
    "window.violations = [];"
    "document.addEventListener('securitypolicyviolation',"
    " event => window.violations.push(event.violatedDirective + event.blockedURI));"
)


@dataclass
class Tab:
    """A page of the browser, and what it complained about or asked for."""

    page: Page
    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    async def violations(self) -> list[str]:
        """Return what the content security policy stopped."""
        found: list[str] = await self.page.evaluate("window.violations")
        return found


@pytest.fixture(scope="module")
async def side(kafka: str, postgres: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ReadSide]:
    """One read side for this module, with some charges in it."""
    async with read_side(kafka, postgres, tmp_path_factory.mktemp("page")) as made:
        for lane in made.lanes:
            await lane.commit(*(lane.charge(hours=number % 2) for number in range(6)))
        await made.settled()
        yield made


@pytest.fixture(scope="module")
async def browser(chromium_path: str) -> AsyncIterator[Browser]:
    """One Chromium for this module."""
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=chromium_path, args=ARGUMENTS)
        yield started
        await started.close()


@asynccontextmanager
async def tab(browser: Browser, url: str, **options: str) -> AsyncIterator[Tab]:
    """A fresh tab at an address; at its end nothing may have been blocked, thrown, or fetched from elsewhere."""
    context = await browser.new_context(viewport={"width": 1440, "height": 1000}, **options)  # type: ignore[arg-type]
    page = await context.new_page()
    opened = Tab(page)
    page.on("pageerror", lambda error: opened.errors.append(str(error)))
    page.on("request", lambda request: opened.requests.append(request.url))
    await page.add_init_script(COLLECT)
    await page.goto(url)
    yield opened
    assert await opened.violations() == []
    assert opened.errors == []
    origin = re.match(r"https?://[^/]+", url)
    assert origin is not None
    assert [each for each in opened.requests if not each.startswith((f"{origin[0]}/", "data:,"))] == []
    await context.close()


async def charged(side: ReadSide, parts: Allocation | None = None) -> LedgerRecord:
    """Write one charge at XMZSH and wait until books and tables have it."""
    record, fact = side.lanes[0].charge(institution="XMZSH", parts=parts)
    await side.lanes[0].commit((record, fact))
    await side.settled()
    return record


async def test_figures_arrive_without_a_reload(browser: Browser, side: ReadSide):
    """A charge posted now changes strip, tail and both tables of the open page by itself."""
    async with tab(browser, f"{side.url}/?lang=en") as opened:
        page = opened.page
        await page.evaluate("window.kept = true")
        panel = page.locator("[data-view=institution_risk]")
        await expect(panel).to_have_attribute("data-state", "live")
        before = await panel.locator("tfoot td").first.inner_text()
        record = await charged(side)
        await expect(panel.locator("tfoot td").first).not_to_have_text(before)
        tail = page.locator("[data-view=tail]")
        await expect(tail.locator(f"a[href*='{posted(record).charge}']")).to_be_visible()
        await expect(page.locator("[data-view=resource_heatmap] td.cell").last).to_be_visible()
        assert await page.evaluate("window.kept") is True


async def test_the_language_is_in_the_address_and_changes_every_word(browser: Browser, side: ReadSide):
    """The switch turns the page into the other language and keeps the address sharable."""
    async with tab(browser, f"{side.url}/?lang=zh") as opened:
        page = opened.page
        await expect(page.locator("h2").first).to_have_text("资金流动")
        assert await page.evaluate("document.documentElement.lang") == "zh-CN"
        await page.locator("[data-switch=language]").click()
        await expect(page.locator("h2").first).to_have_text("Money moving")
        assert "lang=en" in page.url
        headings = await page.locator("h2, h3, th").all_inner_texts()
        assert [each for each in headings if re.search(r"[\u4e00-\u9fff]", each) and "科" not in each] == []


async def test_a_chinese_browser_gets_chinese(browser: Browser, side: ReadSide):
    """Without a language in the address the browser's decides."""
    async with tab(browser, side.url, locale="zh-CN") as opened:
        await expect(opened.page.locator("h2").first).to_have_text("资金流动")


async def test_every_chinese_word_has_its_glyphs(browser: Browser, side: ReadSide):
    """Text is not drawn as boxes: two different characters have different pictures."""
    async with tab(browser, f"{side.url}/?lang=zh") as opened:
        await expect(opened.page.locator("h2").first).to_be_visible()
        different = await opened.page.evaluate(
            """() => { const draw = text => { const c = document.createElement('canvas'); c.width = c.height = 40;
            const g = c.getContext('2d'); g.font = '32px ' + getComputedStyle(document.body).fontFamily;
            g.fillText(text, 2, 34); return c.toDataURL(); }; return draw('账') !== draw('费'); }"""
        )
        assert different is True


async def test_a_cut_stream_makes_every_panel_stale_until_it_is_back(browser: Browser, side: ReadSide):
    """The web role goes away and comes back: panels say so, then catch up without a reload and without a gap."""
    settings: Settings = side.settings.model_copy(
        update={"web": side.settings.web.model_copy(update={"port": free_port()})}
    )
    async with serve(settings) as first:
        url = f"http://{first.address}/?lang=en"
        context = await browser.new_context(viewport={"width": 1440, "height": 1000})
        page = await context.new_page()
        await page.goto(url)
        panels = page.locator("section[data-view]")
        await expect(page.locator("section[data-state=live]")).to_have_count(4, timeout=60_000)
        await page.evaluate("window.kept = true")
    await expect(page.locator("section[data-state=stale]")).to_have_count(4, timeout=60_000)
    await expect(panels.first).to_contain_text("reconnecting")
    record = await charged(side)
    async with serve(settings):
        await expect(page.locator("section[data-state=live]")).to_have_count(4, timeout=60_000)
        await expect(page.locator(f"[data-view=tail] a[href*='{posted(record).charge}']")).to_be_visible()
        total = page.locator("[data-view=institution_risk] tfoot td").first

        async def caught_up() -> bool:
            rows = side.running.live.tables["institution_risk"].rows()
            fen = sum(int(str(row["used_fen"])) for row in rows)
            return await total.inner_text() == f"{fen / 100:,.2f}"

        await until(caught_up)
        assert await page.evaluate("window.kept") is True
        await context.close()


async def test_a_charge_opens_into_its_waterfall(browser: Browser, side: ReadSide):
    """From the tail into the charge: bars and table agree, sum to the charge, and cite the clause."""
    record = await charged(side)
    async with tab(browser, f"{side.url}/?lang=en") as opened:
        page = opened.page
        await page.locator(f"[data-view=tail] a[href*='{posted(record).charge}']").click()
        await expect(page.locator("[data-bar=credit]")).to_be_visible()
        assert f"/charges/{posted(record).charge}" in page.url
        bars = page.locator("[data-bar]:not([data-bar=total])")
        amounts = [int(await bar.get_attribute("data-fen") or 0) for bar in await bars.all()]
        assert sum(amounts) == posted(record).total_fen == 47_500
        taken = await page.locator("table.steps td.strong").all_inner_texts()
        assert taken == [f"{fen / 100:,.2f}" for fen in amounts]
        await expect(page.locator("table.steps")).to_contain_text("xiamen-platform-2024 tiers[0]")
        await page.go_back()
        await expect(page.locator("[data-view=flow]")).to_be_visible()


async def test_a_step_that_gave_less_says_why_in_the_readers_language(browser: Browser, side: ReadSide):
    """The reason's code and its Chinese sentence stand in the step."""
    record = await charged(side, Allocation(credit_fen=10_000, self_pay_fen=37_500))
    async with tab(browser, f"{side.url}/charges/{posted(record).charge}?lang=zh") as opened:
        steps = opened.page.locator("table.steps")
        await expect(steps).to_contain_text("CREDIT_EXHAUSTED")
        await expect(steps).to_contain_text("其余 375.00 元请到窗口支付")


async def test_a_bill_shows_both_clocks_and_moves_by_itself(browser: Browser, side: ReadSide):
    """Planned at exactly +72 h before; when the debit is paid the open page shows it without a reload."""
    lane = side.lanes[0]
    record = await charged(side)
    billed, fact = lane.bill_of(record)
    await lane.commit((billed, fact))
    await side.settled()
    issued = next(event for event in billed.events if isinstance(event, BillIssued))
    async with tab(browser, f"{side.url}/bills/{issued.bill}?lang=en") as opened:
        page = opened.page
        planned = page.locator("[data-mark=debit][data-planned=true]")
        await expect(planned).to_have_attribute("data-at", str(issued.closed_at + 3 * DAY_MS))
        await expect(page.locator("[data-mark=term]")).to_have_attribute("data-at", str(issued.due_at))
        await expect(page.locator("[data-figure=state]")).to_have_text("issued")
        await lane.commit(*lane.debit_of(billed, paid=True))
        await expect(page.locator("[data-figure=state]")).to_have_text("paid", timeout=60_000)
        await expect(page.locator("[data-mark=debit][data-planned=false]")).to_be_visible()
        await expect(planned).to_have_count(0)


async def test_a_key_is_found_from_the_search_field(browser: Browser, side: ReadSide):
    """A line key typed into the search leads to its charge; one that nothing carries says so."""
    record = await charged(side)
    async with tab(browser, f"{side.url}/?lang=en") as opened:
        page = opened.page
        await (
            page.get_by_role("searchbox")
            .or_(page.locator("form[role=search] input"))
            .fill(posted(record).lines[0].line_key)
        )
        await page.keyboard.press("Enter")
        await page.locator(f"a[href*='{posted(record).charge}']").click()
        await expect(page.locator("[data-bar=total]")).to_be_visible()
        await page.locator("form[role=search] input").fill("nothing-carries-this")
        await page.keyboard.press("Enter")
        await expect(page.locator("main")).to_contain_text("Nothing carries this key")


async def test_a_refused_read_shows_its_code_and_what_to_do(browser: Browser, side: ReadSide):
    """An id we never handed out: code, sentence and a way on, and the rest of the page lives."""
    async with tab(browser, f"{side.url}/charges/none?lang=en") as opened:
        await expect(opened.page.locator("[role=alert]")).to_contain_text("PARAM_INVALID")
        await expect(opened.page.get_by_role("link", name="Back to the live flow")).to_be_visible()
        assert await opened.page.get_by_role("button", name="Try again").count() == 0, "it would be refused again"
        await expect(opened.page.locator("[data-state=error]")).to_have_count(1)


async def test_one_button_pauses_all_movement(browser: Browser, side: ReadSide):
    """Paused, no figure moves and the panels say so; resumed, everything missed is there."""
    async with tab(browser, f"{side.url}/?lang=en") as opened:
        page = opened.page
        total = page.locator("[data-view=institution_risk] tfoot td").first
        await expect(page.locator("section[data-state=live]")).to_have_count(4)
        await page.get_by_role("button", name="Pause").click()
        before = await total.inner_text()
        await charged(side)
        await page.wait_for_timeout(1500)
        assert await total.inner_text() == before
        await expect(page.locator("section[data-state=paused]")).to_have_count(4)
        await page.get_by_role("button", name="Resume").click()
        await expect(total).not_to_have_text(before)


async def test_a_slash_begins_a_search_and_the_tab_is_named_for_what_it_shows(browser: Browser, side: ReadSide):
    """The key leads into the search field from anywhere; the tab's title says which charge it is."""
    record = await charged(side)
    async with tab(browser, f"{side.url}/charges/{posted(record).charge}?lang=zh") as opened:
        await expect(opened.page).to_have_title(re.compile("^费用 C-.{8} · 信用就医支付枢纽$"))
        await opened.page.keyboard.press("/")
        await expect(opened.page.locator("form[role=search] input")).to_be_focused()
        assert await opened.page.locator("form[role=search] input").input_value() == ""


async def test_chinese_heads_of_amounts_have_chinese_parentheses(browser: Browser, side: ReadSide):
    """The unit of a column stands in full-width parentheses, and a price has its thousands set apart."""
    record = await charged(side, Allocation(credit_fen=123_400))
    async with tab(browser, f"{side.url}/charges/{posted(record).charge}?lang=zh") as opened:
        await expect(opened.page.locator("th", has_text="单价")).to_have_text("单价（元）")
        await expect(opened.page.locator("td.num", has_text="1,234.0").first).to_be_visible()


async def test_a_telephone_shows_the_reason_the_bars_and_the_clocks_without_scrolling_sideways(
    browser: Browser, side: ReadSide
):
    """What one came for is not beyond the edge: each bar ends within the screen, the reason and every mark too."""
    record = await charged(side, Allocation(credit_fen=10_000, self_pay_fen=37_500))
    billed, fact = side.lanes[0].bill_of(record)
    await side.lanes[0].commit((billed, fact))
    await side.settled()
    issued = next(event for event in billed.events if isinstance(event, BillIssued))
    async with tab(browser, f"{side.url}/charges/{posted(record).charge}?lang=zh") as opened:
        page = opened.page
        await page.set_viewport_size({"width": 390, "height": 844})
        await expect(page.locator("[data-bar=total] rect")).to_be_visible()
        shown = [*await page.locator("[data-bar] rect.bar").all(), page.locator("strong.code", has_text="CREDIT_EX")]
        await page.wait_for_function(
            "document.querySelector('[data-bar=total] rect').getBoundingClientRect().right < 391"
        )
        for each in shown:
            box = await each.bounding_box()
            assert box is not None
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= 390
        await page.goto(f"{side.url}/bills/{issued.bill}?lang=zh")
        await expect(page.locator(".marks li")).to_have_count(3)
        await expect(page.locator(".marks li").nth(1)).to_contain_text("代扣（计划）")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("language", ["zh", "en"])
async def test_nothing_overflows_in_any_language_and_theme(
    browser: Browser, side: ReadSide, language: str, theme: str, tmp_path: Path
):
    """At the least supported width, and on a telephone, no page scrolls sideways.

    MEDCREDIT_TEST_SCREENSHOTS names where the pictures of the wide page go.
    """
    record = await charged(side)
    folder = Path(os.environ.get("MEDCREDIT_TEST_SCREENSHOTS", tmp_path))
    for name, path in (("flow", "/"), ("charge", f"/charges/{posted(record).charge}"), ("letters", "/dead-letters")):
        async with tab(browser, f"{side.url}{path}?lang={language}&theme={theme}") as opened:
            await opened.page.set_viewport_size({"width": 390, "height": 844})
            await expect(opened.page.locator("section.panel").first).not_to_have_attribute("data-state", "loading")
            assert await opened.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
            await opened.page.set_viewport_size({"width": 1366, "height": 768})
            await expect(opened.page.locator("section.panel").first).not_to_have_attribute("data-state", "loading")
            await opened.page.wait_for_timeout(300)
            assert await opened.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
            assert await opened.page.evaluate("document.documentElement.dataset.theme") == theme
            await opened.page.screenshot(path=folder / f"{name}-{language}-{theme}.png", full_page=True)
