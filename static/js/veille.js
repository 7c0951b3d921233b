// Some minutes before an idle session ends: a banner, a button that keeps it. Nothing typed is ever lost on screen.
// Activity in another tab counts (localStorage), and a log-in there brings this page's forms their new token: that of
// the same person. Somebody else at the same screen must neither read what is written here nor send it: the page leaves.
(() => {
  "use strict";
  const banner = document.querySelector("[data-veille]");
  if (!banner) return;
  const KEY = "portail-vu";
  const WHO = "portail-qui";
  // The server renews a session once a minute at most: it may end a minute earlier than this page thinks.
  const life = (Number(banner.dataset.duree) - 60) * 1000;
  const notice = Math.min(5 * 60 * 1000, life / 2);
  const words = banner.querySelector("[data-minutes]");
  let seen = Date.now();

  const store = (value, key = KEY) => { try { localStorage.setItem(key, String(value)); } catch { /* private browsing */ } };
  const stored = () => { try { return Number(localStorage.getItem(KEY)) || 0; } catch { return 0; } };
  const somebodyElse = () => {
    try { return ![null, banner.dataset.qui].includes(localStorage.getItem(WHO)); } catch { return false; }
  };
  const leave = () => location.replace(banner.dataset.accueil);

  const show = (state) => {
    for (const part of banner.querySelectorAll(".veille-avant")) part.hidden = state !== "avant";
    for (const part of banner.querySelectorAll(".veille-apres")) part.hidden = state !== "apres";
    banner.hidden = !state;
    banner.dataset.etat = state;
  };

  const renew = async () => {
    try {
      const answer = await fetch(banner.dataset.url, { headers: { Accept: "application/json" }, redirect: "error" });
      if (!answer.ok) throw new Error(String(answer.status));
      const { reste, jeton, qui, famille } = await answer.json();
      if (qui !== banner.dataset.qui) { leave(); return; }
      // Another household chosen in another tab: this form keeps its old token, and is refused.
      if (famille === banner.dataset.famille) {
        for (const field of document.querySelectorAll('input[name="csrfmiddlewaretoken"]')) field.value = jeton;
      }
      // Near the absolute limit, less is left than a whole idle time.
      seen = Date.now() - Math.max(0, Number(banner.dataset.duree) - reste) * 1000;
      store(seen);
      show("");
    } catch {
      show("apres");
    }
  };

  const look = () => {
    if (somebodyElse()) { leave(); return; }
    const elsewhere = stored();
    if (elsewhere > seen) {
      seen = elsewhere;
      if (banner.dataset.etat === "apres") { renew(); return; }
    }
    const left = seen + life - Date.now();
    if (left <= 0) { show("apres"); return; }
    if (left > notice) { show(""); return; }
    const minutes = Math.max(1, Math.round(left / 60000));
    const text = `${minutes}\u00a0minute${minutes > 1 ? "s" : ""}`;
    if (words.textContent !== text) words.textContent = text;
    if (banner.dataset.etat !== "avant") show("avant");
  };

  banner.querySelector("button").addEventListener("click", renew);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) look(); });
  window.addEventListener("focus", look);
  // Back from the browser's memory: the page was somebody's, not the newcomer's.
  window.addEventListener("pageshow", (event) => { if (event.persisted) look(); });
  store(seen);
  store(banner.dataset.qui, WHO);
  show("");
  setInterval(look, 15000);
})();
