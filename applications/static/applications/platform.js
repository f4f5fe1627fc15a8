/* The matrix of a draft: marks cells that are not saved yet, and asks before they are lost. */
(function () {
  "use strict";
  const form = document.querySelector("[data-keeps-cells]");
  if (!form) return;
  const cells = Array.from(form.querySelectorAll("select[data-was]"));
  const note = form.querySelector("[data-touched]");
  let sending = false;
  function touched() {
    return cells.filter((cell) => cell.value !== cell.dataset.was);
  }
  function show() {
    const number = touched().length;
    cells.forEach((cell) => cell.classList.toggle("touched", cell.value !== cell.dataset.was));
    if (note) {
      note.hidden = number === 0;
      note.querySelector("[data-number]").textContent = String(number);
    }
  }
  form.addEventListener("change", show);
  form.addEventListener("submit", () => { sending = true; });
  window.addEventListener("beforeunload", (event) => {
    if (!sending && touched().length) event.preventDefault();
  });
  show();
})();
