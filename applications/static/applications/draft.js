// Unsaved text of a draft: said beside the buttons, and the browser asks before it is lost.
document.addEventListener("DOMContentLoaded", () => {
  const form = document.querySelector("form[data-warn-unsaved]");
  if (!form) {
    return;
  }
  const note = form.querySelector("[data-unsaved]");
  let changed = Boolean(document.querySelector(".form-error"));
  note.hidden = !changed;
  form.addEventListener("input", () => {
    changed = true;
    note.hidden = false;
  });
  form.addEventListener("submit", () => {
    changed = false;
  });
  window.addEventListener("beforeunload", (event) => {
    if (changed) {
      event.preventDefault();
    }
  });
});
