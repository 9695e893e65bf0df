"""`medcredit reconcile`: the books of a day compared, each difference with cause and remedy (experience 2.2)."""

import sys
from typing import Annotated

import typer

from hub.cli.hub_api import TOKEN, URL, HubApi, not_found, quoted
from hub.cli.output import answer, language, say
from hub.cli.texts import clock_time
from hub.cli.verbs import verb
from hub.web.clearing_answers import ComparisonAnswer, DifferenceAnswer, ReconciliationAnswer
from schemas.money import yuan_text


def register(app: typer.Typer) -> None:
    """Add the verb."""
    verb(app, "reconcile")(reconcile)


def reconcile(
    day: Annotated[str, typer.Argument(metavar="DATE", help="The city day, as 2026-07-03.")],
    institution: Annotated[str, typer.Option("--institution", help="Only this institution's book.")] = "",
    bank: Annotated[str, typer.Option("--bank", help="Only this bank's book.")] = "",
    url: URL = "",
    token: TOKEN = "",
) -> None:
    """Compare the books of a day; exit 1 when they differ. Example: medcredit reconcile 2026-07-03."""
    query = {"institution": institution, "bank": bank}
    found = HubApi(url, token).get(f"/reconciliations/{quoted(day)}", ReconciliationAnswer, **query)
    if not found.closed:
        raise not_found(day)
    if not found.comparisons and not found.files:
        say(_words(f"{day} is closed; no file of the other sides is there yet", f"{day} 已日终，尚无对方文件"))
    for comparison in found.comparisons:
        _say(comparison)
    for file in found.files:
        if file.state == "refused":
            say(f"FAIL  {file.book}  {file.fault}")
    answer(found)
    sys.exit(0 if found.equal else 1)


def _say(comparison: ComparisonAnswer) -> None:
    ours, theirs = yuan_text(comparison.ours_fen), yuan_text(comparison.theirs_fen)
    book = comparison.theirs
    if comparison.sets == ((),):
        say(_words(f"{book}  hub {ours} = {theirs}, {comparison.matched} entries", f"{book}  平台 {ours} = {theirs}"))
        return
    difference = yuan_text(comparison.difference_fen)
    head = _words(
        f"hub {ours}, file {theirs}, difference {difference}", f"平台 {ours}，对方 {theirs}，差额 {difference}"
    )
    say(f"{book}  {head}: {_proof(comparison)}")
    for number, entries in enumerate(comparison.sets, start=1):
        if len(comparison.sets) > 1:
            say(_words(f"  set {number} of {len(comparison.sets)}", f"  第 {number} 组，共 {len(comparison.sets)} 组"))
        for each in entries:
            _say_difference(each)


def _proof(comparison: ComparisonAnswer) -> str:
    if not comparison.sets:
        return _words("no set of entries explains it", "没有任何一组条目能解释")
    size = len(comparison.sets[0])
    entries = _words("1 entry explains it" if size == 1 else f"{size} entries explain it", f"{size} 笔可解释")
    if not comparison.proven:
        return entries + _words(", not proven minimal: time ran out", "，未证明最少：时间用尽")
    if not comparison.unique:
        return entries + _words(", none smaller, several sets", "，已证明最少，但不唯一")
    return entries + _words(", none smaller", "，已证明最少")


def _say_difference(each: DifferenceAnswer) -> None:
    fen, zh = yuan_text(each.difference_fen), language() == "zh"
    say(f"  {fen:>10}  {each.key}  {clock_time(each.at)}  {each.trade_no}".rstrip())
    cause, do = (each.cause.zh, each.cause.do_zh) if zh else (each.cause.en, each.cause.do_en)
    say(f"              {each.cause.code}  {cause}      {_words('do', '处理')}: {do}")


def _words(en: str, zh: str) -> str:
    return zh if language() == "zh" else en
