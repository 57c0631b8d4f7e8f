/* The questions the mail editor asks: link, image, table. Each resolves to the answers or null. */

import { el, t } from "./core.js";

const MERGE = /^\[[^\]]+\]$|^\{\{[^}]+\}\}$/;
const goodLink = (url) => /^(https?:\/\/|mailto:|tel:|#)/i.test(url) || MERGE.test(url);
const goodImage = (url) => /^(https?:\/\/|cid:|data:image\/)/i.test(url) || MERGE.test(url);

/** fields: [{name, label, value, type, options, check, wrong}] */
function ask(title, fields, button = t("insert")) {
  return new Promise((resolve) => {
    let answers = null;
    const rows = fields.map((field) => {
      const id = `ask-${field.name}`;
      const control = field.options
        ? el("select", { id, name: field.name }, ...field.options.map(([value, text]) => el("option", { value }, text)))
        : el("input", { id, name: field.name, type: field.type || "text", value: field.value ?? "", min: field.min, max: field.max });
      return el("div", { class: "f" }, el("label", { for: id }, field.label), control, el("p", { class: "err", id: `${id}-err`, hidden: true }, field.wrong || ""));
    });
    const form = el(
      "form",
      { method: "dialog", novalidate: true },
      el("div", { class: "dialog-body" }, el("h2", { id: "ask-title" }, title), ...rows),
      el("div", { class: "dialog-foot" }, el("button", { type: "button", class: "btn", onclick: () => dialog.close() }, t("cancel")), el("button", { class: "btn go" }, button)),
    );
    const dialog = el("dialog", { "aria-labelledby": "ask-title" }, form);
    form.addEventListener("submit", (event) => {
      const given = Object.fromEntries(new FormData(form));
      const wrong = fields.filter((field) => field.check && !field.check(given[field.name].trim(), given));
      fields.forEach((field) => mark(form, field, wrong.includes(field)));
      if (wrong.length) event.preventDefault();
      else answers = given;
    });
    dialog.addEventListener("close", () => (dialog.remove(), resolve(answers)));
    document.body.append(dialog);
    dialog.showModal();
    form.querySelector("input, select")?.focus();
  });
}

function mark(form, field, bad) {
  const control = form.elements[field.name];
  const note = form.querySelector(`#ask-${field.name}-err`);
  note.hidden = !bad;
  control.toggleAttribute("aria-invalid", bad);
  if (!bad) return control.removeAttribute("aria-describedby");
  control.setAttribute("aria-invalid", "true");
  control.setAttribute("aria-describedby", note.id);
  return control.focus();
}

export async function askLink(present) {
  const given = await ask(t("link"), [{ name: "url", label: t("address"), value: present || "https://", check: goodLink, wrong: t("link_bad") }]);
  return given && given.url.trim();
}

export function askImage(images, present = {}) {
  const fields = [];
  if (images.length) {
    const options = [["", "–"], ...images.map((image) => [`cid:${image.cid}`, image.name])];
    fields.push({ name: "attached", label: t("attached"), options });
  }
  fields.push({ name: "url", label: t("address"), value: present.url || "", wrong: t("image_bad"), check: (url, all) => Boolean(all.attached) || goodImage(url) });
  fields.push({ name: "alt", label: t("alt_text"), value: present.alt || "" });
  return ask(t("image"), fields);
}

export function askTable() {
  const between = (least, most) => (text) => Number(text) >= least && Number(text) <= most;
  return ask(t("table"), [
    { name: "rows", label: t("rows"), type: "number", value: 3, min: 1, max: 50, check: between(1, 50), wrong: "1–50" },
    { name: "columns", label: t("columns"), type: "number", value: 2, min: 1, max: 10, check: between(1, 10), wrong: "1–10" },
  ]);
}
