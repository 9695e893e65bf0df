"""What the reading verbs say around codes and amounts, in both languages, written by hand in each."""

from collections.abc import Mapping
from typing import Final

from hub.cli.output import language

_SENTENCES: Final[Mapping[str, tuple[str, str]]] = {
    "none_fits": (
        "No dead letter fits. A refused message appears here within a second.",
        "没有符合条件的死信。被拒的消息一秒内出现在此。",
    ),
    "open_of": ("{open} open of {letters}", "未结 {open} / 共 {letters}"),
    "oldest": ("oldest {age}", "最早 {age}"),
    "came": ("came {at}  answered {answer}", "到达 {at}  应答 {answer}"),
    "whole_key": (
        "Give the id in full, or a key exactly as it was sent: MSH-10, FT1-2, a visit, an order.",
        "请给出完整编号，或与报送完全一致的消息号、明细号、就诊号或订单号。",
    ),
    "start_hub": ("medcredit run web, or name it with --url.", "medcredit run web，或用 --url 指明地址。"),
    "everywhere": ("every institution", "所有机构"),
    "at_ledger": ("ledger partition {partition} offset {position}", "账簿分区 {partition} 位点 {position}"),
    "not_split": (
        "not split yet: its lines are held until the insurer's settlement, or the close of the visit",
        "尚未分摊：明细等待医保结算或就诊结束",
    ),
    "step": ("had {had:>10}  took {took:>10}  left {left:>10}", "可用 {had:>10}  支付 {took:>10}  剩余 {left:>10}"),
    "rule": ("rule: {rule}", "依据：{rule}"),
    "score": ("score: {score}", "评分：{score}"),
    "after": ("after: used {used} of {limit} · {pack}", "入账后：已用 {used} / {limit} · {pack}"),
    "taken_back": ("taken back since {back}; stands now {now}", "此后退回 {back}；现为 {now}"),
    "line": ("line {key} {amount} {item}", "明细 {key} {amount} {item}"),
    "revision": ("revision {n}", "第 {n} 版"),
    "paid_open": (
        "paid {paid}, open {open} · pack {pack} · channel {channel}",
        "已还 {paid}，未还 {open} · 政策包 {pack} · 渠道 {channel}",
    ),
    "fee": ("fee {fee}, of it paid {paid}", "息费 {fee}，其中已付 {paid}"),
    "of_charge": ("charge {charge} {total}, of it credit {credit}", "费用 {charge} {total}，其中信用 {credit}"),
    "debit": ("debit {order} attempt {attempt} {channel} {amount}", "代扣 {order} 第 {attempt} 次 {channel} {amount}"),
    "following": ("Following {topics}; Ctrl-C ends", "正在跟随 {topics}；按 Ctrl-C 结束"),
    "reading_books": ("Reading the ledger and the commands of every partition", "正在读取各分区的账簿与命令"),
}
_WORDS: Final[Mapping[str, str]] = {
    # kinds of things
    "person": "账户",
    "charge": "费用",
    "bill": "账单",
    "debit": "代扣",
    "line": "明细",
    "visit": "就诊",
    "message": "消息",
    "dead_letter": "死信",
    # states of letters, charges, bills and debits
    "open": "未结",
    "parked": "搁置",
    "dropped": "已放弃",
    "replayed": "已重投",
    "posted": "已入账",
    "held": "待结算",
    "reversed": "已冲正",
    "issued": "待还",
    "partially_paid": "部分已还",
    "debiting": "代扣中",
    "overdue": "逾期",
    "paid": "已付清",
    "cancelled": "已取消",
    "relieved": "已救助",
    "written_off": "已核销",
    "frozen": "已冻结",
    "supplementary": "补充账单",
    "sent": "已发出",
    "unknown": "未知",
    "failed": "失败",
    # scenes, channels, steps, marks
    "outpatient": "门诊",
    "emergency": "急诊",
    "inpatient": "住院",
    "pharmacy": "药店",
    "internet": "互联网诊疗",
    "alipay": "支付宝",
    "unionpay": "银联",
    "bank": "银行",
    "institution": "医疗机构",
    "fund": "统筹基金",
    "account": "医保个人账户",
    "insurance": "医保个人账户",
    "other": "其他医保",
    "prepayment": "预交金",
    "credit": "信用额度",
    "self_pay": "自付",
    "planned": "计划",
    "done": "已发生",
    "closed": "关账",
    "retry": "下次代扣",
    "term": "期限届满",
}


def told(sentence: str, **values: object) -> str:
    """Return a sentence in the language of this call, its places filled."""
    return _SENTENCES[sentence][1 if language() == "zh" else 0].format(**values)


def word(code: str) -> str:
    """Return a code in words in the language of this call; in English a code is its own word."""
    if code not in _WORDS:
        return code
    return _WORDS[code] if language() == "zh" else code.replace("_", " ")
