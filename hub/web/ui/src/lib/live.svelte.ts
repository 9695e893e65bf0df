/** The live stream: a snapshot, then deltas; the browser resumes by the last id after a lost connection. */
export interface AsOf {
  city: number;
  wall: number;
  server_wall: number;
  partitions: number;
  behind: number[];
  restoring: boolean;
}

export interface RiskFigures {
  decisions: number;
  charged_fen: number;
  credit_fen: number;
  limit_fen: number;
  used_fen: number;
  used_share: number | null;
  exposure_fen: number;
  billed_fen: number;
  repaid_fen: number;
  overdue_fen: number;
  overdue_share: number | null;
  debits_paid: number;
  debits_failed: number;
  debits_unknown: number;
  debits_share: number | null;
  refused: number;
  verdict_allow: number;
  verdict_review: number;
  verdict_block: number;
}

export interface RiskRow extends RiskFigures {
  id: string;
  institution: string;
}

export interface HeatRow {
  id: string;
  institution: string;
  department: string;
  city_hour: number;
  visits: number;
  lines: number;
}

export interface TailItem {
  id: string;
  at: number;
  wall_at: number;
  interface: string;
  outcome: string;
  reason: string;
  person: string;
  institution: string;
  what: string;
  charge: string;
  bill: string;
  state: string;
  amount_fen: number;
  parts: Record<string, number>;
}

export interface Flow {
  rates: Record<string, number>;
  backlog: Record<string, number>;
  totals: RiskFigures;
}

interface Message {
  refresh_ms: number;
  as_of: Record<string, AsOf>;
  flow?: Flow;
  tail?: TailItem[];
  [view: string]: unknown;
}

interface Changes {
  rows?: { id: string }[];
  changed?: { id: string }[];
  removed?: string[];
}

const TAIL_SHOWN = 40;
const REOPEN_MS = 2000;
const STALE_REFRESHES = 3;

class Live {
  connected = $state(false);
  begun = $state(false);
  paused = $state(false);
  ages = $state.raw<Record<string, AsOf>>({});
  refreshMs = $state(5000);
  receivedAt = $state(0);
  clock = $state(performance.now());
  speed = $state(0);
  flow = $state.raw<Flow | null>(null);
  risk = $state.raw<Map<string, RiskRow>>(new Map());
  heat = $state.raw<Map<string, HeatRow>>(new Map());
  tail = $state.raw<TailItem[]>([]);
  private source: EventSource | null = null;
  private waiting: [string, Message][] = [];

  start(): void {
    this.open();
    setInterval(() => this.tick(), 1000);
  }

  pause(on: boolean): void {
    this.paused = on;
    if (on) return;
    for (const [kind, message] of this.waiting.splice(0)) this.apply(kind, message);
  }

  /** City time now, carried on from the last message at the speed seen between messages. */
  city(): number {
    const last = this.ages["flow"] ?? Object.values(this.ages)[0];
    if (!last) return 0;
    const running = this.connected && !this.paused ? Math.max(0, this.clock - this.receivedAt) : 0;
    return last.city + running * this.speed;
  }

  /** How long ago the figures of a view were last known complete, in milliseconds. */
  age(view: string): number {
    const asOf = this.ages[view];
    if (!asOf) return Infinity;
    return Math.max(0, this.clock - this.receivedAt) + Math.max(0, asOf.server_wall - asOf.wall);
  }

  stale(view: string): boolean {
    return !this.connected || this.age(view) > STALE_REFRESHES * this.refreshMs;
  }

  private tick(): void {
    this.clock = performance.now();
    // A connection that ended without a word looks open for ever: one that is silent for too long is made anew.
    if (!this.begun || this.clock - this.receivedAt <= STALE_REFRESHES * this.refreshMs) return;
    if (this.source?.readyState === EventSource.OPEN && !this.paused) {
      this.connected = false;
      this.source.close();
      this.open();
    }
  }

  private open(): void {
    const source = new EventSource("/api/v1/live?views=institution_risk,resource_heatmap,flow,tail");
    this.source = source;
    source.onopen = () => (this.connected = true);
    source.onerror = () => {
      if (this.source !== source) return;
      this.connected = false;
      if (source.readyState === EventSource.CLOSED) setTimeout(() => this.open(), REOPEN_MS);
    };
    for (const kind of ["snapshot", "delta", "heartbeat"]) {
      source.addEventListener(kind, (event) => this.take(kind, JSON.parse(event.data) as Message));
    }
  }

  private take(kind: string, message: Message): void {
    if (!this.paused) return this.apply(kind, message);
    this.waiting = kind === "snapshot" ? [[kind, message]] : [...this.waiting, [kind, message]];
  }

  private apply(kind: string, message: Message): void {
    this.begun = true;
    this.learnSpeed(message);
    this.ages = message.as_of;
    this.refreshMs = message.refresh_ms;
    this.receivedAt = this.clock = performance.now();
    if (message.flow) this.flow = message.flow;
    this.risk = changed(this.risk, message["institution_risk"] as Changes | undefined);
    this.heat = changed(this.heat, message["resource_heatmap"] as Changes | undefined);
    if (message.tail) this.tail = (kind === "snapshot" ? message.tail : [...this.tail, ...message.tail]).slice(-TAIL_SHOWN);
  }

  private learnSpeed(message: Message): void {
    const before = this.ages["flow"];
    const now = message.as_of["flow"];
    if (!before || !now || now.server_wall - before.server_wall < 200) return;
    this.speed = Math.max(0, (now.city - before.city) / (now.server_wall - before.server_wall));
  }
}

/** A table after a message: replaced by a snapshot's rows, or with changed rows put in and removed ones taken out. */
function changed<T extends { id: string }>(table: Map<string, T>, changes: Changes | undefined): Map<string, T> {
  if (!changes) return table;
  const next = changes.rows ? new Map<string, T>() : new Map(table);
  for (const row of [...(changes.rows ?? []), ...(changes.changed ?? [])]) next.set(row.id, row as T);
  for (const id of changes.removed ?? []) next.delete(id);
  return next;
}

export const live = new Live();
