// Makes the theme's mouse-only switches reachable by keyboard.
document.addEventListener("DOMContentLoaded", () => {
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
