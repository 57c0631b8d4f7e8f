/* Tables.

   data-sortable               a small table that is wholly on the page: its header cells become sort buttons;
                               data-sort="text|number|date|none" on a th, data-value="…" on a td gives what to sort by
   .scroll                     gets the class "wide" when its table is wider than the card, so that it scrolls inside */

import { el, locale, svg } from "./core.js";

const collator = new Intl.Collator(locale, { numeric: true, sensitivity: "base" });

export function start(root) {
  root.querySelectorAll("table[data-sortable]").forEach((table) => {
    if (!table.dataset.sortReady) sortable(table);
  });
  root.querySelectorAll(".scroll").forEach((box) => {
    if (box.dataset.watched) return;
    box.dataset.watched = "1";
    const look = () => {
      if (!innerWidth) return;
      box.classList.remove("wide");
      const wide = box.scrollWidth > box.clientWidth + 1;
      box.classList.toggle("wide", wide);
      if (wide) box.tabIndex = 0;
      else box.removeAttribute("tabindex");
    };
    look();
    addEventListener("resize", look);
  });
}

function sortable(table) {
  table.dataset.sortReady = "1";
  const heads = [...table.tHead.rows[table.tHead.rows.length - 1].cells];
  heads.forEach((th, column) => {
    if (th.dataset.sort === "none" || !th.textContent.trim()) return;
    const mark = svg("svg", { class: "sort-mark", viewBox: "0 0 9 12", "aria-hidden": "true" }, svg("path", { d: "M4.5 11V1M1 4.5L4.5 1 8 4.5" }));
    const button = el("button", { type: "button", class: "sort" }, ...th.childNodes, mark);
    th.replaceChildren(button);
    button.addEventListener("click", () => {
      const down = th.getAttribute("aria-sort") === "ascending" || (!th.hasAttribute("aria-sort") && th.dataset.sort === "number");
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      th.setAttribute("aria-sort", down ? "descending" : "ascending");
      sort(table, column, th.dataset.sort || "text", down);
    });
  });
  // rows that a live page replaces are put in the chosen order again
  table.addEventListener("live:rows", () => {
    const th = heads.find((head) => head.hasAttribute("aria-sort"));
    if (th) sort(table, heads.indexOf(th), th.dataset.sort || "text", th.getAttribute("aria-sort") === "descending");
  });
}

function sort(table, column, kind, down) {
  const body = table.tBodies[0];
  const value = (row) => {
    const cell = row.cells[column];
    const raw = cell?.dataset.value ?? cell?.querySelector("time")?.dateTime ?? cell?.textContent.trim() ?? "";
    return kind === "number" ? Number(raw.replace(/[^\d.-]/g, "")) || 0 : raw;
  };
  const compare = kind === "number" ? (a, b) => a - b : (a, b) => collator.compare(a, b);
  const rows = [...body.rows].map((row) => [value(row), row]);
  rows.sort((a, b) => compare(a[0], b[0]) * (down ? -1 : 1));
  body.append(...rows.map(([, row]) => row));
}
