/** What the API answers, as far as the page reads it (schemas/openapi-web.yaml). */
export interface Text {
  code: string;
  en: string;
  zh: string;
}

export interface Split {
  total_fen: number;
  fund_fen: number;
  account_fen: number;
  other_fen: number;
  prepayment_fen: number;
  credit_fen: number;
  self_pay_fen: number;
}

export interface Step {
  name: string;
  available_fen: number;
  taken_fen: number;
  rest_fen: number;
  reason: Text | null;
  clause: string;
  score: string;
  source: string;
}

export interface Decision {
  partition: number;
  position: number;
  seq: number;
  at: number;
  outcome: string;
  sender: string;
  pack: string;
  split: Split;
  bars: { source: string; from_fen: number; amount_fen: number; step: number }[];
  steps: Step[];
  limit_fen: number | null;
  used_fen: number | null;
}

export interface ChargeSummary {
  charge: string;
  short: string;
  institution: string;
  department: string;
  event_at: number;
  status: string;
  total_fen: number;
  credit_fen: number;
  returned_fen: number;
}

export interface Charge extends Omit<ChargeSummary, "total_fen" | "credit_fen" | "returned_fen"> {
  account: string;
  visit: string;
  scene: string;
  pack: string;
  bill: string;
  allocated: Split;
  returned: Split;
  standing: Split;
  lines: {
    line_key: string;
    kind: string;
    amount_fen: number;
    item_code: string;
    item_name: string;
    quantity: string;
    unit_price: string;
    department: string;
  }[];
  decision: Decision | null;
  history: { seq: number; at: number; outcome: string; events: string[]; amount_fen: number }[];
}

export interface BillSummary {
  bill: string;
  short: string;
  institution: string;
  state: string;
  amount_fen: number;
  paid_fen: number;
  open_fen: number;
  closed_at: number;
  due_at: number;
}

export interface Mark {
  kind: string;
  at: number;
  planned: boolean;
  state: string;
  amount_fen: number;
}

export interface Bill extends BillSummary {
  account: string;
  visit: string;
  pack: string;
  debit_at: number;
  overdue: boolean;
  frozen: boolean;
  channel: string;
  debits: {
    order_no: string;
    attempt: number;
    channel: string;
    amount_fen: number;
    state: string;
    cause: string;
    gateway_code: string;
    started_at: number;
    next_at: number;
  }[];
  marks: Mark[];
  charges: ChargeSummary[];
}

export interface Person {
  account: string;
  short: string;
  name_masked: string;
  id_masked: string;
  status: string;
  insurance_fen: number;
  prepayments: Record<string, number>;
  refundable_fen: number;
  agreement: string;
  pack: string;
  bank: string;
  channel: string;
  limit_fen: number;
  used_fen: number;
  held_fen: number;
  available_fen: number;
  charges: ChargeSummary[];
  bills: BillSummary[];
}

export interface Institution {
  institution: string;
  bills: { state: string; bills: number; amount_fen: number; paid_fen: number }[];
  charges: ChargeSummary[];
}

export interface DeadLetterSummary {
  id: string;
  at: number;
  interface: string;
  source: string;
  reason: Text;
  position: string;
  arrivals: number;
  status: string;
}

export interface DeadLetter extends Omit<DeadLetterSummary, "arrivals"> {
  detail: string;
  account: string;
  receipt_key: string;
  raw_length: number;
  raw_sm3: string;
  arrivals: { at: number; wall_at: number; reply_sent: string }[];
}

export interface Found {
  kind: string;
  id: string;
  href: string;
  at: number;
}

export interface Page<T> {
  items: T[];
  next: string | null;
}
