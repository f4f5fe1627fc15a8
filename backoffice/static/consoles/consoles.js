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
