/* Files dropped on a page's field, beside choosing them.

   data-drop   on the label around an <input type="file">: what is dropped there is chosen; the names are said. */

export function start(root) {
  root.querySelectorAll("[data-drop]").forEach((zone) => {
    if (zone.dataset.dropReady) return;
    zone.dataset.dropReady = "1";
    const input = zone.querySelector("input[type=file]");
    const names = document.createElement("span");
    names.className = "soft break";
    names.setAttribute("role", "status");
    zone.append(names);
    const say = () => (names.textContent = [...input.files].map((file) => file.name).join(", "));
    input.addEventListener("change", say);
    zone.addEventListener("dragover", (event) => (event.preventDefault(), zone.classList.add("over")));
    zone.addEventListener("dragleave", () => zone.classList.remove("over"));
    zone.addEventListener("drop", (event) => {
      event.preventDefault();
      zone.classList.remove("over");
      if (!event.dataTransfer.files.length) return;
      input.files = event.dataTransfer.files;
      input.dispatchEvent(new Event("change", { bubbles: true }));
    });
  });
}
