// Rows of an admin table of forms on a telephone: each cell says its column (admin.css makes cards of them), and the
// link that adds a row speaks French. Without this file the table slides in its frame.
(() => {
  "use strict";
  for (const table of document.querySelectorAll(".tabular table")) {
    const heads = [...table.tHead.rows[0].cells].map((cell) => cell.firstChild?.textContent.trim() || "");
    for (const row of table.tBodies[0].rows) {
      if (row.cells.length !== heads.length) continue; // the errors of a row, the link that adds one
      for (const [n, cell] of [...row.cells].entries()) if (heads[n]) cell.dataset.l = heads[n];
    }
    table.closest(".tabular").classList.add("tabular-fiches");
  }
  // Read by Django's inlines.js once the page is there.
  for (const group of document.querySelectorAll("[data-inline-formset]")) {
    const words = JSON.parse(group.dataset.inlineFormset);
    words.options.addText = group.dataset.inlineType === "tabular" ? "Ajouter une ligne" : `Ajouter\u00a0: ${group.querySelector("h3 b")?.textContent.replace(":", "").trim().toLowerCase() || "une fiche"}`;
    group.dataset.inlineFormset = JSON.stringify(words);
  }
})();
