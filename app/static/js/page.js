// What any page may want: print, the folding menus on narrow screens, select all rows.
(function () {
  "use strict";
  document.querySelectorAll("[data-print]").forEach(function (button) {
    button.hidden = false;
    button.addEventListener("click", function () { window.print(); });
  });
  if (window.matchMedia("(max-width: 1023px)").matches) {
    document.querySelectorAll(".kv-side__fold[open]").forEach(function (fold) { fold.open = false; });
  }
  document.querySelectorAll("[data-check-all]").forEach(function (all) {
    var rows = function () { return document.querySelectorAll("[data-row-check]"); };
    all.addEventListener("change", function () { rows().forEach(function (row) { row.checked = all.checked; }); });
  });
})();
