"""What a clause amounts to, in a few words of either language: the figures beside the rule's sentence."""

from collections.abc import Callable
from typing import Any, Final, Literal

from hub.policies.clauses import (
    Bank,
    Blacklist,
    Citation,
    Debit,
    Deposit,
    Enrolment,
    Fallbacks,
    Family,
    Funding,
    Holds,
    Lists,
    Overdue,
    Presets,
    Privilege,
    Quiet,
    Reduction,
    Relief,
    Repair,
    Repayment,
    Retry,
    Reward,
    Settlement,
    StepUp,
    Tier,
)
from hub.policies.pack import Offer, Pack
from hub.policies.tables import NUMBER_MAX
from schemas.money import yuan_text

Language = Literal["en", "zh"]
_SCORE_MAX: Final = 1_000_000
_SCORES: Final = {
    "egret": ("Egret", "白鹭分"),
    "sesame": ("Sesame", "芝麻分"),
    "bank": ("bank score", "银行分"),
    "none": ("without a score", "无信用分"),
}
_SCENES: Final = {
    "outpatient": "门诊",
    "emergency": "急诊",
    "inpatient": "住院",
    "pharmacy": "药房",
    "internet": "互联网",
}
_FALLBACKS: Final = {"second_channel": "第二渠道", "family": "亲情付", "bank_line": "留在银行额度"}
_RELIEF: Final = {"civil_affairs": "民政救助", "insurance_claim": "保险理赔", "fiscal": "财政兜底"}


def figures(pack: Pack, field: str, clause: Any, language: Language = "en") -> str:
    """Return the numbers and choices of a clause of a pack; the same text for the same clause, whatever its rule."""
    english, chinese = _said(pack, field, clause)
    return english if language == "en" else chinese


def rule(citation: Citation, language: Language = "en") -> str:
    """Return the rule's sentence; the English one where the pack has no other."""
    return citation.rule_zh or citation.rule if language == "zh" else citation.rule


def place(citation: Citation) -> str:
    """Return the clause's place in its pack: `tiers[0]`."""
    return citation.clause.partition(" ")[2]


Said = tuple[str, str]


def _said(pack: Pack, field: str, clause: Any) -> Said:
    if isinstance(clause, Citation):
        return _of_pack(pack, field)
    return _WORDS[type(clause)](clause)


def _of_pack(pack: Pack, field: str) -> Said:
    if field == "coverage":
        where = ", ".join(sorted(pack.institutions)) or "every institution"
        where_zh = "、".join(sorted(pack.institutions)) or "所有机构"
        scenes = [scene for scene in _SCENES if scene in pack.scenes]
        return f"{where}; {', '.join(scenes)}", f"{where_zh}；{'、'.join(_SCENES[scene] for scene in scenes)}"
    if field == "idle":
        return f"closed after {pack.idle_hours} idle hours", f"{pack.idle_hours} 小时无新费用即结束"
    return "insurance, prepayment, credit", "医保个人账户、预交金、信用额度"


def _span(low: int, high: int, most: int) -> Said:
    if low == 0 and high >= most:
        return "any", "不限"
    if high >= most:
        return f"≥ {low}", f"≥ {low}"
    return (f"≤ {high}", f"≤ {high}") if low == 0 else (f"{low}–{high}", f"{low}–{high}")


def _tier(tier: Tier) -> Said:
    span, _ = _span(tier.low, tier.high, _SCORE_MAX)
    who, who_zh = _SCORES[tier.provider]
    if tier.provider != "none":
        who, who_zh = f"{who} {span}", f"{who_zh} {span}"
    if tier.offer:
        return (
            f"{who}: the bank's offer, at least {_yuan(tier.limit_fen)}",
            f"{who_zh}：银行自定，不低于 {_yuan(tier.limit_fen)}",
        )
    return f"{who}: {_yuan(tier.limit_fen)}", f"{who_zh}：{_yuan(tier.limit_fen)}"


def _offer(offer: Offer) -> Said:
    day = (f", one statement on day {offer.statement_day}", f"，每月 {offer.statement_day} 日出账")
    month = day if offer.statement_day else ("", "")
    return f"{offer.bank}: {_yuan(offer.limit_fen)}{month[0]}", f"{offer.bank}：{_yuan(offer.limit_fen)}{month[1]}"


def _enrolment(clause: Enrolment) -> Said:
    asked = [
        (clause.insured_only, "insured", "参保"),
        (clause.insurance_link, "card linked at a counter", "窗口关联医保卡"),
        (clause.insurance_credit_check, "insurer's credit check", "医保信用核查"),
        (clause.dishonesty_check, "no dishonesty record", "无失信记录"),
    ]
    who = ("everyone", "所有人") if clause.who == "everyone" else ("who signs", "签约者")
    english = "; ".join([who[0], *(text for there, text, _ in asked if there)])
    return english, "；".join([who[1], *(text for there, _, text in asked if there)])


def _deposit(clause: Deposit) -> Said:
    if not clause.waived:
        return "a deposit may be asked", "可收押金"
    score = (f" from Egret {clause.min_score}", f"白鹭分 {clause.min_score} 起") if clause.min_score else ("", "")
    most = (f", up to {_yuan(clause.up_to_fen)}", f"，最高 {_yuan(clause.up_to_fen)}") if clause.up_to_fen else ("", "")
    return f"waived{score[0]}{most[0]}", f"{score[1]}免收{most[1]}"


def _presets(clause: Presets) -> Said:
    named = [("visit", "每次就诊", clause.per_visit_fen), ("day", "每日", clause.per_day_fen)]
    classes = [(f"items {name}* a visit", f"每次就诊 {name}* 类项目", fen) for name, fen in clause.per_item_class_fen]
    set_ = [(en, zh, fen) for en, zh, fen in (*named, *classes) if fen]
    english = "; ".join(f"{en}: {_yuan(fen)}" for en, _, fen in set_)
    return english or "none", "；".join(f"{zh}：{_yuan(fen)}" for _, zh, fen in set_) or "无"


def _repayment(clause: Repayment) -> Said:
    if clause.kind == "days":
        return f"{clause.days} days after the close", f"就诊结束后 {clause.days} 天"
    if clause.kind == "day_hour":
        return (
            f"until {clause.hour}:00 of day {clause.days} after the close",
            f"就诊结束后第 {clause.days} 日 {clause.hour}:00 前",
        )
    if clause.kind == "due_date":
        return (
            f"the bank's due date: {clause.days} whole days free, until {clause.hour}:00",
            f"银行到期日：整 {clause.days} 天免息，至 {clause.hour}:00",
        )
    if clause.days:
        return f"24:00 of day {clause.days} after the visit ends", f"就诊结束后第 {clause.days} 日 24:00"
    return "24:00 of the day on which the visit ends", "就诊结束当日 24:00"


def _debit(clause: Debit) -> Said:
    if clause.on == "after_close":
        return f"{clause.hours} h after the close", f"就诊结束后 {clause.hours} 小时"
    return f"on the due date at {clause.hour}:00", f"到期日 {clause.hour}:00"


def _retry(clause: Retry) -> Said:
    hours = ", ".join(f"{hour}:00" for hour in clause.hours)
    last = clause.last_days_before_term
    before = (f", the last at the latest {last} day(s) before the term ends", f"，最后一次不晚于到期前 {last} 日")
    tail = before if last else ("", "")
    return f"{clause.attempts} attempts, at {hours}{tail[0]}", f"共 {clause.attempts} 次，{hours}{tail[1]}"


def _overdue(clause: Overdue) -> Said:
    days = ", ".join(f"{day:+d}" if day else "0" for day in clause.reminder_days)
    parts = [
        (clause.suspends, "no new credit", "停止服务"),
        (
            clause.suspends,
            f"again {clause.resume_after_days} day(s) after payment",
            f"补缴后 {clause.resume_after_days} 日恢复",
        ),
        (bool(days), f"reminders on days {days}", f"提醒日 {days}"),
        (clause.report_to_score, "reported to the score", "报送信用分"),
    ]
    english = "; ".join(text for there, text, _ in parts if there)
    return english or "no effect", "；".join(text for there, _, text in parts if there) or "无后果"


def _reduction(clause: Reduction) -> Said:
    days, _ = _span(clause.days_from, clause.days_to, NUMBER_MAX)
    amount, amount_zh = _money_span(clause.fen_from, clause.fen_to)
    if clause.cut_percent == 100:
        return f"{days} days, {amount}: cancelled", f"{days} 天，{amount_zh}：取消"
    return f"{days} days, {amount}: −{clause.cut_percent} %", f"{days} 天，{amount_zh}：−{clause.cut_percent}%"


def _money_span(low: int, high: int) -> Said:
    if high >= NUMBER_MAX:
        return ("any amount", "不限金额") if low <= 1 else (f"from {_yuan(low)}", f"{_yuan(low)} 起")
    return (f"up to {_yuan(high)}",) * 2 if low <= 1 else (f"{_yuan(low)} to {_yuan(high)}",) * 2


def _blacklist(clause: Blacklist) -> Said:
    total, row = clause.after_total, clause.after_in_row
    parts = [(total, f"more than {total} in total", f"累计超过 {total} 次")]
    parts.append((row, f"more than {row} in a row", f"连续超过 {row} 次"))
    return "; ".join(en for n, en, _ in parts if n), "；".join(zh for n, _, zh in parts if n)


def _reward(clause: Reward) -> Said:
    bands = "; ".join(
        f"{_yuan(band.repaid_from_fen)} & {band.repayments_from}× → {band.points}" for band in clause.points
    )
    return f"{clause.months_on_time} months on time: {bands}", f"连续 {clause.months_on_time} 个月按时：{bands}"


def _privilege(clause: Privilege) -> Said:
    score = f"Egret ≥ {clause.min_score}" if clause.min_score else "any score"
    months = (f", {clause.months_on_time} months on time", f"，连续 {clause.months_on_time} 个月按时")
    tail = months if clause.months_on_time else ("", "")
    zh = f"白鹭分 ≥ {clause.min_score}" if clause.min_score else "不限信用分"
    return f"{clause.title}: {score}{tail[0]}", f"{clause.title_zh}：{zh}{tail[1]}"


def _family(clause: Family) -> Said:
    parts = [
        (clause.minors_until, f"children under {clause.minors_until} share", f"未满 {clause.minors_until} 岁共享额度"),
        (clause.adult_children_pay, "adult children may repay", "成年子女可代还"),
    ]
    return "; ".join(en for there, en, _ in parts if there), "；".join(zh for there, _, zh in parts if there)


def _bank(clause: Bank) -> Said:
    cap = f"{clause.cap_numerator}/{clause.cap_denominator} LPR"
    rates = f"{_percent(clause.penalty_bp)} + {_percent(clause.interest_bp)} ≤ {cap}"
    risk = ("the bank bears a default", "银行承担违约") if clause.bears_default else ("", "")
    english = [
        f"{clause.free_days} days free",
        f"advance T+{clause.advance_days}",
        risk[0],
        f"penalty + interest {rates}",
    ]
    chinese = [f"免息 {clause.free_days} 天", f"T+{clause.advance_days} 垫付", risk[1], f"违约金 + 利息 {rates}"]
    return "; ".join(filter(None, english)), "；".join(filter(None, chinese))


def _lists(clause: Lists) -> Said:
    kept = [(clause.white, "white", "白名单"), (clause.black, "black", "黑名单")]
    days = (f"; at most {clause.max_days} days", f"；最长 {clause.max_days} 天") if clause.max_days else ("", "")
    english = " and ".join(en for there, en, _ in kept if there)
    chinese = "、".join(zh for there, _, zh in kept if there)
    return f"{english}; {clause.approvals} people{days[0]}", f"{chinese}；{clause.approvals} 人审批{days[1]}"


def _relief(clause: Relief) -> Said:
    pauses = ("; overdue paused", "；期间不计逾期") if clause.pauses else ("", "")
    return (
        f"{clause.kind}; {clause.approvals} people{pauses[0]}",
        f"{_RELIEF[clause.kind]}；{clause.approvals} 人审批{pauses[1]}",
    )


def _holds(clause: Holds) -> Said:
    scenes = [scene for scene in _SCENES if scene in clause.scenes]
    names = "、".join(_SCENES[scene] for scene in scenes)
    return f"{', '.join(scenes)}: at most {clause.days} days", f"{names}：最长 {clause.days} 天"


_WORDS: Final[dict[type, Callable[[Any], Said]]] = {
    Tier: _tier,
    Offer: _offer,
    Funding: lambda clause: (f"by the {clause.by}", "由银行垫资" if clause.by == "bank" else "由医疗机构垫资"),
    Enrolment: _enrolment,
    Deposit: _deposit,
    Presets: _presets,
    Holds: _holds,
    Settlement: lambda clause: (
        ("everything at the end of the visit", "就诊结束时一次结清")
        if clause.all_at_visit_end
        else ("each charge by itself", "逐笔结算")
    ),
    Repayment: _repayment,
    Debit: _debit,
    Retry: _retry,
    Quiet: lambda clause: (
        f"{clause.from_hour}:00 to {clause.to_hour}:00",
        f"{clause.from_hour}:00 至 {clause.to_hour}:00",
    ),
    Fallbacks: lambda clause: (
        ", then ".join(clause.order).replace("_", " "),
        "，其次".join(_FALLBACKS[each] for each in clause.order),
    ),
    Overdue: _overdue,
    Reduction: _reduction,
    Blacklist: _blacklist,
    Repair: lambda clause: (
        f"{clause.clean_months} clean months: counters −{clause.lowers}",
        f"连续 {clause.clean_months} 个月无逾期：计数 −{clause.lowers}",
    ),
    Reward: _reward,
    StepUp: lambda clause: (
        f"+{_yuan(clause.per_repayment_fen)} each, up to {_yuan(clause.maximum_fen)}",
        f"每次 +{_yuan(clause.per_repayment_fen)}，最高 {_yuan(clause.maximum_fen)}",
    ),
    Privilege: _privilege,
    Family: _family,
    Bank: _bank,
    Relief: _relief,
    Lists: _lists,
}


def _yuan(fen: int) -> str:
    whole, _, rest = yuan_text(fen).partition(".")
    return f"¥{int(whole):,}.{rest}" if rest != "00" else f"¥{int(whole):,}"


def _percent(basis_points: int) -> str:
    return f"{basis_points // 100}.{basis_points % 100:02d} %"
