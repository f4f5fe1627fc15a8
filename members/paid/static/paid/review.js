// Keys of the review pages: each clicks what the page offers anyway. Without this script every act is a link.
const help = () => document.querySelector("[data-paid-help]");
const isTyping = (element) => element.matches?.("textarea, select, input:not([type=radio]):not([type=checkbox])") || element.isContentEditable;
const opened = () => document.querySelector("#modal-content #dialog form");

const press = (act) => {
  if (act.startsWith("#")) {
    const part = document.querySelector(act);
    part?.scrollIntoView({ block: "start" });
    part?.focus({ preventScroll: true });
    return;
  }
  [...document.querySelectorAll(`a[href$="/${act}/"], [data-paid-link="${act}"]`)].find((link) => link.offsetParent !== null)?.click();
};

document.addEventListener("keydown", (event) => {
  if (!help() || event.isComposing) { return; }
  if ((event.ctrlKey || event.metaKey) && event.key === "Enter" && opened()?.offsetParent) {
    event.preventDefault();
    opened().requestSubmit();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target) || opened()?.offsetParent) { return; }
  if (event.key === "?") {
    event.preventDefault();
    if (help().open) { help().close(); } else { help().showModal(); }
    return;
  }
  const line = document.querySelector(`[data-paid-key="${CSS.escape(event.key)}"]`);
  if (line && !help().open) {
    event.preventDefault();
    press(line.dataset.paidAct);
  }
});
document.addEventListener("htmx:afterSettle", () => {
  const first = opened()?.querySelector("textarea, input:not([type=hidden]), select");
  if (first && !opened().contains(document.activeElement)) { setTimeout(() => first.focus(), 50); }
});
