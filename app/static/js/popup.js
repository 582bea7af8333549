// A dialog that the page came with opens above it: focus goes in and stays in. It holds the page's only task,
// so Escape does not close it; without JavaScript it stands open on the page.
(function () {
  "use strict";
  var popup = document.querySelector("[data-popup]");
  if (!popup || !popup.showModal) return;
  popup.close();
  popup.showModal();
  popup.addEventListener("cancel", function (event) { event.preventDefault(); });
  // A browser closes it at the second Escape, whatever the page says: it opens again.
  popup.addEventListener("close", function () { if (!popup.open) popup.showModal(); });
  var first = popup.querySelector("[data-error-summary], .kv-error-summary, input:not([type=hidden])");
  if (first) first.focus();
})();
