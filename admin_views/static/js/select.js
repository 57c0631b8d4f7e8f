/* Choosing rows of a list.

   data-select data-total="318"  the card with the list
   input[data-select-all]        in the table's head: every row of this page
   input[data-select-row]        one per row (Shift chooses a range)
   .selbar                       shown while something is chosen; inside:
     [data-select-count]           "12 selected"
     button[data-select-matching]  everything that matches, beyond this page
     button[data-select-clear]
   input[data-select-flag]       anywhere: hidden field, "1" when everything that matches is meant
   Pressing a [data-select-button] with nothing chosen says so instead of sending. */

import { formatNumber, t, toast } from "./core.js";

export function start(root) {
  root.querySelectorAll("[data-select]").forEach((card) => {
    if (!card.dataset.selectReady) new Selection(card);
  });
}

class Selection {
  constructor(card) {
    card.dataset.selectReady = "1";
    this.card = card;
    this.all = card.querySelector("[data-select-all]");
    this.bar = card.querySelector(".selbar");
    this.flag = document.querySelector("[data-select-flag]");
    this.matching = card.querySelector("[data-select-matching]");
    card.addEventListener("change", (event) => {
      if (event.target === this.all) this.tickAll(this.all.checked);
      else if (event.target.matches("[data-select-row]")) this.everything(false);
    });
    card.addEventListener("click", (event) => this.click(event));
    this.matching?.addEventListener("click", () => (this.tickAll(true), this.everything(true)));
    card.querySelector("[data-select-clear]")?.addEventListener("click", () => this.tickAll(false));
    addEventListener("pageshow", () => this.draw());
    this.everything(false);
  }

  rows() {
    return [...this.card.querySelectorAll("[data-select-row]")];
  }

  click(event) {
    const button = event.target.closest("[data-select-button]");
    if (button && !this.rows().some((row) => row.checked)) {
      event.preventDefault();
      toast(t("select_first"));
    }
    const row = event.target.closest("[data-select-row]");
    if (!row) return;
    const rows = this.rows();
    if (event.shiftKey && this.last && rows.includes(this.last)) {
      const [from, to] = [rows.indexOf(this.last), rows.indexOf(row)].sort((a, b) => a - b);
      rows.slice(from, to + 1).forEach((other) => (other.checked = row.checked));
      this.everything(false);
    }
    this.last = row;
  }

  tickAll(on) {
    this.rows().forEach((row) => (row.checked = on));
    this.everything(false);
  }

  everything(on) {
    if (this.flag) this.flag.value = on ? "1" : "";
    this.draw();
  }

  draw() {
    const rows = this.rows();
    const chosen = rows.filter((row) => row.checked).length;
    const everything = this.flag?.value === "1";
    const total = Number(this.card.dataset.total || rows.length);
    rows.forEach((row) => row.closest("tr")?.classList.toggle("selected", row.checked));
    if (this.all) {
      this.all.checked = chosen > 0 && chosen === rows.length;
      this.all.indeterminate = chosen > 0 && chosen < rows.length;
    }
    this.card.classList.toggle("has-selection", chosen > 0);
    this.bar?.classList.toggle("on", chosen > 0);
    if (this.matching) this.matching.hidden = everything;
    const count = this.card.querySelector("[data-select-count]");
    if (count) count.textContent = `${formatNumber(everything ? total : chosen)} ${t("selected")}`;
  }
}
