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

  // --- The choice planning.js keeps: without what was sent, and never for the next person at this screen -----------
  const BASKET = "portail-panier";
  const forget = () => { try { sessionStorage.removeItem(BASKET); } catch { /* private browsing */ } };
  if (document.body.classList.contains("page-connexion")) forget();
  document.addEventListener("submit", (event) => {
    // (`form.action` is a field of that name, where there is one.)
    if (event.target.getAttribute("action") === "/deconnexion/") forget();
  });
  if (document.querySelector("[data-panier-envoye]")) {
    try {
      const kept = JSON.parse(sessionStorage.getItem(BASKET));
      for (const value of kept?.envoi || []) delete kept.cases[value.slice(0, value.lastIndexOf(":"))];
      if (kept) sessionStorage.setItem(BASKET, JSON.stringify({ ...kept, envoi: [] }));
    } catch { forget(); }
  }

  // --- Printing (recovery codes) ---------------------------------------
  for (const button of $$("[data-imprimer]")) {
    button.hidden = false;
    button.addEventListener("click", () => window.print());
  }

  // Paper cannot unfold: what is folded is opened while it prints.
  let unfolded = [];
  window.addEventListener("beforeprint", () => {
    unfolded = $$("main details:not([open])");
    for (const fold of unfolded) fold.open = true;
  });
  window.addEventListener("afterprint", () => {
    for (const fold of unfolded) fold.open = false;
    unfolded = [];
  });

  // --- Error summaries and menus ---------------------------------------
  document.addEventListener("keydown", (event) => {
    const opened = event.key === "Escape" && document.querySelector("details.menu[open]");
    if (!opened) return;
    opened.open = false;
    opened.querySelector("summary").focus();
  });
})();
