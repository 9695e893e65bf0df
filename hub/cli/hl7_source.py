"""A new source's first files: a profile in the standard layout, and messages written as that profile says."""

import re
from datetime import date, timedelta
from pathlib import Path
from typing import Final, NamedTuple

from adapters.hl7.examples import examples
from adapters.hl7.profile import STANDARD_FIELDS, profile_from_yaml

_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,40}@[A-Za-z0-9_.-]{1,40}", re.ASCII)
_HEAD: Final = """\
# How {name} writes HL7. Correct what differs: field positions, words, sign rule. A change gets its own version and day.
profile: {{source_id: {name}, version: 1, valid_from: {day}, charset: utf-8, offset: "+08:00"}}
fields:
{fields}
# kind_alias: {{收费: CG, 退费: CD}}       words this source writes in FT1-6; without it CG, CD, PY, AJ, CO
# class_alias: {{住院: inpatient}}          words it writes in PV1-2
sign_rule: TYPE        # how a credit is written: TYPE by its kind, AMOUNT by its sign, AGREE both
guard: {{product: half_up}}
defaults: {{route_by: citizen_id, ack_after: durable, settlement: none}}
"""


class Written(NamedTuple):
    """What was written; `kept` when the profile stood there before and was left alone."""

    profile: Path
    samples: tuple[Path, ...]
    kept: bool


def write_source(name: str, directory: Path, today: date) -> Written:
    """Write profile and samples below the directory; a profile that stands there is read, never overwritten.

    `today` is the city's day, on which the messages happen. Raises ValueError for a name that is no sender,
    ProfileError (a ValueError) for a profile that cannot be used.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name} is no sender: MSH-3.1@MSH-4.1, as HIS@XMNEW")
    samples = directory / "samples"
    samples.mkdir(parents=True, exist_ok=True)
    profile = directory / f"{name.lower().replace('@', '-')}.yaml"
    kept = profile.exists()
    if not kept:
        profile.write_text(skeleton(name, today - timedelta(days=1)), "utf-8")
    messages = examples(profile_from_yaml(profile.read_text("utf-8")), today.strftime("%Y%m%d"))
    paths = []
    for title, content in messages.items():
        paths.append(samples / f"{title}.hl7")
        paths[-1].write_bytes(content)
    return Written(profile, tuple(paths), kept)


def skeleton(name: str, valid_from: date) -> str:
    """Return a profile in the standard layout of protocols 2.2."""
    fields = "\n".join(f"  {field}: {place}" for field, place in STANDARD_FIELDS.items())
    return _HEAD.format(name=name, day=valid_from.isoformat(), fields=fields)
