/* The mail editor over a <textarea>, which always holds what will be saved.

   data-editor="/editor/frame"     address of the frame (see admin_views/editor.py)
   data-editor-fields="ID"         JSON list of merge fields (see mergefields.js)
   data-editor-images="ID"         JSON list of attached pictures [{name, cid, url}]
   data-editor-format="name"       the form's field that says "html" or "text"

   Page view, HTML source, or plain text. HTML is kept as written: only the inside of <body> goes through the
   page view, and only after something was changed there. HTML that the browser would change by reading opens
   in the source view. Ctrl/⌘ B, I, U, K, Z work in the page view; Tab leaves it. Without script the textarea
   is what it is. */

import { el, formatNumber, icon, svg, t } from "./core.js";
import { askImage, askLink, askTable } from "./editor-dialogs.js";
import { bodyAttributes, headStyles, isFaithful, serialize, split, toHtml, toText } from "./mailhtml.js";
import { fieldMenu, insertText, readJson } from "./mergefields.js";

const PICTURES = {
  undo: "M9 7L4 12l5 5M4 12h10a6 6 0 0 1 6 6", redo: "M15 7l5 5-5 5M20 12H10a6 6 0 0 0-6 6",
  bullets: "M9 6h11M9 12h11M9 18h11M4.5 6h.1M4.5 12h.1M4.5 18h.1", numbered: "M10 6h10M10 12h10M10 18h10M4 4.5h1v4M4 15h2l-2 3.5h2",
  align_left: "M4 6h16M4 10h10M4 14h16M4 18h10", align_center: "M4 6h16M7 10h10M4 14h16M7 18h10", align_right: "M4 6h16M10 10h10M4 14h16M10 18h10",
  link: "M10 14a4 4 0 0 0 6 0l3-3a4 4 0 0 0-6-6l-1 1M14 10a4 4 0 0 0-6 0l-3 3a4 4 0 0 0 6 6l1-1", image: "M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4M15.5 9h.1",
  table: "M4 5h16v14H4zM4 10h16M4 14.5h16M12 5v14", clear: "M6 5h12M12 5l-2 9M5 19h8M16 15l5 5M21 15l-5 5",
};
const COLOURS = ["#1b2430", "#4f5b6a", "#b3261e", "#b06f00", "#0e6b5e", "#0f8a7e", "#1f56b8", "#6337c0"];
const STATES = { bold: "bold", italic: "italic", underline: "underline", insertUnorderedList: "bullets", insertOrderedList: "numbered" };

export function start(root) {
  root.querySelectorAll("textarea[data-editor]").forEach((area) => {
    if (!area.dataset.editorReady) new Editor(area);
  });
}

class Editor {
  constructor(area) {
    area.dataset.editorReady = "1";
    this.area = area;
    this.images = readJson(area.dataset.editorImages);
    this.kept = {};
    this.label = document.querySelector(`label[for="${CSS.escape(area.id)}"]`);
    this.build();
    this.format = this.readFormat();
    area.form?.addEventListener("change", (event) => event.target.name === area.dataset.editorFormat && this.switchFormat());
    area.form?.addEventListener("submit", () => this.save(), true);
    area.addEventListener("input", () => this.describe());
    this.frame.addEventListener("load", () => this.ready());
    this.frame.src = area.dataset.editor;
  }

  /* ---------- the toolbar ---------- */

  build() {
    this.buttons = {};
    const button = (name, run, face) => {
      const node = el("button", { type: "button", title: t(name), "aria-label": t(name), onclick: () => run() }, face || icon(PICTURES[name]));
      node.addEventListener("pointerdown", (event) => event.preventDefault());
      return (this.buttons[name] = node);
    };
    const run = (command, value) => () => this.run(command, value);
    const sep = () => el("span", { class: "sep" });
    const letter = (tag, text) => el(tag, { "aria-hidden": "true" }, text);
    this.visualTools = [
      button("undo", run("undo")), button("redo", run("redo")), sep(), this.styleMenu(), sep(),
      button("bold", run("bold"), letter("b", "B")), button("italic", run("italic"), letter("i", "I")), button("underline", run("underline"), letter("u", "U")), this.colourMenu(), sep(),
      button("bullets", run("insertUnorderedList")), button("numbered", run("insertOrderedList")),
      button("align_left", run("justifyLeft")), button("align_center", run("justifyCenter")), button("align_right", run("justifyRight")), sep(),
      button("link", () => this.link()), button("image", () => this.image()), button("table", () => this.table()), button("clear", () => this.clear()),
    ];
    const fields = readJson(this.area.dataset.editorFields);
    this.menu = fields.length ? fieldMenu(fields, (code) => this.insert(code)) : "";
    this.toggle = button("source", () => this.show(this.view === "source" ? "visual" : "source"), t("source"));
    this.toggle.classList.add("push");
    this.bar = el("div", { class: "editor-bar", role: "toolbar", "aria-label": t("toolbar") }, ...this.visualTools, this.menu, this.toggle);
    this.frame = el("iframe", { class: "editor-frame", title: this.label?.textContent.trim() || t("body_editor") });
    this.state = el("div", { class: "editor-state" });
    this.box = el("div", { class: "editor" }, this.bar, this.frame);
    this.area.before(this.box);
    this.box.append(this.area, this.state);
    this.area.hidden = true;
    this.label?.addEventListener("click", () => this.view === "visual" && this.doc?.body.focus());
  }

  styleMenu() {
    const styles = [["p", "paragraph"], ["h1", "heading1"], ["h2", "heading2"], ["h3", "heading3"]];
    this.styles = el("select", { "aria-label": t("style"), title: t("style"), "data-editor-style": true }, ...styles.map(([value, name]) => el("option", { value }, t(name))));
    this.styles.addEventListener("change", (event) => {
      event.stopPropagation();
      this.run("formatBlock", `<${this.styles.value}>`);
    });
    return this.styles;
  }

  colourMenu() {
    const mark = svg("svg", { class: "icon", viewBox: "0 0 24 24", "aria-hidden": "true" }, svg("path", { d: "M6 16l6-12 6 12M8 12h8" }), svg("path", { d: "M4 20.5h16", stroke: "#b3261e", "stroke-width": "3" }));
    const menu = el("details", { class: "menu left swatch-menu" }, el("summary", { title: t("colour"), "aria-label": t("colour") }, mark));
    const swatch = (colour) => {
      const node = el("button", { type: "button", title: colour, "aria-label": `${t("colour")} ${colour}`, onclick: () => {
        menu.open = false;
        this.run("foreColor", colour, true);
      } });
      node.style.backgroundColor = colour;
      return node;
    };
    menu.append(el("div", { class: "menu-list" }, el("div", { class: "swatches" }, ...COLOURS.map(swatch))));
    return menu;
  }

  /* ---------- views ---------- */

  ready() {
    this.doc = this.frame.contentDocument;
    const { doc } = this;
    doc.body.contentEditable = "true";
    doc.body.setAttribute("role", "textbox");
    doc.body.setAttribute("aria-multiline", "true");
    doc.body.setAttribute("aria-label", this.frame.title);
    doc.execCommand("defaultParagraphSeparator", false, "p");
    doc.addEventListener("input", () => this.edited());
    doc.addEventListener("selectionchange", () => this.reflect());
    doc.addEventListener("focusout", () => this.save());
    doc.addEventListener("keydown", (event) => this.key(event));
    doc.addEventListener("click", (event) => event.target.closest?.("a") && event.preventDefault());
    doc.addEventListener("pointerdown", () => document.querySelectorAll("details.menu[open]").forEach((menu) => (menu.open = false)));
    if (this.format === "text") this.show("text");
    else this.show(this.fill() ? "visual" : "source");
  }

  /** Draw the textarea's HTML in the frame; false when the browser would change it. */
  fill() {
    this.parts = split(this.area.value);
    const { doc } = this;
    doc.head.querySelectorAll("style").forEach((node) => node.remove());
    for (const css of headStyles(this.parts.before)) {
      const style = doc.createElement("style");
      style.textContent = css;
      doc.head.append(style);
    }
    const holder = doc.createElement("div");
    holder.innerHTML = `<div ${bodyAttributes(this.parts.before)}></div>`;
    for (const name of ["style", "bgcolor", "text", "class", "dir"]) {
      const value = holder.firstElementChild?.getAttribute(name);
      if (value) doc.body.setAttribute(name, value);
      else doc.body.removeAttribute(name);
    }
    doc.body.innerHTML = this.parts.inner;
    this.faithful = isFaithful(this.parts.inner, doc.body);
    doc.querySelectorAll('img[src^="cid:"]').forEach((image) => this.showAttached(image));
    if (!doc.body.innerHTML.trim()) doc.body.innerHTML = "<p><br></p>";
    this.changed = false;
    return this.faithful;
  }

  showAttached(image) {
    const source = image.getAttribute("src");
    const found = this.images.find((one) => `cid:${one.cid}` === source);
    if (!found) return;
    image.dataset.ctmSrc = source;
    image.src = found.url;
  }

  show(view) {
    if (this.view === "visual") this.save();
    if (view === "visual" && this.view) this.fill();
    const first = !this.view;
    this.view = view;
    const visual = view === "visual";
    this.frame.hidden = !visual;
    this.area.hidden = visual;
    this.box.classList.toggle("is-text", view === "text");
    this.visualTools.forEach((node) => (node.hidden = !visual));
    this.toggle.hidden = view === "text";
    this.toggle.textContent = t(view === "source" ? "visual" : "source");
    this.toggle.setAttribute("aria-label", this.toggle.textContent);
    this.toggle.title = this.toggle.textContent;
    this.describe();
    if (!first) (visual ? this.doc.body : this.area).focus();
  }

  describe() {
    const parts = [];
    if (this.view !== "text" && this.faithful === false) parts.push(t("source_only"));
    else if (this.view === "visual") parts.push(t("as_written"));
    parts.push(`${formatNumber(this.area.value.length)} ${t("chars")}`);
    this.state.replaceChildren(...parts.map((text) => el("span", {}, text)));
  }

  edited() {
    this.changed = true;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.save(), 400);
  }

  save() {
    clearTimeout(this.timer);
    if (!this.changed || this.view !== "visual") return;
    this.changed = false;
    const inner = serialize(this.doc.body);
    this.area.value = this.parts.before + (inner === "<p><br></p>" ? "" : inner) + this.parts.after;
    this.area.dispatchEvent(new Event("input", { bubbles: true }));
  }

  /* ---------- plain text or HTML ---------- */

  readFormat() {
    const field = this.area.form?.elements[this.area.dataset.editorFormat];
    return field?.value === "text" || field?.value === "plain" ? "text" : "html";
  }

  switchFormat() {
    const format = this.readFormat();
    if (format === this.format) return;
    this.save();
    const before = this.area.value;
    const kept = this.kept[format];
    this.kept[this.format] = before;
    this.area.value = kept && kept.from === before ? kept.text : format === "text" ? toText(before) : toHtml(before);
    this.kept[this.format] = { text: before, from: this.area.value };
    this.format = format;
    this.view = "";
    this.show(format === "text" ? "text" : this.fill() ? "visual" : "source");
    this.area.dispatchEvent(new Event("input", { bubbles: true }));
  }

  /* ---------- doing things ---------- */

  key(event) {
    if (!(event.ctrlKey || event.metaKey)) return;
    if (event.key.toLowerCase() === "k") event.preventDefault(), this.link();
    if (event.key === "Enter") event.preventDefault(), this.area.form?.requestSubmit();
  }

  run(command, value, css = false) {
    this.doc.body.focus();
    this.doc.execCommand("styleWithCSS", false, css);
    this.doc.execCommand(command, false, value);
    this.edited();
    this.reflect();
  }

  insert(text) {
    if (this.view === "visual") this.run("insertText", text);
    else insertText(this.area, text);
  }

  reflect() {
    for (const [command, name] of Object.entries(STATES)) this.buttons[name].setAttribute("aria-pressed", String(this.doc.queryCommandState(command)));
    const block = this.doc.queryCommandValue("formatBlock");
    this.styles.value = ["h1", "h2", "h3"].includes(block) ? block : "p";
  }

  /** Ask in a dialog, then put the cursor back where it was. */
  async keepingPlace(question) {
    const selection = this.doc.getSelection();
    const range = selection.rangeCount ? selection.getRangeAt(0).cloneRange() : null;
    const answer = await question();
    this.doc.body.focus();
    if (range) {
      selection.removeAllRanges();
      selection.addRange(range);
    }
    return { answer, collapsed: !range || range.collapsed };
  }

  around(tag) {
    const node = this.doc.getSelection().anchorNode;
    return (node?.nodeType === 1 ? node : node?.parentElement)?.closest(tag);
  }

  async link() {
    const there = this.around("a");
    const { answer, collapsed } = await this.keepingPlace(() => askLink(there?.getAttribute("href")));
    if (!answer) return;
    if (there) {
      there.setAttribute("href", answer);
      this.edited();
    } else if (collapsed) this.run("insertHTML", outer("a", { href: answer }, answer));
    else this.run("createLink", answer);
  }

  async image() {
    const { answer, collapsed } = await this.keepingPlace(() => askImage(this.images));
    if (!answer) return;
    if (!collapsed) this.doc.getSelection().collapseToEnd();
    const source = answer.attached || answer.url.trim();
    this.run("insertHTML", outer("img", { src: source, alt: answer.alt }));
    this.doc.querySelectorAll('img[src^="cid:"]').forEach((image) => this.showAttached(image));
  }

  async table() {
    const { answer, collapsed } = await this.keepingPlace(askTable);
    if (!answer) return;
    if (!collapsed) this.doc.getSelection().collapseToEnd(); // the chosen words stay
    const cell = '<td style="border: 1px solid #cfd6de; padding: 6px 10px">&nbsp;</td>';
    const row = `<tr>${cell.repeat(Number(answer.columns))}</tr>`;
    this.run("insertHTML", `<table cellpadding="0" cellspacing="0" border="0" style="border-collapse: collapse; width: 100%"><tbody>${row.repeat(Number(answer.rows))}</tbody></table><p><br></p>`);
  }

  clear() {
    this.run("removeFormat");
    this.run("unlink");
    this.run("formatBlock", "<p>");
  }
}

function outer(name, attributes, text = "") {
  const node = document.implementation.createHTMLDocument("").createElement(name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.textContent = text;
  return node.outerHTML;
}
