// The reviewer's keyboard, and the page that keeps what is judged while it is judged. Without this script every act is a button.
const root = () => document.querySelector("[data-rv-queue], [data-rv-case]");
const isTyping = (element) => element.matches?.("textarea, select, input:not([type=radio]):not([type=checkbox])") || element.isContentEditable;
const press = (key) => {
  const button = [...document.querySelectorAll(`[data-rv-key="${CSS.escape(key)}"]`)].find((one) => one.offsetParent !== null);
  button?.click();
  return Boolean(button);
};
const toggleHelp = () => {
  const help = document.querySelector("[data-rv-help]");
  if (help?.open) { help.close(); } else { help?.showModal(); }
};

// --- rows and items: j and k

let chosen = null;
const stops = () => [...document.querySelectorAll("[data-rv-row], [data-rv-item], [data-rv-ruling], [data-rv-outcome]")];
const choose = (stop, { focus = true } = {}) => {
  if (!stop) { return; }
  chosen?.classList.remove("chosen");
  chosen = stop;
  chosen.classList.add("chosen");
  if (focus) { (stop.matches("[data-rv-row]") ? stop.querySelector("a") : stop).focus({ preventScroll: true }); }
  stop.scrollIntoView({ block: "nearest" });
};
const step = (by) => {
  const all = stops();
  const at = all.indexOf(chosen);
  choose(all[at < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(all.length - 1, Math.max(0, at + by))]);
};

// --- going to an item by its code: g, then m3

let going = null;
const go = (key) => {
  going += key.toLowerCase();
  const fitting = stops().filter((stop) => stop.dataset.rvJump?.startsWith(going));
  const exact = fitting.filter((stop) => stop.dataset.rvJump === going);
  if (exact.length && fitting.every((stop) => stop.dataset.rvJump === going)) {
    going = null;
    choose(exact[0]);
  } else if (!fitting.length) {
    going = null;
  }
};

// --- answers

const pick = (input) => {
  if (input && !input.checked) {
    input.checked = true;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  }
};
const showWhy = (item) => {
  const isN2 = item.querySelector("[data-rv-part]") !== null;
  const answers = isN2 ? [...item.querySelectorAll("[data-rv-part]")].map((part) => part.querySelector("input:checked")?.value) : [];
  const answer = isN2 ? (answers.includes(undefined) ? "" : answers.every((one) => one === "yes") ? "FAIL" : "PASS") : item.querySelector(".rv-answers input:checked")?.value ?? "";
  const why = item.querySelector("[data-rv-why]");
  item.classList.toggle("failed", answer === "FAIL");
  item.classList.toggle("passed", answer === "PASS");
  why.hidden = answer !== "FAIL";
  const fix = why.querySelector("[data-rv-usual]");
  if (answer === "FAIL" && !fix.value) { fix.value = fix.dataset.rvUsual; }
  return answer;
};
const writeReason = (item) => {
  if (item.querySelector("[data-rv-why]").hidden) { return; }
  // To the middle, where no bar that sticks to an edge lies over it; at once, so that nothing moves under what is typed.
  const fact = item.querySelector("[data-rv-why] textarea");
  fact.focus({ preventScroll: true });
  fact.scrollIntoView({ block: "center", behavior: "instant" });
};
const answer = (key) => {
  if (!chosen) { return; }
  if (chosen.matches("[data-rv-item]")) {
    const part = chosen.querySelector(`[data-rv-part="${Number(key) - 1}"]`);
    if (part) {
      pick(part.querySelector(part.querySelector("input:checked")?.value === "yes" ? "[value=no]" : "[value=yes]"));
      if (chosen.classList.contains("failed")) { writeReason(chosen); }
    } else if (key === "3") {
      writeReason(chosen);
    } else {
      pick(chosen.querySelector(`[value=${key === "1" ? "PASS" : "FAIL"}]`));
      if (key === "2") { writeReason(chosen); }
    }
    return;
  }
  pick(chosen.querySelectorAll(".rv-answers input")[Number(key) - 1]);
};
const passTheRest = () => {
  for (const item of document.querySelectorAll("[data-rv-item]")) {
    for (const part of item.querySelectorAll("[data-rv-part]")) {
      if (!part.querySelector("input:checked")) { pick(part.querySelector("[value=no]")); }
    }
    if (!item.querySelector("[data-rv-part]") && !item.querySelector(".rv-answers input:checked")) { pick(item.querySelector("[value=PASS]")); }
  }
};

// --- keeping what is judged, and what would follow from it

const form = () => document.querySelector("[data-rv-work]");
let changed = 0;
let kept = 0;
let timer = null;
let queue = Promise.resolve();
let alive = true;
let moved = true;

const send = async (act, given) => {
  const data = given ?? new FormData(form());
  data.set("act", act);
  const answered = await fetch(root().dataset.rvUrl, { method: "POST", body: data, headers: { "X-Requested-With": "review" }, credentials: "same-origin" });
  return { status: answered.status, body: answered.headers.get("Content-Type")?.includes("json") ? await answered.json() : {} };
};
const told = (text) => {
  const place = document.querySelector("[data-rv-saved]");
  if (place) { place.textContent = text; }
};
const lose = (sentence) => {
  // Somebody else has it, it was decided, or the time ran out. What is typed stays where it is.
  alive = false;
  const place = document.querySelector("[data-rv-lost]");
  place.hidden = false;
  place.querySelector("[data-rv-sentence]").textContent = sentence;
  const again = document.querySelector("[data-rv-again]");
  again.hidden = false;
  again.classList.remove("sr-only");
  document.querySelector("[data-rv-confirm-dialog]").close();
  place.scrollIntoView({ block: "center" });
};
const apply = (body) => {
  const outlook = document.querySelector("[data-rv-outlook]");
  const opened = [...outlook.querySelectorAll("details")].map((one) => one.open);
  outlook.outerHTML = body.outlook;
  [...document.querySelectorAll("[data-rv-outlook] details")].forEach((one, at) => { if (opened[at] !== undefined && at === 0) { one.open = opened[at]; } });
  document.querySelector("[data-rv-confirm-text]").innerHTML = body.confirm;
  const confirms = document.querySelector("[data-rv-decide]");
  if (confirms) { confirms.disabled = !body.is_ready; }
  for (const ruling of document.querySelectorAll("[data-rv-ruling]:not([data-rv-chosen])")) {
    for (const input of ruling.querySelectorAll(".rv-answers input")) { input.checked = input.value === body.rulings[ruling.dataset.rvRuling]; }
  }
  for (const item of document.querySelectorAll("[data-rv-item]")) {
    const error = item.querySelector("[data-rv-error]");
    error.textContent = body.errors[item.dataset.rvItem] ?? "";
    error.hidden = !error.textContent;
    if (!error.hidden) { item.querySelector(".rv-missed input")?.closest("label").classList.add("asked"); }
  }
};
const untouchedRulings = (data) => {
  // Rulings that nobody chose follow from the checklist: the server says which.
  for (const ruling of document.querySelectorAll("[data-rv-ruling]:not([data-rv-chosen])")) { data.delete(`ruling:${ruling.dataset.rvRuling}`); }
  return data;
};
const keep = (act = "save") => {
  clearTimeout(timer);
  const at = changed;
  queue = queue.then(async () => {
    if (!alive) { return null; }
    try {
      const { status, body } = await send(act, untouchedRulings(new FormData(form())));
      if (status === 409) { lose(body.sentence); return null; }
      if (status !== 200) { told(body.sentence ?? root().dataset.rvOffline); return null; }
      if (act === "save") {
        kept = at;
        told(root().dataset.rvSavedText);
      }
      if (at === changed || act === "look") { apply(body); }
      return body;
    } catch {
      told(root().dataset.rvOffline);
      timer = setTimeout(() => keep(), 5000);
      return null;
    }
  });
  return queue;
};
const later = (milliseconds) => {
  changed += 1;
  moved = true;
  clearTimeout(timer);
  timer = setTimeout(() => keep(), milliseconds);
};
let leaving = false;
const isHalfWritten = () => {
  // A fact without a fix is no reason yet, and the word that goes out with the decision is kept nowhere else.
  const message = document.getElementById("rv-message");
  const facts = [...document.querySelectorAll("[data-rv-item].failed")].map((item) => [...item.querySelectorAll("[data-rv-why] textarea")].map((one) => one.value.trim()));
  return message.value !== message.defaultValue || facts.some(([fact, fix]) => fact && !fix);
};
const beat = async () => {
  // A sign of life, only when there was one.
  if (!alive || !moved || document.hidden) { return; }
  moved = false;
  const data = new FormData();
  for (const name of ["csrfmiddlewaretoken", "token"]) { data.set(name, form().elements[name].value); }
  try {
    const { status, body } = await send("renew", data);
    if (status === 409) { lose(body.sentence); }
  } catch {
    moved = true;
  }
};

// --- deciding: look first, then confirm; Enter alone never does

const dialog = () => document.querySelector("[data-rv-confirm-dialog]");
const decide = async () => {
  if (!alive || !root().hasAttribute("data-rv-mine")) { return; }
  if (dialog().open) {
    if (document.querySelector("[data-rv-decide]").disabled) { return; }
    for (const ruling of document.querySelectorAll("[data-rv-ruling]")) { ruling.setAttribute("data-rv-chosen", ""); }
    form().requestSubmit(document.querySelector("[data-rv-decide]"));
    return;
  }
  const body = await keep();
  if (!body || !alive) { return; }
  const [refused] = Object.keys(body.errors);
  if (refused) {
    choose(document.querySelector(`[data-rv-item="${CSS.escape(refused)}"]`));
    return;
  }
  dialog().showModal();
  dialog().focus();
};

const keys = {
  j: () => step(1),
  k: () => step(-1),
  g: () => { going = ""; },
  p: passTheRest,
  "?": toggleHelp,
  1: () => answer("1"),
  2: () => answer("2"),
  3: () => answer("3"),
  d: () => {
    const diff = document.querySelector("[data-rv-diff]");
    if (!diff) { return; }
    const hide = diff.hidden === false && document.activeElement === diff;
    diff.hidden = hide;
    document.querySelector("[data-rv-diff-button]")?.setAttribute("aria-expanded", String(!hide));
    if (!hide) {
      diff.focus({ preventScroll: true });
      diff.scrollIntoView({ block: "start" });
    }
  },
  c: () => {
    const own = chosen?.querySelector?.('[data-rv-key="c"]');
    if (own) { own.click(); } else if (!document.querySelector("[data-rv-queue]")) { press("c"); }
  },
  n: () => press("n"),
  u: () => press("u"),
};

document.addEventListener("keydown", (event) => {
  if (!root() || event.isComposing) { return; }
  if ((event.ctrlKey || event.metaKey) && event.key === "Enter" && form()) {
    event.preventDefault();
    decide();
    return;
  }
  if (event.key === "Enter" && form()?.contains(event.target) && !event.target.matches("textarea, summary, a, button:not([data-rv-decide])")) {
    event.preventDefault();
    return;
  }
  if (event.key === "Escape" && isTyping(event.target)) {
    event.target.blur();
    choose(event.target.closest("[data-rv-item], [data-rv-outcome]") ?? chosen);
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target) || dialog()?.open) { return; }
  if (document.querySelector("[data-rv-help]")?.open) {
    if (event.key === "?") { event.preventDefault(); toggleHelp(); }
    return;
  }
  if (going !== null) {
    event.preventDefault();
    go(event.key);
    return;
  }
  const act = keys[event.key];
  if (act) {
    event.preventDefault();
    moved = true;
    act();
  }
});

document.addEventListener("DOMContentLoaded", () => {
  const page = root();
  if (!page) { return; }
  for (const button of page.querySelectorAll('button[data-rv-key="?"]')) { button.addEventListener("click", toggleHelp); }
  page.querySelector("[data-rv-diff-button]")?.addEventListener("click", keys.d);
  document.addEventListener("focusin", (event) => {
    const stop = event.target.closest?.("[data-rv-row], [data-rv-item], [data-rv-ruling], [data-rv-outcome]");
    if (stop && stop !== chosen) { choose(stop, { focus: false }); }
  });
  for (const words of page.querySelectorAll("[data-rv-words-form]")) {
    words.addEventListener("submit", async (event) => {
      event.preventDefault();
      const error = words.querySelector("[data-rv-form-error]");
      const { body } = await send(event.submitter.value, new FormData(words));
      error.textContent = body.sentence ?? "";
      error.hidden = !body.sentence;
      if (body.words) {
        document.querySelector("[data-rv-words]").outerHTML = body.words;
        words.querySelector("textarea").value = "";
      }
    });
  }
  if (!form()) { return; }
  for (const name of ["pointermove", "scroll", "keydown"]) { document.addEventListener(name, () => { moved = true; }, { passive: true }); }
  form().addEventListener("change", (event) => {
    const item = event.target.closest("[data-rv-item]");
    if (item && event.target.type === "radio") { showWhy(item); }
    if (event.isTrusted || event.target.closest("[data-rv-ruling]")) { event.target.closest("[data-rv-ruling]")?.setAttribute("data-rv-chosen", ""); }
    later(event.target.matches("textarea") ? 300 : 150);
  });
  form().addEventListener("input", (event) => { if (event.target.matches("textarea")) { later(1200); } });
  form().addEventListener("submit", (event) => {
    if (event.submitter?.matches("[data-rv-decide]") && !dialog().open) { event.preventDefault(); return; }
    leaving = true;
  });
  page.querySelector("[data-rv-confirm]")?.addEventListener("click", decide);
  page.querySelector("[data-rv-back]")?.addEventListener("click", () => dialog().close());
  page.querySelector("[data-rv-decide]")?.addEventListener("click", (event) => {
    if (event.isTrusted) {
      event.preventDefault();
      decide();
    }
  });
  window.addEventListener("beforeunload", (event) => {
    if (!leaving && (changed !== kept || isHalfWritten())) { event.preventDefault(); }
  });
  // What an act answered with stands at the act's address: loading it again has to show the page.
  if (location.pathname.endsWith("/review/")) { history.replaceState(null, "", location.pathname.replace(/review\/$/, "change/")); }
  if (page.hasAttribute("data-rv-mine")) {
    keep("look");
    setInterval(beat, 60000);
    choose(document.querySelector("[data-rv-item]"));
  } else {
    alive = false;
  }
});
