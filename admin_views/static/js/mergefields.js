/* The menu that puts a merge field where the cursor is.

   <script type="application/json" id="ID">[{"code": "[clienti.nome]", "label": "Name", "group": "Client"}]</script>
   data-merge-for="field-id" data-merge-fields="ID"   an empty element that becomes the menu of that input
   The mail editor builds its own with fieldMenu(fields, insert). */

import { el, icon, t } from "./core.js";

export function readJson(id) {
  const node = id && document.getElementById(id);
  return node ? JSON.parse(node.textContent) : [];
}

export function start(root) {
  root.querySelectorAll("[data-merge-for]").forEach((host) => {
    const input = document.getElementById(host.dataset.mergeFor);
    const fields = readJson(host.dataset.mergeFields);
    if (!input || host.childElementCount || !fields.length) return;
    host.append(fieldMenu(fields, (code) => insertText(input, code), "btn small"));
  });
}

/** Put text where the cursor of an input or textarea is, as if it had been typed. */
export function insertText(input, text) {
  input.focus();
  if (!document.execCommand("insertText", false, text)) {
    input.setRangeText(text, input.selectionStart, input.selectionEnd, "end");
    input.dispatchEvent(new Event("input", { bubbles: true }));
  }
}

export function fieldMenu(fields, insert, look = "") {
  const find = el("input", { type: "search", placeholder: t("find_field"), "aria-label": t("find_field") });
  const list = el("div", {});
  const menu = el(
    "details",
    { class: "menu" },
    el("summary", { class: look }, t("field"), icon("M6 9l6 6 6-6")),
    el("div", { class: "menu-list" }, find, list),
  );
  const pick = (code) => {
    menu.open = false;
    insert(code);
  };
  const draw = () => {
    const wanted = find.value.trim().toLocaleLowerCase();
    const rows = [];
    let group = "";
    for (const field of fields) {
      if (wanted && !`${field.label} ${field.code} ${field.group || ""}`.toLocaleLowerCase().includes(wanted)) continue;
      if (field.group && field.group !== group) rows.push(el("p", { class: "nav-title" }, (group = field.group)));
      rows.push(
        el("button", { type: "button", onclick: () => pick(field.code) }, field.label, el("code", {}, field.code)),
      );
    }
    list.replaceChildren(...(rows.length ? rows : [el("p", { class: "help" }, t("none_found"))]));
  };
  find.addEventListener("input", (event) => (event.stopPropagation(), draw()));
  find.addEventListener("keydown", (event) => {
    if (event.key === "Enter") event.preventDefault(), list.querySelector("button")?.click();
    if (event.key === "ArrowDown") event.preventDefault(), list.querySelector("button")?.focus();
  });
  list.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const buttons = [...list.querySelectorAll("button")];
    (buttons[buttons.indexOf(document.activeElement) + step] || find).focus();
  });
  menu.addEventListener("toggle", () => {
    if (!menu.open) return;
    find.value = "";
    draw();
    find.focus();
  });
  return menu;
}
