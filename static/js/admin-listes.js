// « Sélection : 2 sur 4 »: Django's « 2 sur 4 sélectionnés » does not agree with what is listed.
(() => {
  "use strict";
  const before = window.ngettext;
  // Its own object of translations is gone by now (jquery.init.js): only the function can be told.
  if (before) window.ngettext = (one, many, count) => one === "%(sel)s of %(cnt)s selected" ? "Sélection : %(sel)s sur %(cnt)s" : before(one, many, count);
})();
