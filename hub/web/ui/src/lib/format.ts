/** How figures are written (money in fen, instants in epoch milliseconds, city time with its offset). */
const grouped = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
const OFFSET_MS = 8 * 3_600_000;

/** Yuan with two decimals and a true minus, as in `1,234.56`; `–` when absent. */
export function yuan(fen: number | null | undefined): string {
  if (fen === null || fen === undefined) return "–";
  const whole = Math.abs(fen);
  const text = `${grouped.format(Math.floor(whole / 100))}.${String(whole % 100).padStart(2, "0")}`;
  return fen < 0 ? `\u2212${text}` : text;
}

/** A price as it was sent, which may have more than two decimals: only its thousands are set apart. */
export const price = (text: string): string => text.replace(/^\d+/, (whole) => grouped.format(BigInt(whole)));

/** Yuan with its sign, for running text. */
export function money(fen: number | null | undefined): string {
  if (fen === null || fen === undefined) return "–";
  return fen < 0 ? `\u2212¥${yuan(-fen)}` : `¥${yuan(fen)}`;
}

export const count = (n: number): string => grouped.format(n);

/** A share given in hundredths of a percent, as `97.3%`; two decimals under 1 %. */
export function percent(share: number | null): string {
  if (share === null) return "–";
  const value = share / 100;
  return `${value !== 0 && Math.abs(value) < 1 ? value.toFixed(2) : value.toFixed(1)}%`.replace("-", "\u2212");
}

function parts(at: number): string[] {
  return new Date(at + OFFSET_MS).toISOString().split(/[-T:.]/);
}

/** `07-03 10:15 +08`. */
export function minute(at: number): string {
  const [, month, day, hour, min] = parts(at);
  return `${month}-${day} ${hour}:${min} +08`;
}

/** `07-03 10:15:12 +08`. */
export function second(at: number): string {
  const [, month, day, hour, min, sec] = parts(at);
  return `${month}-${day} ${hour}:${min}:${sec} +08`;
}

/** A handed-out id as people read it: `B-0SC00001` for bill 1 of account 0SC…; the server writes it the same way. */
export const short = (id: string): string => (id.length === 32 ? `${id[26]}-${id.slice(0, 3)}${id.slice(27)}` : id);

/** Hour of the day, as `09`. */
export const hourOf = (at: number): string => parts(at)[3] ?? "";
export const dayOf = (at: number): string => parts(at).slice(1, 3).join("-");

/** Full ISO with the city's offset, for titles. */
export const iso = (at: number): string => new Date(at + OFFSET_MS).toISOString().replace("Z", "+08:00");
