/** The URL holds the view: path and language; theme is a matter of the reader and stays in the query too. */
import { codeWord, word, type Language, type Word } from "./words";

class Route {
  path = $state(location.pathname);
  query = $state(new URLSearchParams(location.search));

  constructor() {
    window.addEventListener("popstate", () => this.read());
    document.addEventListener("click", (event) => this.follow(event));
  }

  get language(): Language {
    const asked = this.query.get("lang");
    if (asked === "zh" || asked === "en") return asked;
    return navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en";
  }

  get dark(): boolean {
    const asked = this.query.get("theme");
    return asked ? asked === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  }

  /** The address of another page that keeps language and theme. */
  to(path: string): string {
    const kept = new URLSearchParams();
    for (const name of ["lang", "theme"]) {
      const value = this.query.get(name);
      if (value) kept.set(name, value);
    }
    const text = kept.toString();
    return text ? `${path}?${text}` : path;
  }

  go(path: string): void {
    history.pushState(null, "", this.to(path));
    this.read();
    scrollTo(0, 0);
  }

  set(name: string, value: string | null): void {
    const query = new URLSearchParams(this.query);
    if (value === null) query.delete(name);
    else query.set(name, value);
    const text = query.toString();
    history.replaceState(null, "", text ? `${this.path}?${text}` : this.path);
    this.read();
  }

  private read(): void {
    this.path = location.pathname;
    this.query = new URLSearchParams(location.search);
  }

  /** Links within the page change the view without loading it again. */
  private follow(event: MouseEvent): void {
    const link = (event.target as Element | null)?.closest("a");
    if (!link || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || link.target) return;
    if (link.origin !== location.origin || link.pathname.startsWith("/docs/")) return;
    event.preventDefault();
    history.pushState(null, "", link.href);
    this.read();
    scrollTo(0, 0);
  }
}

export const route = new Route();
export const t = (key: Word, places?: Record<string, string | number>): string => word(route.language, key, places);
export const c = (code: string): string => codeWord(route.language, code);
