"""What `medcredit demo` says on a terminal, in both languages, and what it finds out about the machine."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import psutil

from hub.cli.output import language
from schemas.money import yuan_text

_GIGABYTE: Final = 1_000_000_000
_LEAST_MEMORY, _LEAST_DISK = 4 * _GIGABYTE, 3 * _GIGABYTE
"""Below them Kafka, PostgreSQL and the roles do not fit beside each other (experience 4)."""

TEXTS: Final[Mapping[str, Mapping[str, str]]] = {
    "en": {
        "machine": "{word:<4} machine {cores} cores, {memory:.0f} GB memory, {disk:.0f} GB disk free",
        "small": "the demo needs 4 GB of memory and 3 GB of disk; it may stop half way",
        "port": "Port {wanted} is used by another program; {name} is at {port}.",
        "stores": "OK   stores  Kafka and PostgreSQL run; the sandbox gateways answer",
        "hub": "OK   hub     {roles} ready",
        "city": "OK   city    sends HL7, FHIR, callbacks and scores; 72 h = {seconds:.0f} s here",
        "page": "Page {address}",
        "try": "Try  . {file}",
        "verbs": "     then medcredit tail, medcredit dlq list, medcredit verify · here Ctrl-C ends all",
        "charge": "     first charge {number} ¥{total} = {parts}",
        "debit": "     first debit  {number} ¥{amount} paid by {channel}",
        "still": "     the city stands still; what is under way arrives",
        "verify": "{word:<4} verify  every invariant on the whole ledger",
        "stopping": "     stopping: roles, Kafka, PostgreSQL",
        "stopped": "OK   stopped no process, port or file is left",
        "kept": "OK   stopped no process or port is left; kept {directory}",
        "fund": "insurance",
        "account": "account",
        "other": "other schemes",
        "prepayment": "prepayment",
        "credit": "credit",
        "self_pay": "self-pay",
        "alipay": "Alipay",
        "unionpay": "UnionPay",
        "bank": "the bank",
    },
    "zh": {
        "machine": "{word:<4} 机器  {cores} 核，内存 {memory:.0f} GB，可用磁盘 {disk:.0f} GB",
        "small": "演示需要 4 GB 内存与 3 GB 磁盘，可能中途停止",
        "port": "端口 {wanted} 已被占用，{name} 改在 {port}。",
        "stores": "OK   存储  Kafka 与 PostgreSQL 已运行，模拟支付渠道已应答",
        "hub": "OK   平台  {roles} 已就绪",
        "city": "OK   城市  开始发送 HL7、FHIR、回调与信用分；72 小时在此为 {seconds:.0f} 秒",
        "page": "页面 {address}",
        "try": "试试 . {file}",
        "verbs": "     再运行 medcredit tail、medcredit dlq list、medcredit verify；在此按 Ctrl-C 结束",
        "charge": "     首笔费用 {number} ¥{total} = {parts}",
        "debit": "     首笔代扣 {number} ¥{amount} 由{channel}代扣成功",
        "still": "     城市时钟已停，等待在途消息到达",
        "verify": "{word:<4} 校验  全部账簿的每条不变量",
        "stopping": "     正在停止：各角色、Kafka、PostgreSQL",
        "stopped": "OK   结束  不留进程、端口与文件",
        "kept": "OK   结束  不留进程与端口；保留 {directory}",
        "fund": "医保基金",
        "account": "个人账户",
        "other": "其他医保",
        "prepayment": "预交金",
        "credit": "信用",
        "self_pay": "自付",
        "alipay": "支付宝",
        "unionpay": "银联",
        "bank": "银行",
    },
}


def sentence(name: str, /, **values: object) -> str:
    """Return one sentence in the language of this call, as `--lang` or LANG says."""
    return TEXTS[language()][name].format(**values)


def timed(text: str, seconds: float) -> str:
    """Return a line of progress: seconds since the beginning, then the text, which a narrow terminal may wrap."""
    return f"{seconds:5.1f} s  {text}"


def machine(directory: Path) -> tuple[str, ...]:
    """Return what this machine has for a run in `directory`; WARN and a second line where it is too little."""
    memory, disk = psutil.virtual_memory().total, shutil.disk_usage(directory).free
    small = memory < _LEAST_MEMORY or disk < _LEAST_DISK
    figures = {"cores": os.cpu_count() or 1, "memory": memory / _GIGABYTE, "disk": disk / _GIGABYTE}
    first = sentence("machine", word="WARN" if small else "OK", **figures)
    return (first, f"     {sentence('small')}") if small else (first,)


def charge_line(number: str, parts_fen: Mapping[str, int]) -> str:
    """Return the first charge's line; the parts, by their source, add up to its total."""
    parts = " + ".join(f"{sentence(name)} {yuan_text(fen)}" for name, fen in parts_fen.items() if fen)
    return sentence("charge", number=number, total=yuan_text(sum(parts_fen.values())), parts=parts)


def debit_line(number: str, amount_fen: int, channel: str) -> str:
    """Return the line of the first debit that was paid."""
    by = sentence(channel) if channel in TEXTS["en"] else channel
    return sentence("debit", number=number, amount=yuan_text(amount_fen), channel=by)
