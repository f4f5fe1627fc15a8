// Fills the card beside the form with sample figures as it is typed. The server checks the text again when it is saved.
(() => {
  const samples = JSON.parse(document.getElementById("text-samples").textContent);
  const card = document.getElementById("text-preview");
  const unknown = document.getElementById("text-unknown");
  const field = (name) => document.getElementById(`id_${name}`);
  const chosen = () => (field("scenario") ? field("scenario").value : card.dataset.chosen);
  const language = () => (field("language") ? field("language").value : card.dataset.language);

  function show() {
    const sample = (samples[chosen()] || {})[language()];
    if (!sample || !field("title")) return;
    const missing = [];
    const fill = (text) =>
      text.replace(/\{\{|\}\}|\{([^{}]*)\}/g, (found, name) => {
        if (found === "{{" || found === "}}") return found[0];
        if (name in sample.values) return sample.values[name];
        missing.push(found);
        return found;
      });
    card.querySelector(".phone-title").textContent = fill(field("title").value);
    card.querySelector(".phone-body").textContent = fill(field("body").value);
    unknown.hidden = missing.length === 0;
    unknown.textContent = missing.length ? `${card.dataset.unknown} ${missing.join(" ")}` : "";
    document.querySelectorAll("[data-placeholders]").forEach((list) => { list.hidden = list.dataset.placeholders !== chosen(); });
  }

  // Another card or language: its standard words, unless something of one's own was typed.
  function change() {
    const standard = Object.values(samples).flatMap((each) => Object.values(each));
    const untouched = (name) => field(name).value === "" || standard.some((each) => each[name] === field(name).value);
    const sample = (samples[chosen()] || {})[language()];
    if (sample) ["title", "body"].forEach((name) => { if (untouched(name)) field(name).value = sample[name]; });
    show();
  }

  ["title", "body"].forEach((name) => field(name) && field(name).addEventListener("input", show));
  ["scenario", "language"].forEach((name) => field(name) && field(name).addEventListener("change", change));
  show();
})();
