/* Parts of a page that follow the server, in place: no jump, no lost focus, nothing typed is touched.

   data-live-url="/…json"       on a container; asked every data-live-interval seconds (default 5) with
                                If-None-Match, not while the page is hidden
   data-live-reload="key"       on the container: the page loads again when that value is no longer
                                data-live-drawn, with which it was drawn
   inside it (key may be a path: "counts.sent"):
     data-live="key"            its text; numbers as the locale writes them
     data-live-format           number (default for numbers), percent (0–1), bytes, time, datetime, text
     data-live-attr="value"     sets this attribute (and property) instead of the text
     data-live-bar="key"        an ui.stackbar; the JSON is [["sent", 10], …]
     data-live-show / -hide     shown or hidden by the value
     data-live-html="key"       a fragment the server drew; replaced when it changed and the focus is not in it
     data-live-state            says when the server was last heard, or that the connection is lost
   Each answer fires "live:update" on the container, detail = the JSON. */

import { formatNumber, hasUnsaved, locale, svg, t } from "./core.js";

const clock = new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const dateTime = new Intl.DateTimeFormat(locale, { dateStyle: "short", timeStyle: "short" });
const hourMinute = new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit" });
const percent = new Intl.NumberFormat(locale, { style: "percent", maximumFractionDigits: 0 });
const STATUS = {
  sent: "sent", sending: "sent", running: "sent", claimed: "sent", read: "read", opened: "read", clicked: "clicked",
  removed: "removed", deferred: "removed", paused: "removed", failed: "failed", bounced: "failed",
  uncertain: "undecided", undecided: "undecided",
};

export function start(root) {
  const found = [...root.querySelectorAll("[data-live-url]")];
  if (root.matches?.("[data-live-url]")) found.push(root);
  found.forEach((box) => {
    if (!box.dataset.liveReady) new Live(box);
  });
}

export const dig = (data, path) => path.split(".").reduce((value, key) => value?.[key], data);

class Live {
  constructor(box) {
    box.dataset.liveReady = "1";
    this.box = box;
    this.every = Math.max(1, Number(box.dataset.liveInterval || 5)) * 1000;
    this.failures = 0;
    this.heard = false;
    this.seen = new Map();
    document.addEventListener("visibilitychange", () => !document.hidden && this.ask());
    addEventListener("online", () => this.ask());
    this.ask();
  }

  plan() {
    clearTimeout(this.timer);
    const wait = Math.min(this.every * 2 ** this.failures, 60000);
    if (this.box.isConnected) this.timer = setTimeout(() => this.ask(), wait);
  }

  async ask() {
    clearTimeout(this.timer);
    if (document.hidden || this.asking) return;
    this.asking = true;
    try {
      const headers = { Accept: "application/json" };
      if (this.etag) headers["If-None-Match"] = this.etag;
      const answer = await fetch(this.box.dataset.liveUrl, { headers, credentials: "same-origin", cache: "no-store" });
      if (answer.status !== 304) await this.take(answer);
      this.failures = 0;
      this.say(`${t("updated")} ${clock.format(new Date())}`, false);
    } catch {
      this.failures += 1;
      this.say(t("lost"), true);
    }
    this.asking = false;
    this.plan();
  }

  async take(answer) {
    if (!answer.ok) throw new Error(String(answer.status));
    if (answer.redirected) return location.reload();
    const data = await answer.json();
    this.etag = answer.headers.get("ETag");
    this.box.liveData = data; // for a chart whose module arrives later
    this.draw(data);
    this.box.dispatchEvent(new CustomEvent("live:update", { detail: data }));
    this.reload(data);
  }

  reload(data) {
    const key = this.box.dataset.liveReload;
    if (!key) return;
    const value = String(dig(data, key));
    const typing = hasUnsaved() || document.querySelector("dialog[open]");
    const first = !this.heard;
    this.heard = true;
    if (this.box.dataset.liveDrawn === value || typing) return;
    // Figures may be a second older than the page: the first answer alone is not believed.
    if (first) this.etag = null;
    else location.reload();
  }

  say(text, lost) {
    this.box.querySelectorAll("[data-live-state]").forEach((node) => {
      node.textContent = text;
      node.classList.toggle("lost", lost);
    });
  }

  draw(data) {
    const each = (attribute, work) =>
      this.box.querySelectorAll(`[${attribute}]`).forEach((node) => {
        const value = dig(data, node.getAttribute(attribute));
        if (value !== undefined) work(node, value);
      });
    each("data-live", (node, value) => this.value(node, value));
    each("data-live-bar", bar);
    each("data-live-show", (node, value) => (node.hidden = !value));
    each("data-live-hide", (node, value) => (node.hidden = Boolean(value)));
    each("data-live-html", (node, value) => this.fragment(node, value));
  }

  value(node, value) {
    const attribute = node.dataset.liveAttr;
    if (attribute) {
      node.setAttribute(attribute, value);
      if (attribute in node) node[attribute] = value;
      return;
    }
    const text = format(value, node.dataset.liveFormat);
    if (node.textContent === text) return;
    if (this.seen.has(node)) flash(node);
    this.seen.set(node, text);
    node.textContent = text;
  }

  fragment(node, html) {
    if (this.seen.get(node) === html || node.contains(document.activeElement)) return;
    this.seen.set(node, html);
    const top = node.scrollTop;
    node.innerHTML = html;
    node.scrollTop = top;
    node.closest("table")?.dispatchEvent(new CustomEvent("live:rows"));
  }
}

function flash(node) {
  node.classList.remove("changed");
  void node.offsetWidth;
  node.classList.add("changed");
}

export function format(value, kind) {
  if (value === null || value === "") return "–";
  if (kind === "percent") return percent.format(value).replace(/\s*%/, "\u00a0%");
  if (kind === "bytes") return bytes(value);
  if (kind === "datetime") return dateTime.format(new Date(value));
  if (kind === "time") return hourMinute.format(new Date(value));
  return typeof value === "number" && kind !== "text" ? formatNumber(value) : String(value);
}

function bytes(value) {
  if (value < 1024) return `${formatNumber(value)} B`;
  if (value < 1024 * 1024) return `${formatNumber(Math.round(value / 1024))} KB`;
  return `${formatNumber(Math.round(value / 104857.6) / 10)} MB`;
}

function bar(node, parts) {
  const total = parts.reduce((sum, [, n]) => sum + n, 0) || 1;
  let x = 0;
  node.replaceChildren(
    ...parts.map(([status, n]) => {
      const width = (1000 * n) / total;
      const rect = svg("rect", { class: STATUS[status] || "todo", x, y: 0, width, height: 10 });
      x += width;
      return rect;
    }),
  );
}
