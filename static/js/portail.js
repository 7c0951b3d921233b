// Niceties only: every page works without this file. No inline style in markup; positions are set through the CSSOM, which the CSP allows.
(() => {
  "use strict";
  const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];

  // --- Passwords -------------------------------------------------------
  for (const button of $$("[data-voir-mot-de-passe]")) {
    const field = document.getElementById(button.dataset.voirMotDePasse);
    const words = button.querySelector("span") || button;
    if (!field) continue;
    button.hidden = false;
    button.setAttribute("aria-pressed", "false");
    button.addEventListener("click", () => {
      const shown = field.type === "text";
      field.type = shown ? "password" : "text";
      words.textContent = shown ? "Voir" : "Cacher";
      button.setAttribute("aria-pressed", String(!shown));
    });
    // A browser must not remember a password typed in clear.
    field.form?.addEventListener("submit", () => { field.type = "password"; });
  }

  const RULES = {
    longueur: (text, list) => [...text].length >= (Number(list.dataset.longueur) || 8),
    majuscule: (text) => /\p{Lu}/u.test(text),
    minuscule: (text) => /\p{Ll}/u.test(text),
    chiffre: (text) => /\p{Nd}/u.test(text),
  };
  for (const list of $$("[data-regles]")) {
    const field = document.getElementById(list.dataset.regles) || list.closest("form")?.querySelector('input[type="password"]');
    if (!field) continue;
    const items = $$("[data-regle]", list);
    for (const item of items) {
      const state = document.createElement("span");
      state.className = "visually-hidden";
      item.append(state);
    }
    const tick = () => {
      for (const item of items) {
        const kept = RULES[item.dataset.regle]?.(field.value, list) ?? false;
        item.classList.toggle("regle-ok", kept);
        item.lastElementChild.textContent = kept ? " (respecté)" : "";
      }
    };
    field.addEventListener("input", tick);
    tick();
  }

  // --- What must be corrected: `autofocus` does it alone where a browser gives it to any element ----------------
  document.querySelector("[data-resume-erreurs]")?.focus();

  // --- Printing (recovery codes) ---------------------------------------
  for (const button of $$("[data-imprimer]")) {
    button.hidden = false;
    button.addEventListener("click", () => window.print());
  }

  // --- Planning --------------------------------------------------------
  // An aria-label reads « [Enfant, ]Prestation, jour : état ».
  const read = (box) => {
    const [head, state = ""] = (box.getAttribute("aria-label") || "").split(/\s:\s/);
    const cut = head.lastIndexOf(", ");
    return { what: head.slice(0, cut), day: head.slice(cut + 2), state };
  };
  const galetOf = (box) => box.parentElement.querySelector(".g");
  const has = (box, codes) => codes.some((code) => galetOf(box)?.classList.contains("g-" + code));
  const bookable = (box) => has(box, ["libre", "dernieres", "complet_attente", "refusee", "absent_excuse"]);
  const free = (box) => has(box, ["libre", "dernieres"]);
  const cancellable = (box) => has(box, ["reservee", "demandee", "en_attente"]);

  for (const form of $$("form[data-planning]")) {
    const boxes = $$('.grille input[type="checkbox"], .semaine input[type="checkbox"]', form).filter((box) => !box.disabled);
    const count = form.querySelector("[data-compte]");
    const list = form.querySelector("[data-choix]");
    const idle = count?.textContent;

    const recount = () => {
      const chosen = boxes.filter((box) => box.checked);
      const n = chosen.length;
      if (count) count.textContent = n === 0 ? idle : n === 1 ? "1 jour choisi" : `${n} jours choisis`;
      if (!list) return;
      const groups = new Map();
      for (const box of chosen) {
        const { what, day } = read(box);
        groups.set(what, [...(groups.get(what) || []), day]);
      }
      const lines = [...groups].slice(0, 2).map(([what, days]) => `${what}\u00a0: ${days.length > 5 ? `${days.length} jours` : days.join(", ")}`);
      list.textContent = lines.join(" ; ") + (groups.size > 2 ? "…" : "");
    };
    form.addEventListener("change", recount);
    form.addEventListener("reset", () => setTimeout(recount));
    window.addEventListener("pageshow", recount);
    form.querySelector("[data-tout-decocher]")?.addEventListener("click", (event) => {
      event.preventDefault(); // a reset would bring back boxes the server had ticked
      for (const box of boxes) box.checked = false;
      recount();
    });
    for (const button of $$("[data-tout-cocher]")) {
      button.hidden = !boxes.some((box) => has(box, ["libre"]));
      button.addEventListener("click", () => {
        for (const box of boxes) if (has(box, ["libre"])) box.checked = true;
        recount();
      });
    }
    recount();

    const grid = form.querySelector(".grille");
    if (grid) { arrows(grid, boxes); menu(form, grid, boxes, recount); }
  }

  // Arrows walk from box to box, by column and by row; Tab keeps its usual order.
  function arrows(grid, boxes) {
    const column = (box) => { // index that ignores colspans of « closed » rows
      let index = 0;
      for (let cell = box.parentElement.previousElementSibling; cell; cell = cell.previousElementSibling) index += cell.colSpan;
      return index;
    };
    const place = new Map(boxes.map((box) => [box, { row: box.closest("tr").rowIndex, col: column(box) }]));
    const dist = {
      ArrowRight: (a, b) => (a.row === b.row && b.col > a.col ? b.col - a.col : 0),
      ArrowLeft: (a, b) => (a.row === b.row && b.col < a.col ? a.col - b.col : 0),
      ArrowDown: (a, b) => (b.row > a.row ? (b.row - a.row) * 100 + Math.abs(b.col - a.col) : 0),
      ArrowUp: (a, b) => (b.row < a.row ? (a.row - b.row) * 100 + Math.abs(b.col - a.col) : 0),
    };
    grid.addEventListener("keydown", (event) => {
      const from = place.get(event.target);
      const measure = dist[event.key];
      if (!from || !measure || event.altKey || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      let best = null;
      for (const [box, to] of place) {
        const d = measure(from, to);
        if (d > 0 && (!best || d < best.d)) best = { d, box };
      }
      best?.box.focus();
    });
  }

  function menu(form, grid, boxes, recount) {
    const panel = form.querySelector("[data-menu-case]");
    if (!panel) return;
    document.body.append(panel); // out of every scroller and stacking context
    if (!form.id) form.id = "planning";
    const item = Object.fromEntries($$("[data-faire]", panel).map((button) => [button.dataset.faire, button]));
    for (const button of $$('button[type="submit"]', panel)) button.setAttribute("form", form.id);
    const words = (button) => button.querySelector("span");
    let current = null;

    const close = (giveBack) => {
      if (panel.hidden) return;
      panel.hidden = true;
      if (giveBack) current?.focus();
      current = null;
    };
    const sameWeekday = (box) => {
      const at = box.parentElement.cellIndex;
      return boxes.filter((other) => other.closest("tr") === box.closest("tr") && (other.parentElement.cellIndex - at) % 7 === 0
        && bookable(other) === bookable(box));
    };
    const open = (box) => {
      current = box;
      const { what, day, state } = read(box);
      panel.querySelector("[data-titre]").textContent = `${what}, ${day}`;
      panel.querySelector("[data-etat]").textContent = state ? state[0].toUpperCase() + state.slice(1) : "";
      const can = { reservation: bookable(box), absence: cancellable(box) };
      words(item.reservation).textContent = can.reservation ? "Demande de réservation" : "Demande de réservation\u00a0: déjà faite";
      words(item.absence).textContent = can.absence ? "Déclarer une absence" : "Déclarer une absence\u00a0: rien de réservé";
      for (const key of ["reservation", "absence"]) item[key].setAttribute("aria-disabled", String(!can[key]));
      const weekday = day.split(/\s/)[0];
      const series = sameWeekday(box);
      item.serie.parentElement.hidden = series.length < 2;
      words(item.serie).textContent = `Cocher tous les ${weekday}s`;
      panel.hidden = false;
      const cell = box.parentElement.getBoundingClientRect();
      const size = panel.getBoundingClientRect();
      const width = document.documentElement.clientWidth;
      const left = Math.min(Math.max(8, cell.left + cell.width / 2 - size.width / 2), width - size.width - 8);
      const below = cell.bottom + 8 + size.height < window.innerHeight || cell.top < size.height + 16;
      panel.style.left = `${left + window.scrollX}px`;
      panel.style.top = `${(below ? cell.bottom + 8 : cell.top - size.height - 8) + window.scrollY}px`;
      (can.reservation ? item.reservation : can.absence ? item.absence : item.fermer).focus();
    };

    grid.addEventListener("contextmenu", (event) => {
      const box = event.target.closest("td")?.querySelector("input");
      if (!box || box.disabled) return;
      event.preventDefault();
      open(box);
    });
    grid.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.target.type !== "checkbox") return;
      event.preventDefault();
      open(event.target);
    });
    panel.addEventListener("click", (event) => {
      const button = event.target.closest("[data-faire]");
      if (!button) return;
      if (button.getAttribute("aria-disabled") === "true") { event.preventDefault(); return; }
      const box = current;
      if (button === item.serie) {
        for (const other of sameWeekday(box)) other.checked = true;
        recount();
      } else if (button !== item.fermer) {
        // On a ticked day the action is for the whole choice; on another, for that day alone.
        if (!box.checked) for (const other of boxes) other.checked = other === box;
        recount();
        return; // the button submits the form
      }
      close(true);
    });
    panel.addEventListener("keydown", (event) => {
      if (event.key === "Escape") { close(true); return; }
      if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
      event.preventDefault();
      const buttons = $$("li:not([hidden]) button", panel);
      const step = event.key === "ArrowDown" ? 1 : -1;
      buttons[(buttons.indexOf(document.activeElement) + step + buttons.length) % buttons.length].focus();
    });
    panel.addEventListener("focusout", (event) => { if (event.relatedTarget && !panel.contains(event.relatedTarget)) close(false); });
    document.addEventListener("pointerdown", (event) => { if (!panel.contains(event.target)) close(false); });
  }

  // --- Error summaries and menus ---------------------------------------
  document.addEventListener("keydown", (event) => {
    const opened = event.key === "Escape" && document.querySelector("details.menu[open]");
    if (!opened) return;
    opened.open = false;
    opened.querySelector("summary").focus();
  });
})();
