// The planning made quicker: arrows, menu of a day, ranges, series. Every page works without this file.
(() => {
  "use strict";
  const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
  const NBSP = "\u00a0";

  // An aria-label reads « [Enfant, ]Prestation, jour : état ».
  const read = (box) => {
    const label = box.getAttribute("aria-label") || "";
    const at = label.search(/\s:\s/);
    const head = at < 0 ? label : label.slice(0, at);
    const cut = head.lastIndexOf(", ");
    return { what: head.slice(0, cut), day: head.slice(cut + 2), state: at < 0 ? "" : label.slice(at + 3) };
  };
  const galetOf = (box) => box.parentElement.querySelector(".g");
  const has = (box, codes) => codes.some((code) => galetOf(box)?.classList.contains("g-" + code));
  const bookable = (box) => has(box, ["libre", "dernieres", "complet_attente", "refusee", "absent_excuse"]);
  const free = (box) => has(box, ["libre", "dernieres"]);
  const cancellable = (box) => has(box, ["reservee", "demandee", "en_attente"]);
  const dayOf = (box) => box.value.split(":")[1];
  const groupsOf = (box) => (box.closest("[data-groupes]")?.dataset.groupes || "").split(" ").filter(Boolean);

  // --- The basket: what is ticked on this page and on others, kept by the tab until it is sent (portail.js forgets it) --
  // { qui, cases: { "inscription:jour": { v, quoi, jour } }, envoi: [v] }: `v` is what the box posts, with the version shown
  // then; `envoi` is what the last recap was asked for. Somebody else's, or another household's, is not even read.
  const KEY = "portail-panier";
  const banner = document.querySelector("[data-veille]");
  const qui = banner ? `${banner.dataset.qui} ${banner.dataset.famille}` : "";
  const keyOf = (value) => value.slice(0, value.lastIndexOf(":"));
  const stored = () => {
    try {
      const kept = JSON.parse(sessionStorage.getItem(KEY));
      if (kept?.qui === qui) return kept;
      return { qui, cases: {}, envoi: [] };
    } catch { return null; } // private browsing: this page alone
  };
  const store = (basket) => { try { sessionStorage.setItem(KEY, JSON.stringify(basket)); } catch { /* idem */ } };
  const monthOf = (day) => new Date(day).toLocaleDateString("fr-FR", { month: "long", timeZone: "UTC" });

  // « 5 jours choisis, dont 3 en mars »; several boxes a day: « 8 cases cochées sur 4 jours ».
  const counted = (all, elsewhere) => {
    const days = new Set(all.map(({ v }) => v.split(":")[1])).size;
    const n = all.length;
    const words = n === 1 ? "1 jour choisi" : n === days ? `${n} jours choisis` : `${n} cases cochées sur ${days} jour${days > 1 ? "s" : ""}`;
    const places = new Map();
    for (const { where } of elsewhere) places.set(where, (places.get(where) || 0) + 1);
    if (places.size === 1 && elsewhere.length === n) return `${words}, ${elsewhere[0].where}`;
    const parts = [...places].map(([where, m]) => `${m} ${where}`);
    if (parts.length > 2) return `${words}, dont ${elsewhere.length} hors de cette page`;
    return parts.length ? `${words}, dont ${parts.join(" et ")}` : words;
  };

  // A day ticked earlier may have filled up since, or closed: of what this page shows without a box, nothing is kept.
  const drop = (form, basket, here) => {
    const [from, to] = form.dataset.periode.split(" ");
    const rows = form.dataset.inscriptions?.split(" "); // of one child; without it, everybody's are here
    const gone = Object.keys(basket.cases).filter((key) => {
      const [row, day] = key.split(":");
      return !here.has(key) && day >= from && day <= to && (!rows || rows.includes(row));
    });
    if (!gone.length) return "";
    const { quoi, jour } = basket.cases[gone[0]];
    const days = [...new Set(gone.map((key) => basket.cases[key].jour))].join(", ");
    for (const key of gone) delete basket.cases[key];
    store(basket);
    return gone.length === 1 ? `${quoi}, ${jour} n’est plus possible${NBSP}: il n’est plus coché.`
      : `${gone.length} cases ne sont plus possibles (${days})${NBSP}: elles ne sont plus cochées.`;
  };

  for (const form of $$("form[data-planning]")) {
    const boxes = $$('.grille input[type="checkbox"], .semaine input[type="checkbox"]', form).filter((box) => !box.disabled);
    const bar = form.querySelector("[data-barre]");
    const grid = form.querySelector(".grille");
    if (grid) arrows(grid, $$("td > input, td > a", grid));
    let basket = stored() || { qui, cases: {}, envoi: [] };
    const here = new Set(boxes.map((box) => keyOf(box.value)));
    const lost = drop(form, basket, here);
    if (!bar) {
      if (lost) form.prepend(Object.assign(document.createElement("p"), { className: "consigne", textContent: lost }));
      continue;
    }
    const count = bar.querySelector("[data-compte]");
    const list = bar.querySelector("[data-choix]");
    const clear = bar.querySelector("[data-tout-decocher]");
    const days = new Set(boxes.map(dayOf));
    const child = form.dataset.enfant ? `${form.dataset.enfant}, ` : "";
    let alone = null; // a day of the menu, sent without the rest of the choice

    // A bar that hides is not read out when it comes back: what it says is said from beside it.
    const status = document.createElement("p");
    status.className = "visually-hidden";
    status.setAttribute("role", "status");
    bar.before(status);

    // One choice a day in an exclusive group, child by child.
    const alternatives = (box) => {
      const groups = groupsOf(box);
      return groups.length && bookable(box)
        ? boxes.filter((other) => other !== box && bookable(other) && dayOf(other) === dayOf(box)
          && groupsOf(other).some((group) => groups.includes(group)))
        : [];
    };
    const rivals = (box) => alternatives(box).filter((other) => other.checked);
    const tickAll = (chosen) => { for (const box of chosen) if (!box.checked && !rivals(box).length) box.checked = true; };

    const whereIs = (day) => {
      if (grid) return [...days].some((other) => other.slice(0, 7) === day.slice(0, 7)) ? "hors de cette page" : `en ${monthOf(day)}`;
      return days.has(day) ? "hors de cette page" : "d’autres semaines";
    };
    const keep = () => {
      for (const box of boxes) {
        if (!box.checked) { delete basket.cases[keyOf(box.value)]; continue; }
        const { what, day } = read(box);
        basket.cases[keyOf(box.value)] = { v: box.value, quoi: what.startsWith(child) ? what : child + what, jour: day };
      }
      store(basket);
    };
    const outside = () => Object.keys(basket.cases).filter((key) => !here.has(key)).sort((a, b) => (a.split(":")[1] < b.split(":")[1] ? -1 : 1))
      .map((key) => ({ ...basket.cases[key], where: whereIs(key.split(":")[1]) }));

    const recount = (remark = "") => {
      keep();
      const elsewhere = outside();
      const chosen = boxes.filter((box) => box.checked);
      const all = [...chosen.map((box) => ({ v: box.value })), ...elsewhere];
      bar.hidden = !all.length && !remark;
      if (all.length) count.textContent = counted(all, elsewhere);
      clear.textContent = elsewhere.length ? "Tout effacer" : "Tout décocher";
      const groups = new Map();
      const add = (what, day) => groups.set(what, [...(groups.get(what) || []), day]);
      for (const box of chosen) add(read(box).what, read(box).day);
      for (const { quoi, jour, where } of elsewhere) add(`${quoi.startsWith(child) ? quoi.slice(child.length) : quoi}, ${where}`, jour);
      const lines = [...groups].slice(0, 2).map(([what, ds]) => `${what}${NBSP}: ${ds.length > 5 ? `${ds.length} jours` : ds.join(", ")}`);
      list.textContent = remark || lines.join(" ; ") + (groups.size > 2 ? "…" : "");
      list.toggleAttribute("data-remarque", Boolean(remark));
      const said = bar.hidden ? "" : `${all.length ? `${count.textContent}. ` : ""}${remark}`;
      if (status.textContent !== said) status.textContent = said;
    };

    // The basket says what is ticked: never what a browser brings back (« Précédent », a page loaded again), which may be
    // sent already. On a page asked for anew, what is ticked comes from the address, or from a finger faster than this.
    const restore = (anew = false, lost = "") => {
      basket = stored() || basket;
      let changed = 0;
      for (const box of boxes) {
        const kept = basket.cases[keyOf(box.value)];
        if (kept && kept.v !== box.value) changed += 1;
        box.checked = kept?.v === box.value || (anew && box.checked);
      }
      const several = changed > 1;
      const unlike = changed ? `${changed} jour${several ? "s ont" : " a"} changé depuis${NBSP}: ${several ? "ils ne sont" : "il n’est"} plus coché${several ? "s" : ""}.` : "";
      recount([lost, unlike].filter(Boolean).join(" "));
    };
    form.addEventListener("change", (event) => {
      const box = event.target;
      let remark = "";
      if (box.name === "c" && box.checked) {
        for (const rival of rivals(box)) {
          rival.checked = false;
          remark = `Un seul choix par jour${NBSP}: « ${read(rival).what} » est décoché.`;
        }
      }
      recount(remark);
    });
    // What is on other pages goes with the rest; the page itself is left as it was, for whoever comes back to it.
    form.addEventListener("submit", () => {
      const others = alone ? [] : outside();
      const added = others.map(({ v }) => Object.assign(document.createElement("input"), { type: "hidden", name: "c", value: v }));
      form.append(...added);
      const silent = alone ? boxes.filter((box) => box !== alone) : [];
      for (const box of silent) box.disabled = true;
      basket.envoi = alone ? [alone.value] : Object.values(basket.cases).map(({ v }) => v);
      store(basket);
      alone = null;
      setTimeout(() => {
        for (const input of added) input.remove();
        for (const box of silent) box.disabled = false;
      });
    });
    clear.addEventListener("click", (event) => {
      event.preventDefault(); // a reset would bring back boxes the server had ticked
      for (const box of boxes) box.checked = false;
      basket.cases = {};
      recount();
      if (!event.detail) boxes[0]?.focus(); // by keyboard: the button just hid with its bar
    });
    for (const button of $$("[data-tout-cocher]")) {
      button.hidden = !boxes.some(free);
      button.addEventListener("click", () => {
        // Between two services of which one excludes the other, the parent chooses.
        const undecided = boxes.filter((box) => free(box) && !box.checked && !rivals(box).length && alternatives(box).some(free));
        tickAll(boxes.filter((box) => free(box) && !undecided.includes(box)));
        const names = [...new Set(undecided.map((box) => `«${NBSP}${read(box).what.split(", ").at(-1)}${NBSP}»`))];
        recount(names.length ? `À vous de choisir, un seul par jour${NBSP}: ${names.join(" ou ")}.` : "");
      });
    }
    // The boxes of the address are read once: « Précédent » must not find them again when they are sent.
    const address = new URL(location.href);
    if (address.searchParams.has("c")) {
      address.searchParams.delete("c");
      history.replaceState(null, "", address);
    }
    restore(performance.getEntriesByType("navigation")[0]?.type === "navigate", lost);
    // Sent since, in the page behind; or boxes brought back after this script ran.
    window.addEventListener("pageshow", (event) => {
      if (event.persisted || boxes.some((box) => box.checked !== keyOf(box.value) in basket.cases)) restore();
    });

    if (!grid) continue;
    ranges(grid, places(boxes), rivals, recount);
    menu(form, grid, boxes, tickAll, recount, (box) => {
      for (const rival of rivals(box)) rival.checked = false;
      box.checked = true;
      alone = box;
    });
  }

  // Where each box stands: rows of the table, columns that ignore the colspans of « closed » rows.
  function places(boxes) {
    const column = (box) => {
      let index = 0;
      for (let cell = box.parentElement.previousElementSibling; cell; cell = cell.previousElementSibling) index += cell.colSpan;
      return index;
    };
    return new Map(boxes.map((box) => [box, { row: box.closest("tr").rowIndex, col: column(box) }]));
  }

  // Shift + click (or Shift + Space) ticks or unticks from the last box touched to this one.
  function ranges(grid, place, rivals, recount) {
    let last = null;
    const extend = (box, on) => {
      const [a, b] = [place.get(last), place.get(box)];
      const between = (n, x, y) => n >= Math.min(x, y) && n <= Math.max(x, y);
      for (const [other, at] of place) {
        if (between(at.row, a.row, b.row) && between(at.col, a.col, b.col) && bookable(other) === bookable(box)) {
          if (!on || !rivals(other).length) other.checked = on;
        }
      }
      recount();
    };
    grid.addEventListener("click", (event) => {
      const box = event.target;
      if (!place.has(box)) return;
      if (event.shiftKey && last) extend(box, box.checked);
      last = box;
    });
    grid.addEventListener("keydown", (event) => {
      const box = event.target;
      if (event.key !== " " || !event.shiftKey || !last || !place.has(box)) return;
      event.preventDefault();
      extend(box, !box.checked);
      last = box;
    });
  }

  // One Tab stop for the grid; arrows walk from box to box, Home and End to the ends of the row (of the grid with
  // Ctrl), Page Up and Page Down by a week.
  function arrows(grid, boxes) {
    if (!boxes.length) return;
    const place = places(boxes);
    const stop = (box) => {
      for (const other of boxes) other.tabIndex = other === box ? 0 : -1;
    };
    stop(boxes.find((box) => box.type) || boxes[0]);
    grid.addEventListener("focusin", (event) => { if (place.has(event.target)) stop(event.target); });
    const along = (sign, least) => (a, b) => {
      const d = sign * (b.col - a.col);
      return a.row === b.row && d > 0 ? Math.abs(d - least) + 1 : 0;
    };
    // To the next row that has a box, even if not that day (a row of Wednesdays would never be left otherwise); coming
    // back, to the day one left: the column aimed at lasts as long as one only goes up and down.
    let aim = null;
    let landed = null;
    const across = (sign) => (a, b) => {
      const d = sign * (b.row - a.row);
      return d > 0 ? d * 100 + Math.abs(b.col - aim) : 0;
    };
    const dist = {
      ArrowRight: along(1, 1), ArrowLeft: along(-1, 1), ArrowDown: across(1), ArrowUp: across(-1),
      PageDown: along(1, 7), PageUp: along(-1, 7), End: along(1, 99), Home: along(-1, 99),
    };
    grid.addEventListener("keydown", (event) => {
      const from = place.get(event.target);
      const measure = dist[event.key];
      if (!from || !measure || event.altKey || event.metaKey) return;
      event.preventDefault();
      if (event.ctrlKey) {
        if (event.key === "Home" || event.key === "End") boxes.at(event.key === "Home" ? 0 : -1).focus();
        return;
      }
      if (landed !== event.target) aim = from.col;
      let best = null;
      for (const [box, to] of place) {
        const d = measure(from, to);
        if (d > 0 && (!best || d < best.d)) best = { d, box };
      }
      if (!best) return;
      const { box } = best;
      landed = /^Arrow(Up|Down)$/.test(event.key) ? box : null;
      if (event.shiftKey && event.key.startsWith("Arrow") && box.checked !== event.target.checked) box.click();
      box.focus();
    });
  }

  // « Modifiable jusqu’à … » of a box: the table holds each rule once, the row says which is its own.
  function deadline(grid, box) {
    const { reserver, annuler } = box.closest("tr").dataset;
    const rules = (grid.dataset[`limites${bookable(box) ? reserver : annuler}`] || "").split("|");
    const day = String(Number(dayOf(box).slice(8)));
    const until = rules.find((rule) => rule.startsWith(day + "="))?.slice(day.length + 1);
    if (!until) return "";
    const late = until.startsWith("!");
    if (bookable(box)) return late ? `Hors délai depuis ${until.slice(1)}` : `Modifiable jusqu’à ${until}`;
    return late ? `Délai d’absence passé depuis ${until.slice(1)}` : `Modifiable jusqu’à ${until}`;
  }

  function menu(form, grid, boxes, tickAll, recount, only) {
    const panel = form.querySelector("[data-menu-case]");
    if (!panel) return;
    document.body.append(panel); // out of every scroller and stacking context
    if (!form.id) form.id = "planning";
    const item = Object.fromEntries($$("[data-faire]", panel).map((button) => [button.dataset.faire, button]));
    for (const button of $$('button[type="submit"]', panel)) button.setAttribute("form", form.id);
    const words = (button) => button.querySelector("span");
    const capital = (text) => text && text[0].toUpperCase() + text.slice(1);
    let current = null;

    const close = (giveBack) => {
      if (panel.hidden) return;
      panel.hidden = true;
      if (giveBack) current?.focus();
      current = null;
    };
    const sameWeekday = (box) => {
      const at = new Date(dayOf(box)).getDay();
      return boxes.filter((other) => other.closest("tr") === box.closest("tr") && new Date(dayOf(other)).getDay() === at
        && (bookable(box) ? free(other) || other === box : bookable(other) === bookable(box)));
    };
    const open = (box) => {
      current = box;
      const { what, day, state } = read(box);
      const until = deadline(grid, box);
      panel.querySelector("[data-titre]").textContent = `${what}, ${day}`;
      panel.querySelector("[data-etat]").textContent = `${capital(state)}.${until ? ` ${until}.` : ""}`;
      const can = { reservation: bookable(box), absence: cancellable(box) };
      const pending = has(box, ["demandee", "en_attente"]);
      words(item.reservation).textContent = !can.reservation ? `Demande de réservation${NBSP}: déjà faite`
        : has(box, ["complet_attente"]) ? "Demande de réservation (liste d’attente)" : "Demande de réservation";
      words(item.absence).textContent = !can.absence ? `Déclarer une absence${NBSP}: rien de réservé`
        : pending ? "Retirer ma demande" : "Déclarer une absence";
      for (const key of ["reservation", "absence"]) item[key].setAttribute("aria-disabled", String(!can[key]));
      const series = sameWeekday(box);
      // Always there: a line that comes and goes looks like a fault.
      item.serie.setAttribute("aria-disabled", String(series.length < 2));
      words(item.serie).textContent = `Cocher tous les ${day.split(/\s/)[0]}s ${bookable(box) ? "libres" : "réservés"}${series.length < 2 ? `${NBSP}: c’est le seul` : ""}`;
      const [enrolment, date] = box.value.split(":");
      item.detail.href = panel.dataset.detail.replace("/0/", `/${enrolment}/`).replace("2000-01-01", date);
      panel.hidden = false;
      const cell = box.parentElement.getBoundingClientRect();
      const size = panel.getBoundingClientRect();
      const width = document.documentElement.clientWidth;
      const middle = cell.left + cell.width / 2;
      const left = Math.max(8, Math.min(middle - size.width / 2, width - size.width - 8));
      const below = cell.bottom + 12 + size.height < window.innerHeight || cell.top < size.height + 20;
      panel.style.left = `${left + window.scrollX}px`;
      panel.style.top = `${(below ? cell.bottom + 10 : cell.top - size.height - 10) + window.scrollY}px`;
      panel.style.setProperty("--pointe", `${Math.max(16, Math.min(middle - left, size.width - 16))}px`);
      panel.classList.toggle("menu-dessus", !below);
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
      if (!button || button === item.detail) return;
      if (button.getAttribute("aria-disabled") === "true") { event.preventDefault(); return; }
      const box = current;
      if (button === item.serie) {
        tickAll(sameWeekday(box));
        recount();
      } else if (button !== item.fermer) {
        // On a ticked day the action is for the whole choice; on another, for that day alone.
        if (!box.checked) only(box);
        recount();
        return; // the button submits the form
      }
      close(true);
    });
    panel.addEventListener("keydown", (event) => {
      if (event.key === "Escape") { close(true); return; }
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (!step && event.key !== "Home" && event.key !== "End") return;
      event.preventDefault();
      const buttons = $$("li:not([hidden]) :is(button, a)", panel);
      const at = step ? (buttons.indexOf(document.activeElement) + step + buttons.length) % buttons.length : event.key === "Home" ? 0 : -1;
      buttons.at(at).focus();
    });
    panel.addEventListener("focusout", (event) => { if (event.relatedTarget && !panel.contains(event.relatedTarget)) close(false); });
    document.addEventListener("pointerdown", (event) => { if (!panel.contains(event.target)) close(false); });
    window.addEventListener("resize", () => close(false));
  }
})();
