"""Invented persons: citizen ids of a reserved area code, names with characters that break naive readers."""

import random
from dataclasses import dataclass

_FAMILY = "林陈黄张李王吴刘蔡杨許億玘誠"
_GIVEN = "晓岚国栋志强美玲建华丽萍海峰淑芬文杰雅婷"
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECK = "10X98765432"

PROGRAMME_PERSONS = 900_000
"""From here on numbers belong to planted journeys: area codes no everyday person has."""
POINT_OF_CARE = {"outpatient": "OPD", "emergency": "ER", "inpatient": "WARD", "pharmacy": "PHARM", "internet": "NET"}
"""The department of a visit by its scene, as every invented hospital codes it."""


@dataclass(frozen=True)
class Person:
    """One invented citizen; `score` is the Egret score the sandbox source reports."""

    number: int
    citizen_id: str
    family_name: str
    given_name: str
    birth_on: str
    sex: str
    score: int


def citizen_id_with_check_digit(first_17: str) -> str:
    """Return the 18-character id: the check digit of GB 11643 appended."""
    total = sum(int(digit) * weight for digit, weight in zip(first_17, _WEIGHTS, strict=True))
    return first_17 + _CHECK[total % 11]


def make_person(seed: int, number: int, score: int | None = None, born_on: str = "") -> Person:
    """Return the city's n-th person: the same seed and number give the same person, born on a day of their own.

    `born_on` gives them another birthday, as 2018-05-05.
    """
    draw = random.Random(f"{seed}|person|{number}")  # noqa: S311 - invented data, not a secret
    year, month, day = draw.randint(1940, 2004), draw.randint(1, 12), draw.randint(1, 28)
    if born_on:
        year, month, day = (int(part) for part in born_on.split("-"))
    serial = number % 1000
    birth_on = f"{year:04d}-{month:02d}-{day:02d}"
    area = f"3502{(80 if number >= PROGRAMME_PERSONS else 90) + number // 1000 % 10:02d}"
    return Person(
        number=number,
        citizen_id=citizen_id_with_check_digit(f"{area}{year:04d}{month:02d}{day:02d}{serial:03d}"),
        family_name=draw.choice(_FAMILY),
        given_name="".join(draw.sample(_GIVEN, draw.randint(1, 2))),
        birth_on=birth_on,
        sex="M" if serial % 2 else "F",
        score=draw.randint(480, 720) if score is None else score,
    )
