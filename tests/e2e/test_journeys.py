"""Each journey of the programmes once, against a whole hub: what the senders hear, and what the books hold then."""

from collections.abc import AsyncIterator

import pytest
from journeys_world import Town, town

from hub.simulate.journeys import PROGRAMMES, cast

pytestmark = pytest.mark.timeout(400)
PLAYED = {journey.__name__ for journey in PROGRAMMES}


@pytest.fixture(scope="module")
async def played(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Town]:
    """A city in which every journey of the programmes has been played, and everything has arrived."""
    async with town(tmp_path_factory.mktemp("town")) as made:
        await made.play([each for each in cast(made.city, "all") if each.name in PLAYED])
        yield made


async def test_a_prepayment_is_topped_up_spent_and_refunded_to_its_last_fen(played: Town):
    """120.00 in two payments less a charge of 40.00: 80.01 is refused, 80.00 goes back, nothing is left."""
    heard = played.of("topped_up_and_refunded")
    assert heard["more"]["code"] == "PREPAYMENT_EXCEEDS"
    assert heard["rest"]["outcome"] == "POSTED"
    person = await played.person(heard["agreement"])
    assert person["prepayments"] == {"XMZSH": 0}
    assert person["used_fen"] == 0
    refunds = await played.events(heard["agreement"], "prepayment_refunded")
    assert [each["amount_fen"] for each in refunds] == [8_000]
