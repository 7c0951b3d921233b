// « Sélection : 2 sur 4 »: Django's « 2 sur 4 sélectionnés » does not agree with what is listed. Loaded after its catalogue.
(() => {
  "use strict";
  const words = window.django?.catalog;
  const key = "%(sel)s of %(cnt)s selected";
  if (words) words[key] = [0, 1, 2].map(() => "Sélection : %(sel)s sur %(cnt)s");
})();
