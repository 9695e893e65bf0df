"""What a partner's address and answer may be without ending the role that asks."""

import aiohttp
import pytest

from hub.runtime.form_post import fetch


@pytest.mark.parametrize("host", ["a" * 64 + ".example", "..", "[::", "127.0.0.1:99999"])
async def test_an_address_that_no_host_can_have_is_not_answered(host: str):
    """A bill's address comes from the gateway; one that cannot be asked for is as good as nobody there."""
    async with aiohttp.ClientSession() as session:
        assert await fetch(session, f"http://{host}/bill.zip", 5.0, 100) is None
