/* What every page needs. Loaded by the base templates; the other modules are loaded from here, only where a
   page has their attribute.

   data-menu="ID"            the button that opens the menu on a phone
   data-search               the field that "/" and Ctrl/⌘ K lead to
   data-dismiss              closes its note
   data-confirm="question"   on a submit button, link or form: asks first (data-confirm-title, data-confirm-button)
   data-dialog="ID"          opens a <dialog>; data-dialog-close closes it
   data-autosubmit           a control that sends its form when it changes
   data-copy="text", data-copy-from="#ID"
   data-guard                a form that asks before its changes are lost
   data-focus                gets the focus when the page opens (a list of errors)
   data-back                 goes back
   data-tabs                 tabs inside a page: [role=tab][aria-controls] and [role=tabpanel]
   data-show-when="name=a|b" shown while the form's field has one of these values; "name" alone: while it has any
   data-repeat-add="ID"      adds a copy of <template id=ID data-repeat-into="#list">; __INDEX__ becomes a number,
                             or data-repeat-prefix names the fields as Flask-Admin does; data-repeat-remove takes
                             its data-repeat-item away, data-repeat-move="-1|1" moves it up or down
   Also: a POST form is sent once (its button shows that it is busy).

   import { t, post, get, toast, confirmDialog, formatNumber, el } from "./core.js" */

const strings = JSON.parse(document.getElementById("ctm-strings")?.textContent || "{}");

export const t = (key) => strings[key] ?? key;
export const locale = strings.locale || document.documentElement.lang || "en";
const numbers = new Intl.NumberFormat(locale, { useGrouping: "always" });
export const formatNumber = (n) => numbers.format(n);
const csrf = () => document.querySelector('meta[name="csrf-token"]')?.content || "";

/** An element with attributes and children, without markup in strings. */
export function el(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    if (key === "class") node.className = value;
    else if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children);
  return node;
}

const SVG = "http://www.w3.org/2000/svg";
export function svg(name, attributes = {}, ...children) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

export const icon = (path) =>
  svg("svg", { class: "icon", viewBox: "0 0 24 24", "aria-hidden": "true" }, svg("path", { d: path }));

/** GET JSON. Rejects with an Error whose message a user may read. */
export async function get(url, options = {}) {
  const answer = await fetch(url, {
    credentials: "same-origin",
    ...options,
    headers: { Accept: "application/json", ...options.headers },
  });
  if (answer.redirected && answer.url.includes("/login")) location.reload();
  if (!answer.ok) throw new Error((await message(answer)) || t("failed"));
  return answer.json();
}

/** POST an object as JSON, or FormData as it is, with the CSRF token. */
export function post(url, data = {}) {
  const form = data instanceof FormData;
  const headers = { "X-CSRFToken": csrf() };
  if (!form) headers["Content-Type"] = "application/json";
  return get(url, { method: "POST", headers, body: form ? data : JSON.stringify(data) });
}

async function message(answer) {
  try {
    const body = await answer.json();
    return typeof body.error === "string" ? body.error : "";
  } catch {
    return "";
  }
}

export function toast(text) {
  const place = document.querySelector("[data-toasts]");
  const note = el("div", { class: "toast" }, text);
  place?.append(note);
  setTimeout(() => note.remove(), 4000);
}

/** Ask in a dialog of our own; resolves to true or false. */
export function confirmDialog({ text, title = t("sure"), button = t("ok"), danger = true, cancel = t("cancel") }) {
  return new Promise((resolve) => {
    const dialog = el(
      "dialog",
      { "aria-labelledby": "confirm-title", "aria-describedby": "confirm-text" },
      el("div", { class: "dialog-body" }, el("h2", { id: "confirm-title" }, title), el("p", { id: "confirm-text" }, text)),
      el(
        "div",
        { class: "dialog-foot" },
        el("button", { type: "button", class: "btn", onclick: () => dialog.close("no") }, cancel),
        el("button", { type: "button", class: danger ? "btn stop go" : "btn go", onclick: () => dialog.close("yes") }, button),
      ),
    );
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

/* ---------- asking first, sending once, unsaved changes ---------- */

let leaving = false;
const dirty = new Set();
export const hasUnsaved = () => dirty.size > 0;
export const markDirty = (form) => form && form.hasAttribute("data-guard") && dirty.add(form);

async function askThenGo(source, go) {
  const agreed = await confirmDialog({
    text: source.dataset.confirm,
    title: source.dataset.confirmTitle || t("sure"),
    button: source.dataset.confirmButton || t("ok"),
    danger: source.dataset.confirmKind !== "go" && !source.classList.contains("go"),
  });
  if (agreed) go();
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-confirm]");
  if (!link) return;
  event.preventDefault();
  askThenGo(link, () => location.assign(link.href));
});

document.addEventListener(
  "submit",
  (event) => {
    const form = event.target;
    const button = event.submitter;
    const source = [button, form].find((node) => node?.dataset.confirm);
    if (source && form.dataset.agreed !== "1") {
      event.preventDefault();
      event.stopPropagation();
      askThenGo(source, () => {
        form.dataset.agreed = "1";
        form.requestSubmit(button);
      });
      return;
    }
    delete form.dataset.agreed;
    if (form.method === "dialog" || event.defaultPrevented) return;
    if (form.method === "post" && form.target !== "_blank") sendOnce(event, form, button);
    dirty.delete(form);
    leaving = form.method === "post";
  },
  true,
);

function sendOnce(event, form, button) {
  if (form.dataset.sent === "1") {
    event.preventDefault();
    return;
  }
  if (form.hasAttribute("data-again")) return;
  form.dataset.sent = "1";
  button?.setAttribute("aria-busy", "true");
  setTimeout(() => release(form, button), 15000);
}

function release(form, button) {
  delete form.dataset.sent;
  button?.removeAttribute("aria-busy");
}

addEventListener("pageshow", () => {
  document.querySelectorAll("form[data-sent]").forEach((form) => release(form));
  document.querySelectorAll(".btn[aria-busy]").forEach((button) => button.removeAttribute("aria-busy"));
});

document.addEventListener("input", (event) => markDirty(event.target.closest?.("form[data-guard]")));
addEventListener("beforeunload", (event) => {
  if (dirty.size && !leaving) event.preventDefault();
});

/* ---------- menu, search, small things ---------- */

function menuButton() {
  const button = document.querySelector("[data-menu]");
  const menu = button && document.getElementById(button.dataset.menu);
  if (!menu) return;
  const show = (open) => {
    menu.classList.toggle("open", open);
    document.body.classList.toggle("menu-open", open);
    button.setAttribute("aria-expanded", String(open));
    if (open) menu.querySelector("li a")?.focus();
  };
  button.addEventListener("click", () => show(!menu.classList.contains("open")));
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !menu.classList.contains("open")) return;
    show(false);
    button.focus();
  });
}

function typing(node) {
  return node.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(node.tagName);
}

document.addEventListener("keydown", (event) => {
  const search = document.querySelector("[data-search]");
  const slash = event.key === "/" && !event.ctrlKey && !event.metaKey && !event.altKey && !typing(event.target);
  const combination = (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k";
  if (search && (slash || combination)) {
    event.preventDefault();
    search.focus();
    search.select();
  }
  if (event.key === "Escape") closeMenus(null, true);
});

function closeMenus(except, refocus = false) {
  document.querySelectorAll("details.menu[open]").forEach((menu) => {
    if (menu === except) return;
    if (refocus && menu.contains(document.activeElement)) menu.querySelector("summary").focus();
    menu.open = false;
  });
}

/* a menu opens towards the side where there is room */
document.addEventListener(
  "toggle",
  (event) => {
    const menu = event.target;
    if (!menu.matches?.("details.menu") || !menu.open) return;
    const { left, right } = menu.getBoundingClientRect();
    menu.classList.toggle("left", left + right < innerWidth);
  },
  true,
);

async function copy(source) {
  const from = source.dataset.copyFrom && document.querySelector(source.dataset.copyFrom);
  const text = from ? (from.value ?? from.textContent) : source.dataset.copy;
  try {
    await navigator.clipboard.writeText(text);
    toast(t("copied"));
  } catch {
    toast(t("failed"));
  }
}

document.addEventListener("click", (event) => {
  closeMenus(event.target.closest("details.menu"));
  const hit = (selector) => event.target.closest(selector);
  let node;
  if ((node = hit("[data-dismiss]"))) node.closest(".note").remove();
  else if ((node = hit("[data-dialog]"))) document.getElementById(node.dataset.dialog)?.showModal();
  else if ((node = hit("[data-dialog-close]"))) node.closest("dialog").close();
  else if ((node = hit("[data-copy], [data-copy-from]"))) copy(node);
  else if ((node = hit("[data-back]"))) history.back();
  else if ((node = hit("[data-repeat-add]"))) repeatAdd(node);
  else if ((node = hit("[data-repeat-remove]"))) repeatRemove(node);
  else if ((node = hit("[data-repeat-move]"))) repeatMove(node);
});

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-autosubmit]")) event.target.form.requestSubmit();
  if (event.target.matches("[data-repeat-going]"))
    event.target.closest("[data-repeat-item]").classList.toggle("going", event.target.checked);
  showWhen(event.target.form || document);
});

function flashes() {
  document.querySelectorAll("[data-flashes] .note.good, [data-flashes] .note.info").forEach((note) => {
    const wait = 6000 + 40 * note.textContent.length;
    let timer = setTimeout(() => note.remove(), wait);
    note.addEventListener("pointerenter", () => clearTimeout(timer));
    note.addEventListener("focusin", () => clearTimeout(timer));
    note.addEventListener("pointerleave", () => (timer = setTimeout(() => note.remove(), 3000)));
  });
}

/* ---------- fields that depend on another ---------- */

function currentValue(scope, name) {
  const fields = [...scope.querySelectorAll(`[name="${CSS.escape(name)}"]`)];
  const picked = fields.find((f) => !["radio", "checkbox"].includes(f.type) || f.checked);
  return picked ? picked.value || "" : "";
}

export function showWhen(scope) {
  scope.querySelectorAll("[data-show-when]").forEach((node) => {
    const [name, wanted] = node.dataset.showWhen.split("=");
    const value = currentValue(node.closest("form") || document, name);
    node.hidden = wanted === undefined ? !value : !wanted.split("|").includes(value);
  });
}

/* ---------- rows that can be added ---------- */

function repeatAdd(button) {
  const template = document.getElementById(button.dataset.repeatAdd);
  const list = document.querySelector(template.dataset.repeatInto);
  const next = Number(template.dataset.repeatNext || list.querySelectorAll("[data-repeat-item]").length);
  template.dataset.repeatNext = next + 1;
  const copyOf = template.content.cloneNode(true);
  const prefix = template.dataset.repeatPrefix;
  if (prefix) rename(copyOf, `${prefix}-${next}`);
  else fillIndex(copyOf, next);
  const added = copyOf.firstElementChild;
  list.append(copyOf);
  markDirty(button.closest("form"));
  load(added);
  added.querySelector("input:not([type=hidden]), select, textarea")?.focus();
}

function rename(fragment, prefix) {
  fragment.firstElementChild.id = prefix;
  fragment.querySelectorAll("[name]").forEach((field) => {
    const label = fragment.querySelector(`label[for="${CSS.escape(field.id)}"]`);
    field.name = field.name ? `${prefix}-${field.name}` : prefix;
    field.id = field.id ? `${prefix}-${field.id}` : prefix;
    if (label) label.htmlFor = field.id;
  });
}

function fillIndex(fragment, index) {
  fragment.querySelectorAll("*").forEach((node) => {
    for (const attribute of node.attributes)
      if (attribute.value.includes("__INDEX__")) attribute.value = attribute.value.replaceAll("__INDEX__", index);
  });
}

function repeatRemove(button) {
  const item = button.closest("[data-repeat-item]");
  markDirty(button.closest("form"));
  item.remove();
}

function repeatMove(button) {
  const item = button.closest("[data-repeat-item]");
  const up = button.dataset.repeatMove === "-1";
  const other = up ? item.previousElementSibling : item.nextElementSibling;
  if (other) up ? other.before(item) : other.after(item);
  markDirty(button.closest("form"));
  button.focus();
}

/* ---------- tabs inside a page ---------- */

function tabs(container) {
  const buttons = [...container.querySelectorAll('[role="tab"]')];
  const panel = (button) => document.getElementById(button.getAttribute("aria-controls"));
  const pick = (button, focus) => {
    buttons.forEach((other) => {
      const on = other === button;
      other.setAttribute("aria-selected", String(on));
      other.tabIndex = on ? 0 : -1;
      panel(other).hidden = !on;
    });
    if (focus) {
      button.focus();
      history.replaceState(null, "", `#${button.getAttribute("aria-controls")}`);
    }
  };
  buttons.forEach((button, i) => {
    panel(button).setAttribute("aria-labelledby", (button.id ||= `tab-${panel(button).id}`));
    if (panel(button).querySelector('[aria-invalid="true"]')) button.classList.add("has-error");
    button.addEventListener("click", () => pick(button, true));
    button.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (step) pick(buttons[(i + step + buttons.length) % buttons.length], true);
    });
  });
  const fromHash = () => {
    const target = location.hash.length > 1 && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    return target && buttons.find((button) => panel(button).contains(target));
  };
  const wrong = buttons.find((button) => button.classList.contains("has-error"));
  pick(wrong || fromHash() || buttons.find((b) => b.getAttribute("aria-selected") === "true") || buttons[0], false);
  addEventListener("hashchange", () => {
    const button = fromHash();
    if (button) pick(button, false);
  });
}

/* ---------- the other modules, where they are asked for ---------- */

const MODULES = {
  "[data-typeahead-url], [data-role^='select2-ajax']": "./typeahead.js",
  "[data-search-url]": "./quicksearch.js",
  "[data-live-url]": "./live.js",
  "[data-progress-url]": "./progress.js",
  "[data-select]": "./select.js",
  "[data-sortable], .scroll": "./tables.js",
  "[data-filter-form]": "./filters.js",
  "[data-editor]": "./editor.js",
  "[data-merge-for]": "./mergefields.js",
  "[data-chart]": "./charts.js",
  "[data-drop]": "./dropfiles.js",
};

/** Bring the attributes inside `root` to life; modules export `start(root)`. */
export function load(root = document) {
  for (const [selector, module] of Object.entries(MODULES)) {
    if (root.matches?.(selector) || root.querySelector(selector)) import(module).then((m) => m.start(root));
  }
}

menuButton();
flashes();
document.querySelectorAll("[data-tabs]").forEach(tabs);
document.querySelectorAll(".tabs").forEach((bar) => {
  const open = bar.querySelector('[aria-current], [aria-selected="true"]');
  if (open) bar.scrollLeft = open.offsetLeft - bar.offsetLeft - (bar.clientWidth - open.offsetWidth) / 2;
});
document.querySelectorAll("[data-back]").forEach((node) => (node.hidden = history.length < 2));
showWhen(document);
document.querySelector("[data-focus]")?.focus();
load();
