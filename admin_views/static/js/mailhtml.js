/* A mail's HTML, taken apart so that what is not edited stays as written.

   split(html) gives {before, inner, after}: everything up to and with <body …>, what is inside, and the rest.
   Only `inner` ever goes through the browser; doctype, head, styles and comments around it stay as they are. */

export function split(html) {
  const body = /<body\b[^>]*>/i.exec(html);
  if (body) {
    const from = body.index + body[0].length;
    const end = html.toLowerCase().lastIndexOf("</body");
    const to = end >= from ? end : html.length;
    return { before: html.slice(0, from), inner: html.slice(from, to), after: html.slice(to) };
  }
  const head = /^[\s\S]*<\/head\s*>/i.exec(html) || /^\s*(<!doctype[^>]*>\s*)?(<html\b[^>]*>)?/i.exec(html);
  const from = head ? head[0].length : 0;
  const end = html.toLowerCase().lastIndexOf("</html");
  const to = end >= from ? end : html.length;
  return { before: html.slice(0, from), inner: html.slice(from, to), after: html.slice(to) };
}

export const headStyles = (before) => [...before.matchAll(/<style\b[^>]*>([\s\S]*?)<\/style\s*>/gi)].map((m) => m[1]);
export const bodyAttributes = (before) => /<body\b([^>]*)>/i.exec(before)?.[1] || "";

/** Would the browser change this HTML by only reading it? Then the source view is the honest one. */
export function isFaithful(inner, parsed) {
  const bare = inner.replace(/<!--[\s\S]*?-->/g, "");
  if (/<!\[/.test(bare)) return false; // conditional comments of the other kind
  // words between rows, such as a merge field, would be moved out of their table
  if (/<(table|tbody|thead|tfoot|tr)\b[^>]*>\s*[^<\s]/i.test(bare)) return false;
  if (/<\/(td|th|tr|tbody|thead|tfoot|caption)\s*>\s*[^<\s]/i.test(bare)) return false;
  const counted = new Map();
  for (const [, name] of bare.replace(/<(style|script)\b[\s\S]*?<\/\1\s*>/gi, "<$1>").matchAll(/<([a-z][\w:-]*)/gi))
    counted.set(name.toLowerCase(), (counted.get(name.toLowerCase()) || 0) + 1);
  for (const [name, count] of counted) {
    const there = parsed.getElementsByTagName(name).length;
    if (there < count || (there > count && !["tbody", "colgroup", "tr"].includes(name))) return false;
  }
  return letters(textOf(bare, parsed)) === letters(visible(parsed));
}

const letters = (text) => text.replace(/[\s\u00a0]+/g, "");

function textOf(bare, parsed) {
  const decoder = parsed.ownerDocument.createElement("textarea");
  decoder.innerHTML = bare.replace(/<(style|script)\b[\s\S]*?<\/\1\s*>/gi, "").replace(/<\/?[a-z][^>]*>/gi, "").replace(/</g, "&lt;");
  return decoder.value;
}

function visible(parsed) {
  const walker = parsed.ownerDocument.createTreeWalker(parsed, NodeFilter.SHOW_TEXT);
  let text = "";
  while (walker.nextNode()) {
    if (!/^(STYLE|SCRIPT)$/.test(walker.currentNode.parentNode.nodeName)) text += walker.currentNode.data;
  }
  return text;
}

/** The inside of the frame's body as HTML; pictures shown from CTM get their cid: address back. */
export function serialize(body) {
  const inert = document.implementation.createHTMLDocument("");
  const copy = inert.importNode(body, true);
  copy.querySelectorAll("[data-ctm-src]").forEach((image) => {
    image.setAttribute("src", image.dataset.ctmSrc);
    image.removeAttribute("data-ctm-src");
  });
  return copy.innerHTML;
}

export function toText(html) {
  const inert = new DOMParser().parseFromString(split(html).inner.replace(/\sstyle\s*=\s*("[^"]*"|'[^']*')/gi, ""), "text/html");
  inert.querySelectorAll("style, script").forEach((node) => node.remove());
  inert.querySelectorAll("br").forEach((node) => node.replaceWith("\n"));
  inert.querySelectorAll("p, div, tr, h1, h2, h3, ul, ol, table").forEach((node) => node.append("\n"));
  inert.querySelectorAll("td, th").forEach((node) => node.append(" "));
  return inert.body.textContent.replace(/[ \t\u00a0]+/g, " ").replace(/ *\n */g, "\n").replace(/\n{3,}/g, "\n\n").trim();
}

export function toHtml(text) {
  const safe = text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
  return safe.trim() ? safe.split(/\n{2,}/).map((part) => `<p>${part.replace(/\n/g, "<br>\n")}</p>`).join("\n") : "";
}
