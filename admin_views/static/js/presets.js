/* Choosing a mail provider fills in its server and limits, and shows what it asks for first.

   data-presets="ID"       on the form; ID is a JSON block {code: {host, port, security, limits, needs}}
   data-preset-needs       holds the list of what the provider asks for */

import { el } from "./core.js";

const form = document.querySelector("[data-presets]");
const presets = JSON.parse(document.getElementById(form.dataset.presets).textContent);
const select = form.elements.namedItem("provider");
const needs = form.querySelector("[data-preset-needs]");

function tell() {
  const words = presets[select.value]?.needs || [];
  needs.querySelector("ul").replaceChildren(...words.map((text) => el("li", {}, text)));
  needs.hidden = !words.length;
}

function fillLimits(limits) {
  form.querySelectorAll("#limits [data-repeat-item]").forEach((row) => row.remove());
  for (const values of limits) {
    form.querySelector("[data-repeat-add]").click();
    const row = form.querySelector("#limits [data-repeat-item]:last-child");
    row.querySelectorAll("input, select").forEach((field, index) => { field.value = values[index]; });
  }
}

function fill() {
  const preset = presets[select.value];
  for (const name of ["host", "port", "security"]) form.elements.namedItem(name).value = preset[name];
  fillLimits(preset.limits);
  select.focus();
  tell();
}

select.addEventListener("change", fill);
tell();
