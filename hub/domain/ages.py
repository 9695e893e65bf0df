"""Who is how old in the city: a birthday begins at midnight (domain 9)."""

from datetime import date

from schemas.city_time import day_start
from schemas.commands import Instant


def birthday(birth_on: str, years: int) -> Instant:
    """Return the city's midnight at which somebody born on this date (YYYY-MM-DD) is so many years old; 0 if unknown.

    Who was born on 29 February has the birthday of a common year on 1 March: nobody is older than the days lived.
    """
    try:
        born = date.fromisoformat(birth_on)
        leap = (born.month, born.day) == (2, 29)
        year = born.year + years
        day = date(year, 3, 1) if leap and not _is_leap(year) else born.replace(year=year)
    except ValueError:
        return 0
    return day_start(day)


def is_below(birth_on: str, years: int, at: Instant) -> bool:
    """Return True when somebody of a known birthday is younger than this at an instant."""
    of_age_at = birthday(birth_on, years)
    return of_age_at > 0 and at < of_age_at


def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
