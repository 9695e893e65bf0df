"""Several accounts in memory: each a `World`, their relays in order per sender, delivered late and again at will.

Nothing here stands in for the domain: it is what lanes and the relay loop do, without Kafka. A relay is delivered when
its sender's turn comes; going back in a sender's queue is the loop that crashed before its commit.
"""

from collections import defaultdict

from domain_world import EXAMPLES, KEY, START, World

from hub.domain.decision import Decision
from hub.policies import Policies
from schemas.commands import Body, Command
from schemas.errands import RelayErrand
from schemas.ids import account_id


def person_account(name: str) -> str:
    """Return the account of an invented person."""
    return account_id(KEY, "person", name)


class Town:
    """Accounts, both clocks, and how far each sender's relays are delivered."""

    def __init__(self, policies: Policies = EXAMPLES) -> None:
        self.policies = policies
        self.accounts: dict[str, World] = {}
        self.delivered: dict[str, int] = {}
        self.city = self.wall = START
        self.commands: list[Command] = []
        """Everything from outside, in order."""

    def world(self, account: str) -> World:
        """Return an account, new when nothing was heard of it."""
        if account not in self.accounts:
            world = World(self.policies, account)
            world.city, world.wall = self.city, self.wall
            self.accounts[account] = world
            self.delivered[account] = 0
        return self.accounts[account]

    def send(self, account: str, body: Body, **about: object) -> Decision:
        """Decide a message from outside; its relays wait in their sender's queue."""
        command = self.world(account).command(body, **about)
        self.commands.append(command)
        return self.world(account).take(command)

    def waiting(self, sender: str) -> list[Command]:
        """Return the relays of an account that are not delivered yet, oldest first."""
        sent = [errand.command for errand in self.world(sender).errands if isinstance(errand, RelayErrand)]
        return sent[self.delivered[sender] :]

    def deliver(self, sender: str, count: int = 1) -> list[Decision]:
        """Deliver the next relays of an account; returns what the receivers decided."""
        decided = []
        for command in self.waiting(sender)[:count]:
            self.delivered[sender] += 1
            decided.append(self.world(command.account).take(command))
        return decided

    def go_back(self, sender: str, count: int = 1) -> None:
        """Forget that the last relays of an account were delivered: they are delivered again."""
        self.delivered[sender] = max(0, self.delivered[sender] - count)

    def settle(self) -> None:
        """Deliver until every queue is empty."""
        for _ in range(10_000):
            senders = [account for account in list(self.accounts) if self.waiting(account)]
            if not senders:
                return
            for sender in senders:
                self.deliver(sender, len(self.waiting(sender)))
        raise AssertionError("the accounts never stop talking")

    def move(self, city: int = 0, wall: int = 0) -> None:
        """Move both clocks of every account, as timers fire."""
        self.city, self.wall = self.city + city, self.wall + wall
        for world in self.accounts.values():
            world.move(city=city, wall=wall)

    def balances(self) -> dict[str, int]:
        """Return the ledger's balances over all accounts, without those that are zero."""
        totals: dict[str, int] = defaultdict(int)
        for world in self.accounts.values():
            for name, fen in world.balances.items():
                totals[name] += fen
        return {name: fen for name, fen in totals.items() if fen}
