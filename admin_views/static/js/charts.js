/* Charts on a <canvas role="img" aria-label="…">; the same figures stand in a table beside it.

   data-chart="time"    {labels: [ISO times], unit: "minute|hour|day", series: [{key, label, values}]}
   data-chart="bars"    {items: [{key, label, value}]}                    a bar for each outcome
   data-chart="links"   {items: [{label, people, machines}]}              lying bars, people and machines
   data-chart-json='…'  the figures, or data-chart-url="/…json" to ask for them
   data-chart-live="opens"  follows this key of the surrounding data-live-url container
   key: sent read clicked removed failed undecided todo; it gives the colour. */

import "../vendor/chartjs/chart.umd.min.js";
import { el, formatNumber, get, locale, t } from "./core.js";
import { dig } from "./live.js";

const { Chart } = globalThis;
const css = getComputedStyle(document.documentElement);
const tone = (key) => css.getPropertyValue(`--${key}`).trim() || css.getPropertyValue("--todo").trim();
const INK = tone("ink-2");
const LINE = tone("line-2");
const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
const UNITS = {
  minute: { hour: "2-digit", minute: "2-digit" },
  hour: { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" },
  day: { day: "numeric", month: "short" },
};

Chart.defaults.font.family = getComputedStyle(document.body).fontFamily;
Chart.defaults.font.size = 12;
Chart.defaults.color = INK;
Chart.defaults.animation = still ? false : { duration: 300 };
Chart.defaults.maintainAspectRatio = false;
Chart.defaults.locale = locale;

export function start(root) {
  root.querySelectorAll("[data-chart]").forEach((canvas) => {
    if (!canvas.dataset.chartReady) follow(canvas);
  });
}

async function follow(canvas) {
  canvas.dataset.chartReady = "1";
  const { chartJson, chartUrl, chartLive } = canvas.dataset;
  if (chartLive) {
    const box = canvas.closest("[data-live-url]");
    const take = (data) => {
      const figures = dig(data || {}, chartLive);
      if (figures) draw(canvas, figures);
    };
    box?.addEventListener("live:update", (event) => take(event.detail));
    take(box?.liveData);
  }
  if (chartJson) draw(canvas, JSON.parse(chartJson));
  else if (chartUrl) {
    try {
      draw(canvas, await get(chartUrl));
    } catch (error) {
      none(canvas, error.message);
    }
  }
}

function draw(canvas, figures) {
  const kind = canvas.dataset.chart;
  const same = JSON.stringify(figures);
  if (canvas.drawn === same) return;
  canvas.drawn = same;
  const data = { time: timeData, bars: barData, links: linkData }[kind](figures, canvas.parentElement.clientWidth);
  const empty = data.datasets.every((set) => set.data.every((n) => !n));
  none(canvas, empty ? t("no_data") : "");
  if (canvas.chart) {
    canvas.chart.data = data;
    canvas.chart.update(still ? "none" : undefined);
  } else {
    const type = kind === "time" ? "line" : "bar";
    canvas.chart = new Chart(canvas, { type, data, options: options(kind) });
  }
}

function none(canvas, text) {
  const box = canvas.parentElement;
  box.querySelector(".none")?.remove();
  canvas.hidden = Boolean(text);
  if (text) box.append(el("p", { class: "none" }, text));
}

function timeData({ labels, unit = "hour", series }) {
  const write = new Intl.DateTimeFormat(locale, UNITS[unit] || UNITS.hour);
  return {
    labels: labels.map((label) => write.format(new Date(label))),
    datasets: series.map(({ key, label, values }) => ({
      label, data: values, borderColor: tone(key), backgroundColor: `${tone(key)}1f`, fill: true,
      borderWidth: 2, pointRadius: labels.length > 40 ? 0 : 2, pointHitRadius: 10, tension: 0.25, cubicInterpolationMode: "monotone",
    })),
  };
}

function barData({ items }) {
  return {
    labels: items.map((item) => item.label),
    datasets: [{ data: items.map((item) => item.value), backgroundColor: items.map((item) => tone(item.key)), borderRadius: 4, maxBarThickness: 46 }],
  };
}

function linkData({ items }, width) {
  const set = (label, key, colour) => ({
    label, data: items.map((item) => item[key] || 0), backgroundColor: tone(colour), borderRadius: 4, maxBarThickness: 22,
  });
  const sets = [set(t("people"), "people", "clicked")];
  if (items.some((item) => item.machines)) sets.push(set(t("machines"), "machines", "todo"));
  return { labels: items.map((item) => short(item.label, width < 420 ? 20 : 34)), datasets: sets };
}

function short(address, most) {
  const text = address.replace(/^https?:\/\/(www\.)?/i, "");
  return text.length > most ? `${text.slice(0, most - 9)}…${text.slice(-8)}` : text;
}

function options(kind) {
  const lying = kind === "links";
  const count = { beginAtZero: true, grid: { color: LINE }, border: { display: false }, ticks: { precision: 0, maxTicksLimit: 6, callback: (n) => formatNumber(n) } };
  const name = { grid: { display: false }, border: { color: LINE }, ticks: { maxRotation: 0, autoSkip: kind === "time", autoSkipPadding: 14 } };
  return {
    indexAxis: lying ? "y" : "x",
    interaction: { mode: kind === "time" ? "index" : "nearest", intersect: kind !== "time" },
    scales: lying ? { x: { ...count, stacked: true }, y: { ...name, stacked: true } } : { x: name, y: count },
    plugins: {
      legend: { display: kind !== "bars", position: "bottom", align: "start", labels: { boxWidth: 8, boxHeight: 8, usePointStyle: true, pointStyle: "circle" } },
      tooltip: { callbacks: { label: (item) => ` ${item.dataset.label ? `${item.dataset.label}: ` : ""}${formatNumber(item.raw)}` } },
    },
  };
}
