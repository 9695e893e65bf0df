"""One registry of reason codes: the same word in HL7 ERR-5, FHIR, JSON, dead letters, metrics, page and CLI.

Every code has its HTTP status, its HL7 acknowledgement and table 0357 code, whether the sender may send the same again,
and a text in English and Chinese that says what happened and what to do (experience 6, protocols 11).
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Literal, NamedTuple

from schemas.phrases import PHRASED, in_chinese


class Reason(StrEnum):
    """Why something was refused, quarantined, reduced or marked."""

    # transport and form
    ACK_MODE = "ACK_MODE"
    AUTH = "AUTH"
    BATCH_COUNT = "BATCH_COUNT"
    BATCH_TOO_LARGE = "BATCH_TOO_LARGE"
    BODY = "BODY"
    BODY_TOO_LARGE = "BODY_TOO_LARGE"
    BILL_FILE_FORM = "BILL_FILE_FORM"
    BILL_FILE_TOTALS = "BILL_FILE_TOTALS"
    BUNDLE_MULTI_PATIENT = "BUNDLE_MULTI_PATIENT"
    BUNDLE_UNSUPPORTED = "BUNDLE_UNSUPPORTED"
    CERT_CHAIN = "CERT_CHAIN"
    CHARSET = "CHARSET"
    CHARSET_UNDECODABLE = "CHARSET_UNDECODABLE"
    CHARSET_UNKNOWN = "CHARSET_UNKNOWN"
    CHOICE_CONFLICT = "CHOICE_CONFLICT"
    CODE_UNLISTED = "CODE_UNLISTED"
    CONDITION = "CONDITION"
    CONTINUATION_UNSUPPORTED = "CONTINUATION_UNSUPPORTED"
    CONTROL_ID_MISSING = "CONTROL_ID_MISSING"
    CONTROL_ID_REUSED = "CONTROL_ID_REUSED"
    DECRYPT = "DECRYPT"
    EVENT_UNSUPPORTED = "EVENT_UNSUPPORTED"
    FHIR_VERSION_MISMATCH = "FHIR_VERSION_MISMATCH"
    FIELD_MISSING = "FIELD_MISSING"
    FIELD_TOO_LONG = "FIELD_TOO_LONG"
    FRAME_EMPTY = "FRAME_EMPTY"
    FRAME_NOISE = "FRAME_NOISE"
    FRAME_TIMEOUT = "FRAME_TIMEOUT"
    FRAME_TOO_LARGE = "FRAME_TOO_LARGE"
    FRAME_UNTERMINATED = "FRAME_UNTERMINATED"
    HEADER_MISSING = "HEADER_MISSING"
    HEADER_SEPARATORS = "HEADER_SEPARATORS"
    HUB_BUSY = "HUB_BUSY"
    IDEMPOTENCY_KEY_MISSING = "IDEMPOTENCY_KEY_MISSING"
    IDEMPOTENCY_KEY_REUSED = "IDEMPOTENCY_KEY_REUSED"
    JSON_INVALID = "JSON_INVALID"
    KEY_UNKNOWN = "KEY_UNKNOWN"
    MEDIA_TYPE = "MEDIA_TYPE"
    METHOD = "METHOD"
    NOT_PERMITTED = "NOT_PERMITTED"
    PARAM_DUPLICATE = "PARAM_DUPLICATE"
    PARAM_INVALID = "PARAM_INVALID"
    PROCESSING_ID = "PROCESSING_ID"
    RESOURCE_INVALID = "RESOURCE_INVALID"
    SENDER_MISMATCH = "SENDER_MISMATCH"
    SEQ_CONFLICT = "SEQ_CONFLICT"
    SEQ_GAP = "SEQ_GAP"
    SIGN_DOWNGRADE = "SIGN_DOWNGRADE"
    SIGN_INVALID = "SIGN_INVALID"
    SIGN_MISSING = "SIGN_MISSING"
    STALE = "STALE"
    THROTTLED = "THROTTLED"
    TYPE_UNSUPPORTED = "TYPE_UNSUPPORTED"
    UNDECODABLE = "UNDECODABLE"
    VERSION_UNSUPPORTED = "VERSION_UNSUPPORTED"
    # content
    AMOUNT_MISMATCH = "AMOUNT_MISMATCH"
    AMOUNT_MISSING = "AMOUNT_MISSING"
    AMOUNT_OUT_OF_RANGE = "AMOUNT_OUT_OF_RANGE"
    AMOUNT_SYNTAX = "AMOUNT_SYNTAX"
    CONTROL_TOTAL = "CONTROL_TOTAL"
    CURRENCY = "CURRENCY"
    DIALECT_UNMAPPED = "DIALECT_UNMAPPED"
    FT1_MISSING = "FT1_MISSING"
    IDENTITY_CONFLICT = "IDENTITY_CONFLICT"
    KIND_UNKNOWN = "KIND_UNKNOWN"
    PATIENT_MISSING = "PATIENT_MISSING"
    SCORE_RANGE = "SCORE_RANGE"
    SIGN_AMBIGUOUS = "SIGN_AMBIGUOUS"
    SPLIT_FIELD = "SPLIT_FIELD"
    SPLIT_LINES = "SPLIT_LINES"
    SPLIT_NEGATIVE = "SPLIT_NEGATIVE"
    SPLIT_TOTAL = "SPLIT_TOTAL"
    STATUS_INVALID = "STATUS_INVALID"
    SUBJECT_INVALID = "SUBJECT_INVALID"
    TIME_INVALID = "TIME_INVALID"
    VISIT_MISSING = "VISIT_MISSING"
    # judged by the books
    AGREEMENT_EXISTS = "AGREEMENT_EXISTS"
    AGREEMENT_UNKNOWN = "AGREEMENT_UNKNOWN"
    BALANCE_EXCEEDS = "BALANCE_EXCEEDS"
    BILL_NOT_FROZEN = "BILL_NOT_FROZEN"
    BILL_NOT_PAYABLE = "BILL_NOT_PAYABLE"
    BILL_UNKNOWN = "BILL_UNKNOWN"
    CLOSED_AFTER_PAID = "CLOSED_AFTER_PAID"
    CONSENT = "CONSENT"
    CREDIT_EXCEEDS = "CREDIT_EXCEEDS"
    CREDIT_UNMATCHED = "CREDIT_UNMATCHED"
    DECEASED = "DECEASED"
    FAMILY_HOLD_UNKNOWN = "FAMILY_HOLD_UNKNOWN"
    FAMILY_LINK_EXISTS = "FAMILY_LINK_EXISTS"
    FAMILY_LINK_UNKNOWN = "FAMILY_LINK_UNKNOWN"
    FAMILY_PAYER_INELIGIBLE = "FAMILY_PAYER_INELIGIBLE"
    FAMILY_REFUSED = "FAMILY_REFUSED"
    FAMILY_RELATION_INVALID = "FAMILY_RELATION_INVALID"
    FAMILY_REQUEST_EXPIRED = "FAMILY_REQUEST_EXPIRED"
    FEEDBACK_UNDELIVERED = "FEEDBACK_UNDELIVERED"
    FORWARD_LOOP = "FORWARD_LOOP"
    HOLD_CLOSED = "HOLD_CLOSED"
    HOLD_EXCEEDS = "HOLD_EXCEEDS"
    HOLD_UNKNOWN = "HOLD_UNKNOWN"
    LATE = "LATE"
    LINE_CHANGED = "LINE_CHANGED"
    LINK_CONFLICT = "LINK_CONFLICT"
    MERGE_AMBIGUOUS = "MERGE_AMBIGUOUS"
    MERGE_INVALID = "MERGE_INVALID"
    NOT_FOUND = "NOT_FOUND"
    ORDER_UNKNOWN = "ORDER_UNKNOWN"
    OUTCOME_TOO_LARGE = "OUTCOME_TOO_LARGE"
    PACK_UNKNOWN = "PACK_UNKNOWN"
    PACK_INVALID = "PACK_INVALID"
    PAID_AFTER_CLOSE = "PAID_AFTER_CLOSE"
    PARKED = "PARKED"
    PREPAYMENT_EXCEEDS = "PREPAYMENT_EXCEEDS"
    RECEIPT_CHANGED = "RECEIPT_CHANGED"
    REFUND_EXCEEDS = "REFUND_EXCEEDS"
    REFUND_FOREIGN = "REFUND_FOREIGN"
    FOREIGN_NOTICE = "FOREIGN_NOTICE"
    SETTLEMENT_CONTRA_REQUIRED = "SETTLEMENT_CONTRA_REQUIRED"
    SOURCES_INVALID = "SOURCES_INVALID"
    VISIT_ARCHIVED = "VISIT_ARCHIVED"
    VISIT_CLOSED = "VISIT_CLOSED"
    VISIT_UNKNOWN = "VISIT_UNKNOWN"
    BILL_NOT_OVERDUE = "BILL_NOT_OVERDUE"
    DISHONESTY_UNKNOWN = "DISHONESTY_UNKNOWN"
    LIST_ENTRY_EXISTS = "LIST_ENTRY_EXISTS"
    LIST_ENTRY_UNKNOWN = "LIST_ENTRY_UNKNOWN"
    LIST_NOT_COVERED = "LIST_NOT_COVERED"
    LIST_TERM = "LIST_TERM"
    NOT_THE_AUTHOR = "NOT_THE_AUTHOR"
    PROPOSAL_EXISTS = "PROPOSAL_EXISTS"
    PROPOSAL_UNKNOWN = "PROPOSAL_UNKNOWN"
    RELIEF_CASE_CLOSED = "RELIEF_CASE_CLOSED"
    RELIEF_CASE_EXISTS = "RELIEF_CASE_EXISTS"
    RELIEF_CASE_UNKNOWN = "RELIEF_CASE_UNKNOWN"
    RELIEF_EXCEEDS = "RELIEF_EXCEEDS"
    RELIEF_NOT_COVERED = "RELIEF_NOT_COVERED"
    SAME_PERSON = "SAME_PERSON"
    TERM_NEEDED = "TERM_NEEDED"
    BANK_MISSING = "BANK_MISSING"
    # why the credit step gave less than was asked: part of a decision, never an error
    AGREEMENT_MISSING = "AGREEMENT_MISSING"
    CREDIT_EXHAUSTED = "CREDIT_EXHAUSTED"
    FAMILY_NOT_COVERED = "FAMILY_NOT_COVERED"
    FAMILY_NO_ANSWER = "FAMILY_NO_ANSWER"
    NO_LINE = "NO_LINE"
    PRESET_EXCEEDED = "PRESET_EXCEEDED"
    SCENE_NOT_COVERED = "SCENE_NOT_COVERED"
    SUSPENDED = "SUSPENDED"
    BARRED = "BARRED"
    DISHONESTY = "DISHONESTY"
    INSURANCE_CREDIT = "INSURANCE_CREDIT"
    LINE_CANCELLED = "LINE_CANCELLED"
    LINK_INSURANCE_AT_COUNTER = "LINK_INSURANCE_AT_COUNTER"
    NOT_INSURED = "NOT_INSURED"
    # operating the hub: answers of the command line, never of a wire
    CLOCK_FAST_IN_PRODUCTION = "CLOCK_FAST_IN_PRODUCTION"
    DEAD_LETTER_CLOSED = "DEAD_LETTER_CLOSED"
    DEPENDENCY_UNREACHABLE = "DEPENDENCY_UNREACHABLE"
    MIGRATION_PENDING = "MIGRATION_PENDING"
    NOT_PARKED = "NOT_PARKED"
    NOT_REINJECTABLE = "NOT_REINJECTABLE"
    SETTING_INVALID = "SETTING_INVALID"
    TOPIC_MISMATCH = "TOPIC_MISMATCH"


Ack = Literal["AE", "AR"]


class ReasonText(NamedTuple):
    """What every surface needs to know about one reason code."""

    status: int
    """HTTP status of FHIR, API and gateway routes."""
    ack: Ack
    hl7: str
    """Code of HL7 table 0357."""
    retriable: bool
    """True when the same bytes may be accepted later without any correction."""
    en: str
    zh: str


_R = ReasonText

REASONS: Mapping[Reason, ReasonText] = {
    Reason.ACK_MODE: _R(400, "AR", "103", False, "MSH-15 or MSH-16 is not AL, NE, ER or SU. Correct it and send again.", "MSH-15 或 MSH-16 不是 AL、NE、ER、SU 之一。请更正后重发。"),
    Reason.AUTH: _R(401, "AR", "207", False, "The request carries no valid credentials. Send the bearer token of your source.", "请求未携带有效凭证。请附上贵方来源的访问令牌。"),
    Reason.BATCH_COUNT: _R(422, "AE", "207", False, "The batch trailer counts other messages than were sent; nothing was processed. Correct the count and send again.", "批尾计数与实际消息数不符，整批未处理。请更正后重发。"),
    Reason.BATCH_TOO_LARGE: _R(413, "AR", "207", False, "The batch holds more than 1,000 messages. Send smaller batches.", "批次超过 1,000 条消息。请拆分后发送。"),
    Reason.BODY: _R(400, "AE", "207", False, "The body cannot be read in the format this address expects. Send it in the documented form.", "报文格式与该接口不符，无法读取。请按文档格式发送。"),
    Reason.BODY_TOO_LARGE: _R(413, "AR", "207", False, "The body is larger than this address accepts. Split it and send the parts.", "报文超过该接口的大小上限。请拆分后发送。"),
    Reason.BUNDLE_MULTI_PATIENT: _R(422, "AE", "207", False, "A transaction Bundle may concern one patient only. Send one Bundle per patient.", "事务 Bundle 只能涉及一位患者。请按患者分别发送。"),
    Reason.BUNDLE_UNSUPPORTED: _R(422, "AE", "207", False, "This transaction holds entries that cannot be booked in one step: {why}. Nothing was stored; send them one by one or as a batch.", "该事务包含无法一次入账的条目：{why}。未保存任何内容，请逐条发送或改用 batch。"),
    Reason.CERT_CHAIN: _R(403, "AR", "207", False, "The certificate does not lead to a root we trust, or was not valid at txnTime. The notice was not believed.", "证书链不受信任，或在 txnTime 时无效。通知未被采信。"),
    Reason.CHARSET: _R(400, "AE", "102", False, "The charset is not utf-8 or GBK, or the bytes do not decode with it. Send the declared charset.", "字符集不是 utf-8 或 GBK，或内容无法解码。请按声明的字符集发送。"),
    Reason.CHARSET_UNDECODABLE: _R(400, "AR", "102", False, "The bytes decode with none of the charsets this source may use. Send UTF-8, GB18030 or Big5.", "内容无法用该来源允许的字符集解码。请使用 UTF-8、GB18030 或 Big5。"),
    Reason.CHARSET_UNKNOWN: _R(400, "AR", "103", False, "MSH-18 names a charset we do not know. Use UNICODE UTF-8, GB 18030-2000 or BIG-5.", "MSH-18 的字符集名称无法识别。请使用 UNICODE UTF-8、GB 18030-2000 或 BIG-5。"),
    Reason.CHOICE_CONFLICT: _R(400, "AE", "207", False, "Two forms of the same element were sent at once. Send exactly one of them.", "同一元素同时出现两种形式。请只发送其中一种。"),
    Reason.CODE_UNLISTED: _R(502, "AR", "207", False, "The gateway answered with a code that is not in our table. The order counts as unknown and is queried; no second debit is sent. Tell the hub's operator what the code means, then drop the dead letter.", "渠道返回了对照表之外的代码。该订单按结果未知处理并继续查询，不会再次扣款。请告知平台运维该代码的含义，然后关闭死信。"),
    Reason.CONDITION: _R(400, "AE", "207", False, "If-None-Exist must name one identifier as system|value. Correct the condition.", "If-None-Exist 须以 system|value 指明一个标识。请更正条件。"),
    Reason.CONTINUATION_UNSUPPORTED: _R(400, "AE", "207", False, "MSH-14 asks for a continued message, which is not supported. Send the message whole.", "不支持 MSH-14 续传。请发送完整消息。"),
    Reason.CONTROL_ID_MISSING: _R(400, "AR", "101", False, "MSH-10 is empty. Give each message its own control id.", "MSH-10 为空。请为每条消息填写控制号。"),
    Reason.CONTROL_ID_REUSED: _R(409, "AE", "205", False, "MSH-10 was used for another message. Use a new control id; nothing of this message was booked.", "MSH-10 已用于另一消息，本消息未入账。请使用新的控制号。"),
    Reason.DECRYPT: _R(422, "AR", "207", False, "The sealed payload does not open with the named key. Check key, iv and header, then send again.", "密文无法用所示密钥解开。请核对密钥、iv 与报头后重发。"),
    Reason.EVENT_UNSUPPORTED: _R(404, "AR", "201", False, "This trigger event is not supported. See the conformance statement for the events we accept.", "不支持该触发事件。可接受的事件见接口说明。"),
    Reason.FHIR_VERSION_MISMATCH: _R(415, "AE", "207", False, "The resource belongs to another FHIR version than this address. Send it to the matching path.", "资源的 FHIR 版本与该地址不符。请发送到对应路径。"),
    Reason.FIELD_TOO_LONG: _R(422, "AE", "104", False, "{field} is longer than {limit} characters. Send a shorter value.", "{field} 超过 {limit} 个字符。请缩短后重发。"),
    Reason.FIELD_MISSING: _R(422, "AE", "101", False, "The required element {field} is missing. Fill it and send again.", "缺少必填项 {field}。请补填后重发。"),
    Reason.FRAME_EMPTY: _R(400, "AR", "100", False, "The frame is empty. Send a message between 0x0B and 0x1C.", "帧内容为空。请在 0x0B 与 0x1C 之间发送消息。"),
    Reason.FRAME_NOISE: _R(400, "AR", "100", False, "More than 64 KiB came before a start byte. Check that this is an MLLP connection.", "起始字节前的内容超过 64 KiB。请确认这是 MLLP 连接。"),
    Reason.FRAME_TIMEOUT: _R(408, "AR", "207", True, "The frame was not finished within 30 s. Send the whole message again.", "帧未在 30 秒内发完。请重发完整消息。"),
    Reason.FRAME_TOO_LARGE: _R(413, "AR", "207", False, "The frame or message is larger than the limit. Split it into smaller messages.", "帧或消息超过大小上限。请拆分后发送。"),
    Reason.FRAME_UNTERMINATED: _R(400, "AR", "100", True, "The frame was cut off before its end byte. Send the whole message again.", "帧在结束字节前中断。请重发完整消息。"),
    Reason.HEADER_MISSING: _R(400, "AR", "100", False, "The message does not begin with its header segment. Begin with MSH, FHS or BHS.", "消息未以头段开始。请以 MSH、FHS 或 BHS 开头。"),
    Reason.HEADER_SEPARATORS: _R(400, "AR", "102", False, "The separators in MSH-1 and MSH-2 are repeated or alphanumeric. Use five different signs.", "MSH-1、MSH-2 的分隔符重复或为字母数字。请使用互不相同的符号。"),
    Reason.HUB_BUSY: _R(503, "AR", "207", True, "Not confirmed. Our side is busy; send the same message again in a minute, it will not be booked twice.", "暂未确认，平台繁忙；请一分钟后原样重发，不会重复入账。"),
    Reason.IDEMPOTENCY_KEY_MISSING: _R(400, "AE", "101", False, "This call moves money and needs an Idempotency-Key header. Send one new key per payment, the same key when repeating.", "该请求涉及资金，缺少 Idempotency-Key。每笔付款用新键，重试用原键。"),
    Reason.IDEMPOTENCY_KEY_REUSED: _R(422, "AE", "205", False, "This key was used with another body. Nothing was done; use a new key for a new payment.", "此键已用于不同内容，本次未处理。新付款请换新键。"),
    Reason.JSON_INVALID: _R(400, "AE", "207", False, "The body is not valid JSON, repeats a key or holds NaN. Send strict JSON.", "报文不是合法 JSON、含重复键或 NaN。请发送严格的 JSON。"),
    Reason.KEY_UNKNOWN: _R(403, "AR", "207", False, "The named key is not registered. Use a key id in force.", "所示密钥未登记。请使用有效的密钥编号。"),
    Reason.MEDIA_TYPE: _R(415, "AE", "207", False, "This content type is not accepted here. Send the documented content type.", "该接口不接受此内容类型。请按文档发送。"),
    Reason.METHOD: _R(405, "AE", "207", False, "This method is not allowed: history is append-only. Create a new resource instead.", "不允许该方法：历史只能追加。请改为新建资源。"),
    Reason.NOT_PERMITTED: _R(403, "AR", "207", False, "Your access covers one institution and this covers the city. Ask the platform operator if you need it.", "您的权限仅限一家机构，而此内容覆盖全市；如需查看，请联系平台管理员。"),
    Reason.PARAM_INVALID: _R(400, "AE", "102", False, "The parameter {parameter} is not {expected}. Correct it and ask again.", "参数 {parameter} 不符合要求（{expected}）。请更正后重试。"),
    Reason.PARAM_DUPLICATE: _R(400, "AE", "207", False, "A parameter was sent twice. Send each once.", "参数重复。每个参数只能出现一次。"),
    Reason.PROCESSING_ID: _R(400, "AR", "202", False, "MSH-11 is not P, and this listener takes production messages only. Send tests to the sandbox.", "MSH-11 不是 P，本端口只收生产消息。测试请发往沙箱。"),
    Reason.RESOURCE_INVALID: _R(422, "AE", "102", False, "The element {field} does not have the form its definition gives. Correct it and send again.", "元素 {field} 的格式与定义不符。请更正后重发。"),
    Reason.SENDER_MISMATCH: _R(403, "AR", "207", False, "This sender may not write for the named institution. Use the credentials of that institution.", "该发送方无权代表所示机构。请使用该机构的凭证。"),
    Reason.SEQ_CONFLICT: _R(409, "AE", "205", False, "This sequence number was used with other content. Nothing was applied; check the sender's counter.", "该序号已用于不同内容，未采用。请检查发送方计数。"),
    Reason.SEQ_GAP: _R(409, "AE", "207", False, "Expected sequence {expected}, got {got}. Send again from {expected}.", "期望序号 {expected}，收到 {got}。请从 {expected} 起补发。"),
    Reason.SIGN_DOWNGRADE: _R(403, "AR", "207", False, "The signature uses an older method than agreed. Use the agreed method.", "签名方式低于约定。请使用约定的签名方式。"),
    Reason.SIGN_INVALID: _R(403, "AR", "207", False, "The signature does not fit the content, so the notice was not believed. Nothing changed; the gateway will be queried.", "签名与内容不符，未被采信。账目未变，将向渠道主动查询。"),
    Reason.SIGN_MISSING: _R(403, "AR", "207", False, "The signature is missing or not base64. Sign the request.", "缺少签名或签名不是 base64。请签名后发送。"),
    Reason.STALE: _R(409, "AE", "207", False, "The message's time is outside the window of freshness. Check the clock and send a new message.", "消息时间超出有效窗口。请校准时钟后发送新消息。"),
    Reason.THROTTLED: _R(429, "AR", "207", True, "Too many requests from this source. Wait as Retry-After says, then send again.", "该来源请求过多。请按 Retry-After 等待后重发。"),
    Reason.TYPE_UNSUPPORTED: _R(404, "AR", "200", False, "This message or resource type is not supported. See the conformance statement.", "不支持该消息或资源类型。可接受的类型见接口说明。"),
    Reason.UNDECODABLE: _R(400, "AE", "207", False, "The record cannot be decoded. It is kept with its original bytes for a person to look at.", "记录无法解码，已连同原始内容保存，待人工查看。"),
    Reason.VERSION_UNSUPPORTED: _R(400, "AR", "203", False, "MSH-12 names a version outside 2.1 to 2.8. Send a supported version.", "MSH-12 的版本不在 2.1 至 2.8 之内。请使用受支持的版本。"),
    Reason.AMOUNT_MISMATCH: _R(422, "AE", "207", False, "{quantity} x {unit} is {expected}, sent {sent}. Correct the line and send it again; nothing of this message was booked.", "数量 {quantity} × 单价 {unit} = {expected}，报送 {sent}。请更正后重发；本消息未入账。"),
    Reason.AMOUNT_MISSING: _R(422, "AE", "101", False, "The line has no amount; the hub never prices from a tariff. Send the price of the whole line.", "明细没有金额，平台不会代为计价。请报送整行金额。"),
    Reason.AMOUNT_OUT_OF_RANGE: _R(422, "AE", "102", False, "The amount is above the configured maximum, or not above zero where it must be. Check it and send again.", "金额超过设定上限，或应大于零而未大于零。请核对后重发。"),
    Reason.AMOUNT_SYNTAX: _R(422, "AE", "102", False, "The amount is not a number with at most two decimals. Write it as 18.34.", "金额不是最多两位小数的数字。请写作 18.34。"),
    Reason.CONTROL_TOTAL: _R(422, "AE", "207", False, "The lines do not add up to the control total. Nothing was booked; correct the lines or the total.", "明细之和与控制总数不符，未入账。请更正明细或总数。"),
    Reason.CURRENCY: _R(422, "AE", "103", False, "The currency is not CNY. Only CNY is accepted.", "币种不是人民币。仅接受 CNY。"),
    Reason.DIALECT_UNMAPPED: _R(422, "AE", "207", False, "There is no profile for {source}, so amounts cannot be read safely. The message is kept; add a source profile.", "尚无 {source} 的方言配置，无法安全读取金额。消息已保存，请添加来源配置。"),
    Reason.FT1_MISSING: _R(422, "AE", "100", False, "The DFT holds no FT1 segment. Send at least one line, each segment on its own line.", "DFT 中没有 FT1 段。请至少发送一条明细，每段独占一行。"),
    Reason.IDENTITY_CONFLICT: _R(422, "AE", "207", False, "The message names two different citizen ids. Send one person per message.", "消息含两个不同的身份证号。每条消息只能涉及一人。"),
    Reason.KIND_UNKNOWN: _R(422, "AE", "103", False, "The transaction kind in FT1-6 is not mapped. Add it to the profile or send CG or CD.", "FT1-6 的交易类型未映射。请补充配置或使用 CG、CD。"),
    Reason.PATIENT_MISSING: _R(422, "AE", "101", False, "There is no usable patient identifier. Send PID-3 with a citizen id or hospital number.", "没有可用的患者标识。请在 PID-3 填写身份证号或院内号。"),
    Reason.SCORE_RANGE: _R(422, "AE", "102", False, "The score is not an integer on the agreed scale. It was not stored.", "分值不是约定范围内的整数，未保存。"),
    Reason.SIGN_AMBIGUOUS: _R(422, "AE", "207", False, "Kind, quantity and amount contradict each other in sign. Send a credit as the profile says.", "类型、数量与金额的正负相互矛盾。请按配置报送冲正。"),
    Reason.SPLIT_FIELD: _R(422, "AE", "101", False, "A part of the insurance settlement is missing. Send every part; absent is not zero.", "医保结算缺少分项。请报齐各分项，缺失不等于零。"),
    Reason.SPLIT_LINES: _R(422, "AE", "207", False, "The settlement total differs from the posted lines. The bill is blocked until corrected.", "结算总额与已入账明细不符，账单暂停，请更正。"),
    Reason.SPLIT_NEGATIVE: _R(422, "AE", "102", False, "A part of the settlement is negative. Send a contra entry instead.", "结算分项为负。请改用冲正。"),
    Reason.SPLIT_TOTAL: _R(422, "AE", "207", False, "Fund, account, other and cash do not add up to the total. Nothing was booked; correct the settlement.", "统筹、个人账户、其他与现金之和与总额不符，未入账，请更正。"),
    Reason.STATUS_INVALID: _R(422, "AE", "103", False, "This status is not accepted. Use one of the documented values.", "不接受该状态值。请使用文档所列的值。"),
    Reason.SUBJECT_INVALID: _R(422, "AE", "207", False, "The id number has a wrong check digit. Correct it and send again.", "证件号校验位不符。请更正后重发。"),
    Reason.TIME_INVALID: _R(400, "AE", "102", False, "The time cannot be read, lacks its zone, lies before 2000 or more than 24 h ahead. Correct it.", "时间无法读取、缺少时区、早于 2000 年或超前 24 小时以上。请更正。"),
    Reason.VISIT_MISSING: _R(422, "AE", "101", False, "No visit number in PV1-19, PV1-50 or PID-18. Send one; a charge without a visit has no bill.", "PV1-19、PV1-50、PID-18 均无就诊号。请补填，否则无法生成账单。"),
    Reason.AGREEMENT_EXISTS: _R(409, "AE", "205", False, "An agreement is already in force. Withdraw it before signing another.", "已有有效协议。请先解约再重新签约。"),
    Reason.AGREEMENT_UNKNOWN: _R(404, "AE", "204", False, "There is no such agreement in force. Check the agreement id.", "没有该有效协议。请核对协议编号。"),
    Reason.BALANCE_EXCEEDS: _R(409, "AE", "207", False, "The refund of {asked} is above the person's free balance of {left}. Refund at most that.", "退款 {asked} 元超过可退余额 {left} 元，最多可退该余额。"),
    Reason.BILL_NOT_FROZEN: _R(409, "AE", "207", False, "The bill is not frozen, so there is nothing to free. Check the bill id.", "账单未被冻结，无需解冻。请核对账单编号。"),
    Reason.BILL_NOT_PAYABLE: _R(409, "AE", "207", False, "The bill cannot be paid now: it is being debited, paid or closed. Wait for the result so that it is not paid twice.", "账单当前不可支付：正在代扣、已付清或已关闭。请等待结果，以免重复付款。"),
    Reason.BILL_UNKNOWN: _R(404, "AE", "204", False, "There is no such bill of this person. Check the bill id.", "没有该账单。请核对账单编号。"),
    Reason.CLOSED_AFTER_PAID: _R(409, "AE", "207", False, "The gateway says that a paid order is closed. The bill is frozen until a person decides.", "渠道称已支付的订单已关闭。账单已冻结，待人工处理。"),
    Reason.CONSENT: _R(422, "AE", "207", False, "There is no consent in force for this use, so nothing was stored. A new consent is needed first.", "没有有效授权，未保存任何内容。需先重新授权。"),
    Reason.CREDIT_EXCEEDS: _R(409, "AE", "207", False, "The refund of {asked} is above what is left of this charge ({left}). Refund at most {left}.", "退费 {asked} 元超过该费用剩余 {left} 元，最多可退 {left} 元。"),
    Reason.CREDIT_UNMATCHED: _R(422, "AE", "207", False, "No charge, or more than one, fits this reversal. Name the original in FT1-31 or FT1-30.", "没有或有多条费用与该冲正相符，请在 FT1-31 或 FT1-30 指明原明细。"),
    Reason.DECEASED: _R(409, "AE", "207", False, "The person is recorded as deceased: no new credit, no debit, no new link. Ask the platform operator if this is wrong.", "该市民已登记身故：不再授信、代扣或建立关联。如有误请联系平台管理员。"),
    Reason.FAMILY_HOLD_UNKNOWN: _R(409, "AE", "204", False, "A family hold was to be posted or reduced that the payer's account does not know. A person must look.", "付款人账户没有该亲情付冻结，无法入账或冲减。须人工处理。"),
    Reason.FAMILY_LINK_EXISTS: _R(409, "AE", "205", False, "There is such a family link already, or one is being asked for. End it before making another.", "已有亲情付关联或申请在途。请先解除再建立。"),
    Reason.FAMILY_LINK_UNKNOWN: _R(404, "AE", "204", False, "There is no such family link in force or open request. Check the link id.", "没有该有效关联或在途申请。请核对关联编号。"),
    Reason.FAMILY_PAYER_INELIGIBLE: _R(409, "AE", "207", False, "The payer has no agreement in force that can bear this: a credit line for a child, a channel with debit consent for a parent. Sign one first.", "付款人没有可承担的有效协议（共享额度须有信用额度，代偿须有授权代扣渠道）。请先签约。"),
    Reason.FAMILY_REFUSED: _R(409, "AE", "207", False, "The other side refused. Nothing changed; ask again if this was a mistake.", "对方已拒绝，未作任何更改。如有误请重新申请。"),
    Reason.FAMILY_RELATION_INVALID: _R(422, "AE", "207", False, "The two persons cannot be linked so: {why}. Correct the request.", "两人不能如此关联：{why}。请更正申请。"),
    Reason.FAMILY_REQUEST_EXPIRED: _R(409, "AE", "207", False, "The request was not answered within 7 days and is over. Ask again.", "申请 7 天内未获答复，已失效。请重新申请。"),
    Reason.FORWARD_LOOP: _R(409, "AE", "207", False, "The message was forwarded in a circle and stopped. A person must correct the links.", "消息在账户间循环转发，已停止。须人工更正关联。"),
    Reason.HOLD_CLOSED: _R(409, "AE", "207", False, "The hold was captured, voided or ended already. Place a new hold.", "该预授权已完成、撤销或失效。请重新申请预授权。"),
    Reason.HOLD_EXCEEDS: _R(409, "AE", "207", False, "{asked} is above what can be held or captured ({left}). Ask for at most {left}.", "{asked} 元超过可预授权或可扣金额 {left} 元，最多 {left} 元。"),
    Reason.HOLD_UNKNOWN: _R(404, "AE", "204", False, "There is no such hold. Check the hold id.", "没有该预授权。请核对编号。"),
    Reason.LATE: _R(200, "AE", "0", False, "The message came after a newer one and changed nothing. There is nothing to do.", "该消息晚于更新的状态，未作任何更改，无需处理。"),
    Reason.LINE_CHANGED: _R(409, "AE", "205", False, "Line {line} is already booked with other content. Send a reversal and a new line, or ask for line_replace in the profile.", "明细 {line} 已按不同内容入账。请先冲正再报新明细，或申请在方言中启用 line_replace。"),
    Reason.LINK_CONFLICT: _R(409, "AE", "207", False, "This hospital number is already linked to another person. A person must decide.", "该院内号已关联另一人。须人工处理。"),
    Reason.MERGE_AMBIGUOUS: _R(409, "AE", "207", False, "The two records belong to different persons as far as is known, so they were not merged. A person must decide.", "据现有信息两份档案属于不同的人，未合并。须人工处理。"),
    Reason.MERGE_INVALID: _R(422, "AE", "207", False, "A merge needs a surviving and a retired patient number, and they must differ. Send PID-3 and MRG-1.", "合并须有保留与被合并两个不同的患者号。请填写 PID-3 与 MRG-1。"),
    Reason.NOT_FOUND: _R(404, "AE", "204", False, "Nothing is stored under this id. Check the id.", "该编号下没有记录。请核对编号。"),
    Reason.ORDER_UNKNOWN: _R(409, "AE", "204", False, "The notice is authentic but names an order we do not know. A person must look.", "通知真实，但订单号未知。须人工处理。"),
    Reason.OUTCOME_TOO_LARGE: _R(422, "AE", "207", False, "The result would be larger than a record may be. Send fewer lines at once.", "处理结果超过记录上限。请减少每次的明细数。"),
    Reason.PACK_UNKNOWN: _R(422, "AE", "207", False, "No policy pack covers this institution at this time. Ask the platform operator.", "该机构此时没有适用的政策包。请联系平台管理员。"),
    Reason.PAID_AFTER_CLOSE: _R(200, "AE", "207", False, "The order was paid after we had closed it. The money will be refunded.", "订单关闭后收到付款，款项将退回。"),
    Reason.PARKED: _R(409, "AE", "207", False, "A person set this aside undecided. It is kept whole; re-inject it when its cause is removed.", "已由人工搁置，未作处理，原文保留。排除原因后请重新注入。"),
    Reason.PREPAYMENT_EXCEEDS: _R(409, "AE", "207", False, "The refund of {asked} is above what is left of the prepayment ({left}). Refund at most {left}.", "退款 {asked} 元超过预交金余额 {left} 元，最多可退 {left} 元。"),
    Reason.RECEIPT_CHANGED: _R(409, "AE", "205", False, "Receipt {receipt} is already booked with {booked}. Nothing was booked; check the receipt number.", "收据 {receipt} 已按 {booked} 元入账，本次未入账。请核对收据号。"),
    Reason.REFUND_EXCEEDS: _R(409, "AE", "207", False, "The refund in the notice is above what was paid. The bill is frozen until a person decides.", "通知中的退款超过已付金额。账单已冻结，待人工处理。"),
    Reason.REFUND_FOREIGN: _R(200, "AE", "207", False, "The channel refunded money that we did not ask to refund. It is owed again and the bill is frozen until a person decides.", "渠道退回了我方未申请的款项，该金额重新计入欠款，账单已冻结，待人工处理。"),
    Reason.FOREIGN_NOTICE: _R(403, "AR", "207", False, "The notice is signed well but belongs to another merchant. Nothing changed.", "通知签名有效，但属于其他商户。账目未变。"),
    Reason.SETTLEMENT_CONTRA_REQUIRED: _R(409, "AE", "207", False, "The charge was settled by insurance. Send the contra settlement first.", "该费用已医保结算。请先冲正结算。"),
    Reason.SOURCES_INVALID: _R(422, "AE", "207", False, "These sources of repayment cannot be used: {why}. Correct the list and send it again.", "还款来源列表无效：{why}。请更正后重发。"),
    Reason.VISIT_ARCHIVED: _R(409, "AE", "207", False, "The visit was settled long ago and is archived. A person must book this line.", "该就诊早已结清并归档。须人工入账。"),
    Reason.VISIT_CLOSED: _R(409, "AE", "207", False, "The visit is closed. Send a supplementary charge or reopen the visit.", "就诊已关闭。请补报费用或重新开启就诊。"),
    Reason.VISIT_UNKNOWN: _R(422, "AE", "204", False, "The visit is neither in this message nor known. Send the visit first.", "就诊号既不在本消息中，也未登记。请先报送就诊。"),
    Reason.AGREEMENT_MISSING: _R(200, "AE", "0", False, "No agreement is in force, so credit gave nothing. Sign one to use credit; this time pay at the window.", "没有有效的信用就医协议，信用未支付。签约后即可使用，本次请到窗口支付。"),
    Reason.CREDIT_EXHAUSTED: _R(200, "AE", "0", False, "Credit available was {available}; {rest} is to be paid at the window.", "信用额度可用 {available} 元，其余 {rest} 元请到窗口支付。"),
    Reason.FEEDBACK_UNDELIVERED: _R(502, "AE", "207", False, "The score source {source} did not take message {message} ({code}). Settle it with the source, then drop this dead letter with a reason.", "信用分来源 {source} 未接收消息 {message}（{code}）。请与其核对处理，再注明理由关闭此死信。"),
    Reason.FAMILY_NOT_COVERED: _R(200, "AE", "0", False, "The payer's pack does not let a person of this age share a line, so credit gave nothing. Pay at the window.", "付款人适用的政策不允许该年龄者共享额度，信用未支付，请到窗口支付。"),
    Reason.FAMILY_NO_ANSWER: _R(200, "AE", "0", False, "The payer's account did not answer in time, so credit gave nothing; the hold is void. Pay at the window.", "付款人账户未及时答复，信用未支付，冻结已作废，请到窗口支付。"),
    Reason.NO_LINE: _R(200, "AE", "0", False, "The score gives no credit line under this pack, so credit gave nothing. Pay at the window; a better score gives one.", "按现行政策，该信用分没有额度，信用未支付，请到窗口支付；信用分提高后可获额度。"),
    Reason.PRESET_EXCEEDED: _R(200, "AE", "0", False, "The charge is above what the fee-control preset leaves ({available}), so credit gave nothing; {rest} is to be paid at the window.", "本次费用超出费控预设余额（{available} 元），信用未支付，{rest} 元请到窗口支付。"),
    Reason.SCENE_NOT_COVERED: _R(200, "AE", "0", False, "The pack does not cover this kind of visit, so credit gave nothing. Pay at the window.", "现行政策不覆盖该就诊场景，信用未支付，请到窗口支付。"),
    Reason.SUSPENDED: _R(200, "AE", "0", False, "Credit is suspended because of an overdue bill. It resumes the day after it is paid.", "因有逾期账单，信用就医已暂停；还清次日恢复。"),
    Reason.BARRED: _R(200, "AE", "0", False, "Credit is barred for this person, so credit gave nothing. Pay at the window; the platform operator can say why.", "该市民已被限制使用信用就医，信用未支付，请到窗口支付；原因可咨询平台管理员。"),
    Reason.BILL_FILE_FORM: _R(422, "AE", "102", False, "The bill file cannot be read at row {row}, column {column}: {fault}. Nothing of it was used; fetch it again.", "对账文件第 {row} 行「{column}」无法读取：{fault}。整个文件未使用，请重新下载。"),
    Reason.BILL_FILE_TOTALS: _R(422, "AE", "207", False, "The bill file's rows do not give its own {column}: {fault}. Nothing of it was used; fetch it again.", "对账文件明细与其「{column}」不符：{fault}。整个文件未使用，请重新下载。"),
    Reason.BANK_MISSING: _R(422, "AE", "101", False, "Under this pack a bank lends, so the person chooses one. Name the bank.", "该政策由银行授信，须由市民选择银行。请填写银行。"),
    Reason.BILL_NOT_OVERDUE: _R(409, "AE", "205", False, "Bill {bill} is not overdue, so there is nothing to undo. Check the bill id.", "账单 {bill} 未逾期，无可撤销。请核对账单编号。"),
    Reason.DISHONESTY_UNKNOWN: _R(404, "AE", "204", False, "There is no dishonesty record {reference} in force for this person. Check the reference.", "该市民没有有效的失信记录 {reference}。请核对编号。"),
    Reason.LIST_ENTRY_EXISTS: _R(409, "AE", "205", False, "The person already stands on the {colour} list. Take that entry off first.", "该市民已在名单（{colour}）中。请先移出。"),
    Reason.LIST_ENTRY_UNKNOWN: _R(404, "AE", "204", False, "The person does not stand on the {colour} list. Check the list.", "该市民不在名单（{colour}）中。请核对。"),
    Reason.LIST_NOT_COVERED: _R(422, "AE", "207", False, "The person's pack keeps no {colour} list. Ask the platform operator.", "该市民适用的政策没有该名单（{colour}）。请联系平台管理员。"),
    Reason.LIST_TERM: _R(422, "AE", "207", False, "The entry must end after now, and within {days} days where the pack says so. Correct its end.", "名单期限须晚于当前时间，且不超过 {days} 天。请更正。"),
    Reason.NOT_THE_AUTHOR: _R(409, "AE", "207", False, "Only whoever opened the case may withdraw it. Ask them, or refuse the case.", "只有申请人可以撤回。请由申请人撤回，或驳回该申请。"),
    Reason.PROPOSAL_EXISTS: _R(409, "AE", "205", False, "The same was proposed already as {proposal}. Another person confirms or rejects that one.", "已有相同申请 {proposal}。请由另一人复核该申请。"),
    Reason.PROPOSAL_UNKNOWN: _R(404, "AE", "204", False, "There is no such open proposal. It was decided or has expired; propose it anew.", "没有该待复核申请，可能已处理或过期。请重新申请。"),
    Reason.RELIEF_CASE_CLOSED: _R(409, "AE", "207", False, "The relief case is {state} already; nothing was changed. Open a new one if it is still needed.", "该救助申请已处理（{state}），未作任何更改。如仍需要，请重新申请。"),
    Reason.RELIEF_CASE_EXISTS: _R(409, "AE", "205", False, "A relief case is already open for this bill. Decide or withdraw it first.", "该账单已有进行中的救助申请。请先处理或撤回。"),
    Reason.RELIEF_CASE_UNKNOWN: _R(404, "AE", "204", False, "There is no such relief case of this person. Check its id.", "没有该救助申请。请核对编号。"),
    Reason.RELIEF_EXCEEDS: _R(409, "AE", "207", False, "The relief of {asked} is above what can be paid ({most}). Name at most that.", "救助金额 {asked} 元超过可支付金额 {most} 元。请调低。"),
    Reason.RELIEF_NOT_COVERED: _R(422, "AE", "207", False, "The bill's pack knows no relief of this kind ({kind}). Choose another kind.", "该账单适用的政策没有此类救助（{kind}）。请选择其他类别。"),
    Reason.SAME_PERSON: _R(409, "AE", "207", False, "You made this request, so another person must approve it.", "该申请由您提交，须由另一人复核。"),
    Reason.TERM_NEEDED: _R(422, "AE", "207", False, "Part of the bill is still owed, so undoing needs a new term after now. Name one.", "账单仍有欠款，撤销逾期须同时给出新的还款期限。请填写。"),
    Reason.DISHONESTY: _R(200, "AE", "0", False, "The person has a dishonesty record, so this pack gives no credit. Ask the city's credit office.", "该市民有失信记录，按现行政策不予授信。请向信用主管部门咨询。"),
    Reason.INSURANCE_CREDIT: _R(200, "AE", "0", False, "The insurer's credit check has not been passed, so credit gave nothing. Ask the insurer.", "医保信用核查未通过，信用未支付。请向医保部门咨询。"),
    Reason.LINE_CANCELLED: _R(200, "AE", "0", False, "Arrears have cancelled the credit line. It returns with a clean record.", "因欠款，信用额度已取消；保持良好记录后恢复。"),
    Reason.LINK_INSURANCE_AT_COUNTER: _R(200, "AE", "0", False, "First visit: please link your insurance card at the payment counter once.", "首次使用，请先到收费窗口绑定医保卡，只需一次。"),
    Reason.NOT_INSURED: _R(200, "AE", "0", False, "Nothing shows that the person is insured here, so credit gave nothing. Link the insurance card at a counter.", "未见参保信息，信用未支付。请到窗口绑定医保卡。"),
    Reason.CLOCK_FAST_IN_PRODUCTION: _R(503, "AR", "207", False, "Clock speed is {speed} in the production profile. Remove MEDCREDIT_CLOCK_FILE; the hub did not start.", "生产配置下时钟倍速为 {speed}，平台未启动。请删除 MEDCREDIT_CLOCK_FILE。"),
    Reason.DEAD_LETTER_CLOSED: _R(409, "AE", "207", False, "The dead letter is {status} already; nothing was done. See what became of it with `medcredit dlq show`.", "该死信已处理（{status}），未作任何更改。请用 `medcredit dlq show` 查看。"),
    Reason.DEPENDENCY_UNREACHABLE: _R(503, "AR", "207", True, "{dependency} does not answer. Start it or correct its address, then try again.", "{dependency} 无响应。请启动该服务或更正其地址后重试。"),
    Reason.MIGRATION_PENDING: _R(503, "AR", "207", False, "Migration {have} of {want}. Run `medcredit migrate up`.", "数据库迁移为 {have}，应为 {want}。请运行 `medcredit migrate up`。"),
    Reason.NOT_PARKED: _R(409, "AE", "207", False, "{why}; nothing was changed. Name a partition and offset where a lane stopped.", "{why}；未作任何更改。请给出处理中断处的分区与位点。"),
    Reason.NOT_REINJECTABLE: _R(422, "AE", "207", False, "This dead letter cannot be re-injected: {why}. Ask its sender to send it again, or drop it with a reason.", "该死信无法重新注入：{why}。请发送方重发，或注明理由后丢弃。"),
    Reason.PACK_INVALID: _R(503, "AR", "207", False, "Policy pack {pack}, clause {clause}: {fault} ({code}). {remedy}", "政策包 {pack}，条款 {clause}：{fault}（{code}）。{remedy}"),
    Reason.SETTING_INVALID: _R(503, "AR", "207", False, "{setting} cannot be used: {fault}. {remedy}", "设置 {setting} 无效：{fault}。{remedy}"),
    Reason.TOPIC_MISMATCH: _R(503, "AR", "207", False, "{topic} has {have}, the registry wants {want}; the hub did not start. Run `medcredit topics check`.", "{topic} 为 {have}，登记为 {want}，平台未启动。请运行 `medcredit topics check`。"),
}  # fmt: skip


class _Blank(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return "–"


def reason_text(reason: Reason, language: Literal["en", "zh"], parameters: Mapping[str, str] | None = None) -> str:
    """Return the sentence for people; parameters fill the places in braces, an absent one shows as a dash.

    A parameter that is a phrase of ours is said in the sentence's language (schemas.phrases).
    """
    entry = REASONS[reason]
    if language == "en":
        return entry.en.format_map(_Blank(parameters or {}))
    said = {name: in_chinese(value) if name in PHRASED else value for name, value in (parameters or {}).items()}
    return entry.zh.format_map(_Blank(said))
