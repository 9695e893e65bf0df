"""What a sandbox is told at its start. Every number of the mix is an assumption, not a measurement (protocols 10)."""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Mix:
    """Shares of outcomes of amounts that are no sentinel; what is left succeeds. Notice shares are of paid orders."""

    nsf: float = 0.020
    limit: float = 0.004
    agreement_dead: float = 0.003
    risk: float = 0.002
    pending_then_paid: float = 0.003
    unknown: float = 0.003
    """The connection is cut; in half of the cases after the debit."""
    notice_lost: float = 0.01
    notice_duplicated: float = 0.02
    notice_reordered: float = 0.01
    notice_hostile: float = 0.001

    @classmethod
    def always_success(cls) -> "Mix":
        """Return the mix in which only sentinel amounts misbehave."""
        return cls(0, 0, 0, 0, 0, 0, 0, 0, 0, 0)


@dataclass(frozen=True)
class SandboxSettings:
    """One sandbox: where it listens, what it signs with, how it behaves.

    `delay_scale` multiplies every delay but latency. `hub` gets the notices that no request gave an address for.
    `maintenance_weekday` (0 is Monday) closes UnionPay from 23:30 of that day to 00:30, Beijing time.
    """

    keys: Path
    hub: str = "http://127.0.0.1:8780"
    host: str = "127.0.0.1"
    alipay_port: int = 0
    unionpay_port: int = 0
    seed: str = "7"
    delay_scale: float = 1.0
    latency_median_ms: float = 120.0
    latency_p99_ms: float = 1500.0
    notice_delay_s: tuple[float, float] = (0.3, 30.0)
    maintenance_weekday: int | None = None
    mix: Mix = field(default_factory=Mix)
    clock_file: Path | None = None
    """The demo's city clock: which instants belong to the bill file of which day; wall time without one."""
    seller_id: str = "2088000000000001"
    alipay_gaps_s: tuple[float, ...] = (240, 600, 600, 3600, 7200, 21600, 54000)
    """Published gaps between the sends of one Alipay notice: 8 sends in 25 h."""
    unionpay_gaps_s: tuple[float, ...] = (0, 60, 120, 240)
    """Published gaps between the sends of one UnionPay notice: 5 sends."""
