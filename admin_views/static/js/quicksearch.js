/* The search at the top answers while one types.

   data-search-url="/search.json"  on the field; asked with ?q=…; answers
                                   {groups: [{title, found: [{label, detail, url}]}]}
   Arrows choose, Enter opens what is chosen or, with nothing chosen, the page with everything. */

import { el, get, t } from "./core.js";

const LEAST = 2;

export function start(root) {
  root.querySelectorAll("[data-search-url]").forEach((input) => {
    if (!input.dataset.searchReady) new QuickSearch(input);
  });
}

class QuickSearch {
  constructor(input) {
    input.dataset.searchReady = "1";
    this.input = input;
    this.at = -1;
    this.turn = 0;
    this.list = el("div", { class: "quick", id: "quick-found", role: "listbox", "aria-label": t("results"), hidden: true });
    this.said = el("span", { class: "sr", role: "status" });
    input.form.append(this.list, this.said);
    for (const [name, value] of Object.entries({ role: "combobox", "aria-expanded": "false", "aria-controls": "quick-found", "aria-autocomplete": "list" }))
      input.setAttribute(name, value);
    input.addEventListener("input", () => this.typed());
    input.addEventListener("keydown", (event) => this.key(event));
    input.addEventListener("blur", () => setTimeout(() => this.list.contains(document.activeElement) || this.close(), 150));
    this.list.addEventListener("pointerdown", (event) => event.preventDefault());
  }

  typed() {
    clearTimeout(this.timer);
    this.turn += 1;
    if (this.input.value.trim().length < LEAST) return this.close();
    this.timer = setTimeout(() => this.ask(this.turn), 200);
  }

  async ask(turn) {
    const url = new URL(this.input.dataset.searchUrl, location.href);
    url.searchParams.set("q", this.input.value.trim());
    try {
      const { groups } = await get(url);
      if (turn === this.turn) this.open(groups);
    } catch {
      this.close(); // Enter still opens the page
    }
  }

  open(groups) {
    this.at = -1;
    let n = 0;
    const rows = groups.flatMap(({ title, found }) => [
      el("div", { class: "nav-title", role: "presentation" }, title),
      ...found.map((one) =>
        el("a", { href: one.url, role: "option", id: `quick-${n++}`, tabindex: "-1", "aria-selected": "false" }, one.label, one.detail && one.detail !== one.url ? el("small", {}, one.detail) : ""),
      ),
    ]);
    this.list.replaceChildren(...(n ? rows : [el("p", {}, t("none_found"))]));
    this.list.hidden = false;
    this.input.setAttribute("aria-expanded", "true");
    this.said.textContent = n ? `${n} ${t("results")}` : t("none_found");
  }

  links() {
    return [...this.list.querySelectorAll("a")];
  }

  key(event) {
    const links = this.links();
    if (this.list.hidden || !links.length) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      const from = this.at < 0 && step < 0 ? 0 : this.at;
      this.mark(links, (from + step + links.length) % links.length);
    } else if (event.key === "Enter" && this.at >= 0) {
      event.preventDefault();
      links[this.at].click();
    } else if (event.key === "Escape") {
      event.preventDefault();
      this.close();
    }
  }

  mark(links, at) {
    this.at = at;
    links.forEach((link, i) => link.setAttribute("aria-selected", String(i === at)));
    this.input.setAttribute("aria-activedescendant", links[at].id);
    links[at].scrollIntoView({ block: "nearest" });
  }

  close() {
    this.at = -1;
    this.list.hidden = true;
    this.input.setAttribute("aria-expanded", "false");
    this.input.removeAttribute("aria-activedescendant");
  }
}
