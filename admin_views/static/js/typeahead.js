/* Choosing a record by typing: an accessible combobox over the <input> that holds the id.

   data-typeahead-url="/clients/lookup"   asked with ?q=…&limit=20; answers [{id, label, detail}],
                                          {results: […]} or Flask-Admin's [[id, label], …]
   data-typeahead-text="Mario Rossi"      the label of the present id; for several a JSON list of [id, label]
   data-typeahead-multiple="1"            many: the ids are joined with commas, each shown as a chip
   data-typeahead-placeholder
   data-typeahead-min="1"                 letters before asking (default 1)
   Flask-Admin's data-role="select2-ajax" inputs work the same.
   The input fires "change" when the choice changes; without script it stays a field for the id. */

import { el, get, icon, markDirty, t } from "./core.js";

const CROSS = "M6 6l12 12M18 6L6 18";
let serial = 0;

export function start(root) {
  root.querySelectorAll("[data-typeahead-url], [data-role^='select2-ajax']").forEach((input) => {
    if (!input.dataset.typeaheadReady) new Combo(input);
  });
}

class Combo {
  constructor(input) {
    input.dataset.typeaheadReady = "1";
    this.input = input;
    this.stock = input.dataset.role?.startsWith("select2-ajax");
    this.url = input.dataset.typeaheadUrl || input.dataset.url;
    this.multiple = Boolean(input.dataset.typeaheadMultiple || input.dataset.multiple);
    this.least = Number(input.dataset.typeaheadMin || 1);
    this.id = `combo-${++serial}`;
    this.options = [];
    this.at = -1;
    this.build();
    this.read();
  }

  build() {
    const { input } = this;
    const label = input.id && document.querySelector(`label[for="${CSS.escape(input.id)}"]`);
    this.text = el("input", {
      type: "text", id: `${input.id || this.id}-text`, role: "combobox", autocomplete: "off", "aria-expanded": "false",
      "aria-controls": this.id, "aria-autocomplete": "list", spellcheck: "false",
      placeholder: input.dataset.typeaheadPlaceholder || input.dataset.placeholder,
      "aria-describedby": input.getAttribute("aria-describedby"), "aria-invalid": input.getAttribute("aria-invalid"),
      disabled: input.disabled,
    });
    if (label) label.htmlFor = this.text.id;
    else this.text.setAttribute("aria-label", input.getAttribute("aria-label") || this.text.placeholder || "");
    this.list = el("ul", { class: "combo-list", id: this.id, role: "listbox", hidden: true });
    this.clear = el("button", { type: "button", class: "close combo-clear", "aria-label": t("remove"), hidden: true }, icon(CROSS));
    this.said = el("span", { class: "sr", role: "status" });
    this.box = el("div", { class: "combo" }, this.text, this.clear, this.list, this.said);
    this.picked = el("ul", { class: "combo-picked" });
    input.type = "hidden";
    input.after(...(this.multiple ? [this.picked, this.box] : [this.box]));
    this.text.addEventListener("input", () => this.typed());
    this.text.addEventListener("keydown", (event) => this.key(event));
    this.text.addEventListener("focus", () => !this.text.value && this.least === 0 && this.ask());
    this.text.addEventListener("blur", () => setTimeout(() => this.left(), 150));
    this.clear.addEventListener("click", () => (this.set([]), this.text.focus()));
    this.list.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      const row = event.target.closest("[role=option]");
      if (row) this.choose(Number(row.dataset.at));
    });
  }

  /* what is chosen now: [[id, label], …] */
  read() {
    const stored = this.input.dataset.typeaheadText || this.input.dataset.json || "";
    let values = [];
    try {
      const parsed = JSON.parse(stored);
      if (Array.isArray(parsed)) values = Array.isArray(parsed[0]) ? parsed : parsed.length ? [parsed] : [];
    } catch {
      values = this.input.value ? [[this.input.value, stored || this.input.value]] : [];
    }
    if (!values.length && this.input.value && !this.multiple) values = [[this.input.value, stored || this.input.value]];
    this.show(values);
  }

  show(values) {
    this.values = values;
    if (this.multiple) {
      this.picked.replaceChildren(
        ...values.map(([id, label]) =>
          el("li", { class: "chip" }, String(label),
            el("button", { type: "button", class: "x", "aria-label": `${t("remove")} ${label}`,
              onclick: () => this.set(this.values.filter((v) => v[0] !== id)) }, icon(CROSS)))),
      );
      this.text.value = "";
    } else {
      this.text.value = values.length ? String(values[0][1]) : "";
      this.clear.hidden = !values.length || this.input.disabled;
      this.box.classList.toggle("has-value", values.length > 0);
    }
  }

  set(values) {
    this.show(values);
    this.input.value = values.map((v) => v[0]).join(",");
    this.input.dispatchEvent(new Event("change", { bubbles: true }));
    markDirty(this.input.closest("form"));
    this.close();
  }

  typed() {
    clearTimeout(this.timer);
    if (this.text.value.trim().length < this.least) return this.close();
    this.timer = setTimeout(() => this.ask(), 180);
  }

  async ask() {
    const mine = (this.turn = (this.turn || 0) + 1);
    const url = new URL(this.url, location.href);
    const q = this.text.value.trim();
    url.searchParams.set(this.stock ? "query" : "q", q);
    url.searchParams.set("limit", "20");
    if (this.stock) url.searchParams.set("offset", "0");
    try {
      const answer = await get(url);
      if (mine !== this.turn) return;
      const chosen = new Set(this.multiple ? this.values.map((v) => String(v[0])) : []);
      this.options = (answer.results || answer).map(normal).filter((o) => !chosen.has(String(o.id)));
      this.open(q);
    } catch (error) {
      if (mine === this.turn) this.fail(error.message);
    }
  }

  open(q) {
    this.at = this.options.length ? 0 : -1;
    this.list.replaceChildren(...this.options.map((option, i) => this.row(option, i, q)));
    if (!this.options.length) this.list.append(el("li", { class: "none" }, t("none_found")));
    this.list.hidden = false;
    this.text.setAttribute("aria-expanded", "true");
    this.said.textContent = this.options.length ? `${this.options.length} ${t("results")}` : t("none_found");
    this.mark();
  }

  row(option, i, q) {
    const row = el("li", { role: "option", id: `${this.id}-${i}`, "data-at": i, "aria-selected": "false" });
    const at = q ? option.label.toLocaleLowerCase().indexOf(q.toLocaleLowerCase()) : -1;
    if (at < 0) row.append(option.label);
    else row.append(option.label.slice(0, at), el("mark", {}, option.label.slice(at, at + q.length)), option.label.slice(at + q.length));
    if (option.detail) row.append(el("small", {}, option.detail));
    return row;
  }

  fail(text) {
    this.options = [];
    this.list.replaceChildren(el("li", { class: "none" }, text));
    this.list.hidden = false;
  }

  mark() {
    [...this.list.children].forEach((row, i) => row.setAttribute("aria-selected", String(i === this.at)));
    const row = this.list.children[this.at];
    if (row && this.at >= 0) {
      this.text.setAttribute("aria-activedescendant", row.id);
      row.scrollIntoView({ block: "nearest" });
    } else this.text.removeAttribute("aria-activedescendant");
  }

  key(event) {
    const open = !this.list.hidden;
    if (event.key === "ArrowDown" && !open) this.ask();
    else if (["ArrowDown", "ArrowUp"].includes(event.key) && this.options.length) {
      this.at = (this.at + (event.key === "ArrowDown" ? 1 : -1) + this.options.length) % this.options.length;
      this.mark();
    } else if (event.key === "Enter" && open && this.at >= 0) this.choose(this.at);
    else if (event.key === "Escape" && open) event.stopPropagation(), this.show(this.values), this.close();
    else if (event.key === "Backspace" && this.multiple && !this.text.value && this.values.length) this.set(this.values.slice(0, -1));
    else return;
    if (event.key !== "Backspace") event.preventDefault();
  }

  choose(i) {
    const { id, label } = this.options[i];
    this.set(this.multiple ? [...this.values, [id, label]] : [[id, label]]);
  }

  left() {
    if (this.box.contains(document.activeElement)) return;
    this.close();
    if (!this.multiple && this.text.value === "" && this.values.length) this.set([]);
    else if (!this.multiple) this.show(this.values);
  }

  close() {
    clearTimeout(this.timer);
    this.turn = (this.turn || 0) + 1;
    this.list.hidden = true;
    this.text.setAttribute("aria-expanded", "false");
    this.text.removeAttribute("aria-activedescendant");
  }
}

function normal(row) {
  if (Array.isArray(row)) return { id: row[0], label: String(row[1]) };
  return { id: row.id, label: String(row.label ?? row.text ?? row.name ?? row.id), detail: row.detail ? String(row.detail) : "" };
}
