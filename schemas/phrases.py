"""What a refusal's parameter says in words: each phrase in English, as it is kept, and in Chinese.

A parameter of a reason is a value (an amount, an id) or, for some, a phrase of ours that finishes the sentence. The
phrase is kept in English in ledger and letters, and said in the reader's language; what is no phrase stays as it is.
"""

import functools
import re
from typing import Final

PHRASED: Final = frozenset({"why", "expected", "fault", "dependency", "status", "state", "colour", "kind"})
"""The parameters that may be phrases; any other is a value."""

PHRASES: Final[dict[str, str]] = {
    # FAMILY_RELATION_INVALID
    "oneself": "不能与本人关联",
    "the birthday does not show a person below 18": "出生日期不能表明其未满 18 周岁",
    "a person below 18 cannot stand here": "未满 18 周岁者不能作为此方",
    # SOURCES_INVALID
    "more than {} sources": "来源超过 {} 个",
    "the pack has no such source": "该政策没有此类来源",
    "not in the pack's order": "顺序与政策不符",
    "a contract is missing or named twice": "协议缺失或重复",
    "a family source needs its payer, another has none": "亲情付来源须填付款人，其他来源不填",
    # PARAM_INVALID
    "an id or message key": "应为编号或消息编号，不得为身份证号",
    "a cursor of this list": "应为本列表给出的游标",
    "a number from 1 to {}": "应为 1 至 {} 的整数",
    "an id of {} characters as we hand out": "应为平台给出的 {} 位编号",
    "printable text": "应为可打印的文字",
    "printable text of at most {} characters": "应为可打印的文字，至多 {} 个字符",
    "a day as 2026-07-03": "应为日期，如 2026-07-03",
    "32 or 64 hex digits": "应为 32 或 64 位十六进制数字",
    "<account>-<command id>, as the link of a 202 has it": "应为 202 应答链接中的 <account>-<command id>",
    "one or more of {}": "应为下列一项或多项：{}",
    # BUNDLE_UNSUPPORTED
    "a settlement, or several visits, without the charges they belong to": "结算或多次就诊缺少所属费用",
    "charges of several visits": "费用属于多次就诊",
    "conditions on several charges": "多笔费用带有条件",
    "one line twice": "同一明细出现两次",
    "a visit that these charges do not open": "就诊不是由这些费用开立",
    "a settlement that does not come with its charges": "结算未与其费用一同报送",
    # NOT_REINJECTABLE
    "its bytes were not kept": "原始报文未保存",
    "only {} of its {} bytes were kept": "原始报文共 {1} 字节，仅保存 {0} 字节",
    "nothing translates bytes of {} again": "没有可再次解析 {} 报文的程序",
    "its bytes are no command": "报文不是一条命令",
    "its command is older than the log": "其命令早于日志保留期",
    "no command was made of it": "未曾由它生成命令",
    "it is a batch, whose messages are sent one by one": "这是批量报文，其中的消息须逐条发送",
    "it is a batch, whose entries are sent one by one": "这是批量请求，其中的条目须逐条发送",
    "its source {} is not configured any more": "其来源 {} 已不在配置中",
    "it is a notice of a kind nobody handles": "没有程序处理此类通知",
    # NOT_PARKED
    "its worker opened it meanwhile: stop it first": "其工作进程已重新打开该分区：请先停止它",
    "{} is neither an offset nor account:kind:subject as the lane's log has it": "{} 不是位点，也不是账户:类型:对象",
    "partition {} stands at offset {}, not at {}": "分区 {} 停在位点 {}，不是 {}",
    "the record at {} is unreadable: the lane makes a dead letter of it": "位点 {} 的记录无法解码，系统会将其转为死信",
    "{} cannot be parked: no timer is due at {}": "{0} 不能搁置：账户 {1} 没有到期的定时",
    "{} cannot be parked: {} is due first at {}": "{0} 不能搁置：账户 {2} 先到期的是 {1}",
    "the log ends at {}: there is no command at {}": "日志止于 {}，位点 {} 处没有命令",
    # DEPENDENCY_UNREACHABLE
    "Alipay": "支付宝",
    "UnionPay's file transfer": "银联文件传输",
    "The bill's address": "对账单下载地址",
    "The hub at {}": "平台（{}）",
    "The edge at {}": "接入端（{}）",
    "PostgreSQL ({})": "PostgreSQL（{}）",
    "Kafka at {}": "Kafka（{}）",
    "Kafka, for commands": "Kafka（命令）",
    "Kafka, for replies": "Kafka（应答）",
    "The books": "账簿",
    "The lanes": "记账通道",
    "The consumer groups of the courier": "代扣角色的消费组",
    # DEAD_LETTER_CLOSED, RELIEF_CASE_CLOSED, RELIEF_NOT_COVERED, LIST_*
    "dropped": "已放弃",
    "re-injected": "已重投",
    "civil_affairs": "民政救助",
    "insurance_claim": "保险理赔",
    "fiscal": "财政兜底",
    "paid": "已支付",
    "refused": "已拒绝",
    "withdrawn": "已撤回",
    "white": "白名单",
    "black": "黑名单",
    # BILL_FILE_FORM, BILL_FILE_TOTALS
    "stated {}, the rows give {}": "文件所载为 {}，明细合计为 {}",
    "it is larger than 200 MiB": "文件大于 200 MiB",
    "it is not ASCII, or larger than 200 MiB": "文件不是 ASCII，或大于 200 MiB",
    "it is of {} and {}": "文件属于 {} 的 {}",
    "the header is not {}": "表头不是 {}",
    "the total line is missing": "缺少合计行",
    "the row has {} columns, not {}": "该行为 {} 列，应为 {} 列",
    "{} is neither 收费 nor 退费": "{} 既不是收费也不是退费",
    "{} is neither 交易 nor 退款": "{} 既不是交易也不是退款",
    "{} is neither a payment nor a refund": "{} 既不是付款也不是退款",
    "an amount is never negative here: the kind says which way it goes": "此处金额不为负，方向由类型表明",
    "a refund is negative, a payment is not": "退款应为负数，付款不应为负数",
    "{} is no amount": "{} 不是金额",
    "{} is no amount in fen": "{} 不是以分计的金额",
    "{} is no time": "{} 不是时间",
    "it has a count and a sum": "应含笔数与金额合计",
    "no member of the ZIP has the header of the detail file": "ZIP 中没有带明细表头的文件",
    "the header with its 25 columns is not here": "此处缺少 25 列的表头",
    "the file ends before its end mark": "文件在结束标记之前中断",
    "a comment stands among the rows": "明细行之间夹有注释",
    "a control total is missing": "缺少合计",
    "it is not base64 of a deflated ZIP": "内容不是压缩 ZIP 的 base64",
    "no member is called …ZM_{}": "ZIP 中没有名为 …ZM_{} 的文件",
    "the blanks between fields of {} are not in their places": "{} 的字段间空格不在应有位置",
    "the number is empty": "号码为空",
    "it holds control characters, or is longer than {}": "含控制字符，或超过 {} 个字符",
    "it is not GBK": "不是 GBK 编码",
    "a member's name leaves the folder": "ZIP 内文件名越出目录",
    "a member is larger than 200 MiB or than 100 times its packed size": "ZIP 内文件大于 200 MiB，或压缩比过百",
}


def in_chinese(phrase: str) -> str:
    """Return a phrase in Chinese with its values in their places; anything else as it is."""
    if phrase in PHRASES:
        return PHRASES[phrase]
    for pattern, chinese in _patterns():
        found = pattern.fullmatch(phrase)
        if found:
            return chinese.format(*found.groups())
    return phrase


@functools.cache
def _patterns() -> tuple[tuple[re.Pattern[str], str], ...]:
    """Return the phrases that hold values, the longer ones first: they are the more particular."""
    holding = sorted((phrase for phrase in PHRASES if "{}" in phrase), key=len, reverse=True)
    return tuple(
        (re.compile("(.+?)".join(map(re.escape, each.split("{}"))), re.DOTALL), PHRASES[each]) for each in holding
    )
