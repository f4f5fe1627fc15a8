// The order of benefits: dragged by mouse, finger or pen, or moved with the arrows. Both previews follow while it moves; it is saved when it rests.
document.addEventListener("DOMContentLoaded", () => {
  const form = document.querySelector("form[data-modules-form]");
  const list = form?.querySelector("[data-modules]");
  if (!list || !form.querySelector("[data-grip]")) {
    return;
  }
  const told = form.querySelector("[data-told]");
  const items = () => [...list.children];
  const order = () => items().map((item) => item.dataset.key).join();
  let saved = order();
  let saving = Promise.resolve();

  const say = (text, isBad = false) => {
    told.textContent = text;
    told.classList.toggle("form-error", isBad);
  };

  // A preview holds every benefit that may be shown; only the first ones are, in the order of the modules.
  const show = () => {
    const keys = items().map((item) => item.dataset.key);
    for (const preview of document.querySelectorAll("[data-benefits]")) {
      const shown = [...preview.children].sort((left, right) => keys.indexOf(left.dataset.key) - keys.indexOf(right.dataset.key));
      preview.append(...shown);
      shown.forEach((benefit, place) => {
        benefit.hidden = place >= Number(preview.dataset.benefits);
      });
    }
    items().forEach((item, place) => {
      item.querySelector("[name=up]").disabled = place === 0;
      item.querySelector("[name=down]").disabled = place === list.children.length - 1;
    });
  };

  const save = () => {
    saving = saving.then(async () => {
      const now = order();
      if (now === saved) {
        return;
      }
      say(form.dataset.saving);
      const sent = new FormData(form);
      sent.set("act", "save");
      try {
        const answer = await fetch(form.action, { method: "POST", body: sent, headers: { Accept: "application/json" } });
        const { sentence } = await answer.json();
        if (answer.ok) {
          saved = now;
        }
        say(sentence, !answer.ok);
      } catch {
        say(form.dataset.failed, true);
      }
    });
  };

  const moved = (item) => {
    show();
    const place = items().indexOf(item) + 1;
    say(form.dataset.moved.replace("{title}", item.dataset.title).replace("{place}", place).replace("{all}", list.children.length));
  };

  form.addEventListener("click", (event) => {
    const button = event.target.closest("[name=up], [name=down]");
    if (!button) {
      return;
    }
    event.preventDefault();
    const item = button.closest("[data-key]");
    if (button.name === "up") {
      item.previousElementSibling?.before(item);
    } else {
      item.nextElementSibling?.after(item);
    }
    moved(item);
    (button.disabled ? item.querySelector("[name=up]:enabled, [name=down]:enabled") : button)?.focus();
    save();
  });

  let dragged = null;
  const drag = (event) => {
    const below = items().find((item) => item !== dragged && event.clientY < item.getBoundingClientRect().top + item.offsetHeight / 2);
    const next = items().indexOf(dragged) + 1;
    if ((below ?? null) !== (list.children[next] ?? null)) {
      list.insertBefore(dragged, below ?? null);
      moved(dragged);
    }
  };
  const drop = () => {
    dragged.classList.remove("dragged");
    dragged = null;
    document.removeEventListener("pointermove", drag);
    save();
  };
  list.addEventListener("pointerdown", (event) => {
    const item = event.target.closest("[data-key]");
    // A finger scrolls the page except on the grip; the mouse may take the whole line.
    if (dragged || !item || event.button !== 0 || event.target.closest("button") || (event.pointerType !== "mouse" && !event.target.closest("[data-grip]"))) {
      return;
    }
    event.preventDefault();
    dragged = item;
    item.classList.add("dragged");
    document.addEventListener("pointermove", drag);
    document.addEventListener("pointerup", drop, { once: true });
    document.addEventListener("pointercancel", () => dragged && drop(), { once: true });
  });
  show();
});
