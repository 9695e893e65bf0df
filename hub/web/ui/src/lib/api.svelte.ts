/** Reads of the API as a state a panel can show: loading, the answer with its age, or the problem. */
export interface Problem {
  code: string;
  detail: string;
  retriable: boolean;
}

export const UNREACHABLE = "HUB_UNREACHABLE";

export class Reading<T> {
  answer = $state.raw<T | null>(null);
  problem = $state.raw<Problem | null>(null);
  loading = $state(false);
  receivedAt = $state(0);
  private asked = 0;

  async load(path: string, language: string): Promise<void> {
    const asked = ++this.asked;
    this.loading = true;
    try {
      const response = await fetch(`/api/v1${path}`, { headers: { "Accept-Language": language } });
      const body: unknown = await response.json();
      if (asked !== this.asked) return;
      if (response.ok) {
        this.answer = body as T;
        this.problem = null;
        this.receivedAt = performance.now();
      } else {
        this.problem = body as Problem;
      }
    } catch {
      if (asked === this.asked) this.problem = { code: UNREACHABLE, detail: "", retriable: true };
    } finally {
      if (asked === this.asked) this.loading = false;
    }
  }
}
