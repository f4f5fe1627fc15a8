"use strict";
// Screens of imports: the file's way to the server, the bar of a running import, dialogs. Every form works without it, too.
(() => {
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];

  function showError(form, field, text) {
    const place = form.querySelector(`[data-error-for="${field}"]`) || form.querySelector('[data-error-for="__all__"]');
    if (!place) return;
    place.textContent = text;
    place.hidden = false;
  }

  function addLink(form, { url, text }) {
    const link = document.createElement("a");
    link.href = url;
    link.textContent = text;
    link.className = "bo-link";
    form.querySelector('[data-error-for="file"]').append(" ", link);
  }

  function clearErrors(form) {
    for (const place of all("[data-error-for]", form)) place.hidden = true;
  }

  function chosenKind(form) {
    return form.querySelector('input[name="kind"]:checked') || form.querySelector('input[name="kind"]');
  }

  // Only fields that apply to what is imported.
  function fitFields(form) {
    const kind = chosenKind(form);
    if (!kind) return;
    for (const field of all("[data-needs]", form)) {
      const needed = kind.hasAttribute(`data-${field.dataset.needs}`);
      field.hidden = !needed;
      for (const input of all("input, select", field)) input.disabled = !needed;
    }
    for (const about of all("[data-about]", form)) about.hidden = about.dataset.about !== kind.value;
  }

  function setBar(bar, percent) {
    bar.setAttribute("aria-valuenow", percent);
    bar.firstElementChild.style.width = `${percent}%`;
  }

  function size(bytes) {
    return bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
  }

  function send(form) {
    const file = form.querySelector("[data-file]").files[0];
    const box = form.querySelector("[data-upload]");
    const bar = box.querySelector("[role=progressbar]");
    const told = box.querySelector("[data-upload-words]");
    const submit = form.querySelector("[data-submit]");
    const request = new XMLHttpRequest();
    const end = () => {
      box.hidden = true;
      submit.disabled = false;
    };
    clearErrors(form);
    box.hidden = false;
    submit.disabled = true;
    setBar(bar, 0);
    request.open("POST", form.action);
    request.setRequestHeader("X-Requested-With", "XMLHttpRequest");
    request.upload.addEventListener("progress", (event) => {
      if (!event.lengthComputable) return;
      setBar(bar, Math.round((100 * event.loaded) / event.total));
      told.textContent = `${form.dataset.uploading} ${size(event.loaded)} / ${size(event.total)}`;
    });
    request.addEventListener("load", () => {
      let answer = {};
      try {
        answer = JSON.parse(request.responseText);
      } catch {
        answer = {};
      }
      if (answer.next) {
        window.location.assign(answer.next);
        return;
      }
      end();
      const errors = Object.entries(answer.errors || {});
      if (!errors.length) showError(form, "file", form.dataset.lost);
      for (const [field, texts] of errors) showError(form, field, texts.join(" "));
      if (answer.link) addLink(form, answer.link);
      // The same file must be choosable again after it was mended.
      if (file) form.querySelector("[data-file]").value = "";
    });
    request.addEventListener("error", () => {
      end();
      showError(form, "file", form.dataset.lost);
    });
    request.send(new FormData(form));
  }

  // The check begins with the choice of the file, unless something else is still to be typed.
  function fileChosen(form) {
    const input = form.querySelector("[data-file]");
    const file = input.files[0];
    const chosen = form.querySelector("[data-chosen]");
    clearErrors(form);
    chosen.hidden = !file;
    if (!file) return;
    chosen.textContent = `${file.name} (${size(file.size)})`;
    if (file.size > Number(form.dataset.most)) {
      showError(form, "file", form.dataset.tooLarge);
      input.value = "";
      return;
    }
    const total = form.querySelector('[name="control_total"]');
    if (total && !total.disabled && !total.value.trim()) {
      total.focus();
      return;
    }
    send(form);
  }

  function startForm(form) {
    fitFields(form);
    // The theme expects a text box beside every file input and fails without one; this word keeps it away.
    for (const input of all("[data-file]", form)) input.hasChangeListener = true;
    form.addEventListener("change", (event) => {
      if (event.target.name === "kind") fitFields(form);
      if (event.target.matches("[data-file]")) fileChosen(form);
    });
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      send(form);
    });
    for (const zone of all("[data-drop]", form)) {
      zone.addEventListener("dragover", (event) => {
        event.preventDefault();
        zone.classList.add("over");
      });
      zone.addEventListener("dragleave", () => zone.classList.remove("over"));
      zone.addEventListener("drop", (event) => {
        event.preventDefault();
        zone.classList.remove("over");
        if (!event.dataTransfer.files.length) return;
        zone.querySelector("[data-file]").files = event.dataTransfer.files;
        fileChosen(form);
      });
    }
  }

  function followProgress(panel) {
    const bar = panel.querySelector("[role=progressbar]");
    let misses = 0;
    const began = Date.now();
    const put = (name, text) => {
      const place = panel.querySelector(`[data-${name}]`);
      if (place && place.textContent !== text) place.textContent = text;
    };
    const ask = async () => {
      try {
        const response = await fetch(panel.dataset.progressUrl, { headers: { Accept: "application/json" }, credentials: "same-origin" });
        if (!response.ok) throw new Error(String(response.status));
        const state = await response.json();
        misses = 0;
        if (!state.running || state.status !== panel.dataset.status) {
          window.location.reload();
          return;
        }
        setBar(bar, state.percent);
        put("percent", `${state.percent}%`);
        for (const name of ["step", "rows", "rate", "left"]) put(name, state[name]);
      } catch {
        misses += 1;
        if (misses > 2) put("step", panel.dataset.lost);
      }
      window.setTimeout(ask, misses ? 5000 : Date.now() - began < 60000 ? 700 : 2000);
    };
    window.setTimeout(ask, 400);
  }

  function dialogs() {
    document.addEventListener("click", (event) => {
      const opener = event.target.closest("[data-open-dialog]");
      if (opener) document.getElementById(opener.dataset.openDialog).showModal();
      const closer = event.target.closest("[data-close-dialog]");
      if (closer) closer.closest("dialog").close();
    });
  }

  document.addEventListener("DOMContentLoaded", () => {
    all("[data-import-start]").forEach(startForm);
    all("[data-progress-url]").forEach(followProgress);
    dialogs();
  });
})();
