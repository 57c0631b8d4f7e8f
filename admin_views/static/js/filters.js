/* "+ filter" over a list: what, how and which value, from Flask-Admin's filter groups in #filter-groups.
   The form is a plain GET: the present filters are hidden fields in it, the new one gets the next number. */

import { el } from "./core.js";

const TYPES = {
  datepicker: "date", datetimepicker: "datetime-local", timepicker: "time",
  daterangepicker: "date", datetimerangepicker: "datetime-local",
};

export function start(root) {
  const form = root.querySelector("[data-filter-form]");
  const data = document.getElementById("filter-groups");
  if (!form || !data || form.dataset.ready) return;
  form.dataset.ready = "1";
  const groups = JSON.parse(data.textContent);
  const what = form.querySelector("[data-filter-what]");
  const how = form.querySelector("[data-filter-how]");
  const place = form.querySelector("[data-filter-value]");
  const next = [...form.querySelectorAll("input[type=hidden]")].filter((i) => /^flt\d+_/.test(i.name)).length;

  what.append(...Object.keys(groups).map((name) => el("option", { value: name }, name)));
  const drawHow = () => {
    how.replaceChildren(...groups[what.value].map((f, i) => el("option", { value: i }, f.operation)));
    drawValue();
  };
  const drawValue = () => {
    const filter = groups[what.value][Number(how.value)];
    const name = `flt${next}_${filter.arg}`;
    const label = el("label", { for: "flt-value" }, place.dataset.label);
    place.replaceChildren(label, ...control(filter, name));
  };
  what.addEventListener("change", drawHow);
  how.addEventListener("change", drawValue);
  drawHow();
  // native dates write "T" between day and time; the filters read a blank and seconds
  form.addEventListener("formdata", (event) => {
    for (const [key, value] of [...event.formData]) {
      if (/^\d{4}-\d\d-\d\dT\d\d:\d\d$/.test(value)) event.formData.set(key, `${value.replace("T", " ")}:00`);
    }
  });
}

function control(filter, name) {
  if (filter.options) {
    const options = filter.options.map(([value, text]) => el("option", { value }, text));
    return [el("select", { id: "flt-value", name }, ...options)];
  }
  const type = TYPES[filter.type] || "text";
  if (!filter.type?.includes("range")) return [el("input", { id: "flt-value", name, type, required: true, maxlength: 200 })];
  const whole = el("input", { type: "hidden", name });
  const from = el("input", { id: "flt-value", type, required: true });
  const to = el("input", { type, required: true, "aria-label": "…" });
  const join = () => (whole.value = `${from.value.replace("T", " ")} to ${to.value.replace("T", " ")}`);
  [from, to].forEach((field) => field.addEventListener("input", join));
  return [el("div", { class: "in-group" }, from, to), whole];
}
