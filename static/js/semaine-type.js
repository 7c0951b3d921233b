// The ends to choose from follow the first day: the server says them again. Without this file they are computed when the form is sent.
(() => {
  "use strict";
  const form = document.querySelector("[data-semaine-type]");
  const start = form?.querySelector("#id_du");
  if (!start) return;
  start.addEventListener("change", async () => {
    if (!start.value) return;
    const values = new URLSearchParams(new FormData(form));
    values.delete("csrfmiddlewaretoken");
    try {
      const answer = await fetch(`${form.getAttribute("action")}?${values}`, { headers: { Accept: "text/html" } });
      if (!answer.ok || answer.redirected) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = page.getElementById("st-periode");
      if (fresh) form.querySelector("#st-periode").replaceWith(fresh);
    } catch { /* offline: the sentences stay as they were */ }
  });
  // The date typed for the end chooses its own radio, also once the list was replaced.
  form.addEventListener("input", (event) => {
    const own = event.target.matches("[data-au]") && form.querySelector('[name="periode"][value="dates"]');
    if (own) own.checked = true;
  });
})();
