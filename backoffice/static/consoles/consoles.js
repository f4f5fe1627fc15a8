// Headings of number columns, and the theme's mouse-only switches made reachable by keyboard.
document.addEventListener("DOMContentLoaded", () => {
  // A heading stands over its figures.
  for (const cell of document.querySelectorAll("#result_list tbody:nth-of-type(1) > tr > *")) {
    if (cell.querySelector(":scope > .bo-number")) {
      document.querySelectorAll("#result_list thead th")[cell.cellIndex]?.classList.add("bo-of-numbers");
    }
  }
  for (const element of document.querySelectorAll("a[x-on\\:click]:not([href]), span.cursor-pointer[x-on\\:click], div.cursor-pointer[x-on\\:click]")) {
    element.tabIndex = 0;
    element.setAttribute("role", "button");
    element.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === " ") {
        event.preventDefault();
        element.click();
      }
    });
  }
});

// Before the theme draws its charts: axis texts that can be read on light and on dark.
window.addEventListener("load", () => {
  if (window.Chart) {
    window.Chart.defaults.color = document.documentElement.classList.contains("dark") ? "#c3cad5" : "#4b5563";
  }
});

// Only fields that apply: data-shown-when="direction=ADD" stands on an input and names the field that decides.
const showFieldsThatApply = (root) => {
  for (const input of root.querySelectorAll("[data-shown-when]")) {
    const [name, value] = input.dataset.shownWhen.split("=");
    const decides = input.form?.elements[name];
    const row = input.closest(".group");
    if (decides && row) {
      row.hidden = decides.value !== value;
    }
  }
};
document.addEventListener("DOMContentLoaded", () => showFieldsThatApply(document));
document.addEventListener("htmx:afterSettle", () => showFieldsThatApply(document));
document.addEventListener("change", (event) => showFieldsThatApply(event.target.form ?? document));

// The dialog of an adjustment says, while the amount is typed, whether a second person is needed. Whole fen: no rounding.
const inFen = (text) => {
  const found = /^(\d{0,12})(?:\.(\d{0,2}))?$/.exec(text.replace(/[,，¥￥\s]/g, ""));
  return found ? Number(found[1] || 0) * 100 + Number((found[2] ?? "").padEnd(2, "0")) : null;
};
document.addEventListener("input", (event) => {
  if (!event.target.matches?.("[data-adjusts]")) {
    return;
  }
  const told = event.target.form.querySelector("[data-adjust-alone]");
  const amounts = [...event.target.form.querySelectorAll("[data-adjusts]")].map((input) => inFen(input.value));
  const sum = amounts.includes(null) ? 0 : amounts.reduce((left, right) => left + right, 0);
  const alone = sum <= inFen(told.dataset.adjustAlone);
  told.querySelector("[data-adjust-second]").hidden = !sum || alone;
  told.querySelector("[data-adjust-at-once]").hidden = !sum || !alone;
});
