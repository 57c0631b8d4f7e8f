/* How far a long task is.

   data-progress-url="/…json"   on a container; answers {done, total, text, finished, url, error}
   inside it: <progress>, [data-progress="text|done|total|left|percent"]
   When finished it goes to `url`, or loads the page again. An error stands in [data-progress="text"]. */

import { formatNumber, get, t } from "./core.js";

export function start(root) {
  root.querySelectorAll("[data-progress-url]").forEach((box) => {
    if (box.dataset.progressReady) return;
    box.dataset.progressReady = "1";
    follow(box);
  });
}

async function follow(box) {
  let wait = 700;
  while (box.isConnected) {
    try {
      const task = await get(box.dataset.progressUrl);
      draw(box, task);
      wait = 1000;
      if (task.error) return;
      if (task.finished) return task.url ? location.assign(task.url) : location.reload();
    } catch {
      say(box, "text", t("lost"));
      wait = Math.min(wait * 2, 30000);
    }
    await new Promise((next) => setTimeout(next, document.hidden ? Math.max(wait, 5000) : wait));
  }
}

function say(box, name, text) {
  box.querySelectorAll(`[data-progress="${name}"]`).forEach((node) => {
    if (node.textContent !== text) node.textContent = text;
  });
}

function draw(box, { done = 0, total = 0, text = "", error = "" }) {
  box.querySelectorAll("progress").forEach((bar) => {
    if (total) {
      bar.max = total;
      bar.value = done;
    } else bar.removeAttribute("value");
  });
  say(box, "text", error || text);
  say(box, "done", formatNumber(done));
  say(box, "total", formatNumber(total));
  say(box, "left", `${formatNumber(Math.max(total - done, 0))} ${t("left")}`);
  say(box, "percent", total ? `${Math.floor((100 * done) / total)} %` : "");
}
