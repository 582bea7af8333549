// What any page may want: print, the folding menus and the open tab on narrow screens, select all rows.
(function () {
  "use strict";
  document.querySelectorAll("[data-print]").forEach(function (button) {
    button.hidden = false;
    button.addEventListener("click", function () { window.print(); });
  });
  if (window.matchMedia("(max-width: 1023px)").matches) {
    document.querySelectorAll(".kv-side__fold[open]").forEach(function (fold) { fold.open = false; });
  }
  // A row of tabs that is wider than the screen starts where the open one is seen.
  document.querySelectorAll(".kv-tabs a.active").forEach(function (tab) {
    var row = tab.closest(".kv-tabs");
    row.scrollLeft += tab.getBoundingClientRect().right - row.getBoundingClientRect().right + 12;
  });
  // A press that counts once: a second click, while the first is on its way, does nothing.
  document.querySelectorAll("[data-once]").forEach(function (button) {
    button.form.addEventListener("submit", function (event) {
      if (button.getAttribute("aria-disabled") === "true") { event.preventDefault(); return; }
      button.setAttribute("aria-disabled", "true");
    });
    window.addEventListener("pageshow", function () { button.removeAttribute("aria-disabled"); });
  });
  document.querySelectorAll("[data-check-all]").forEach(function (all) {
    var rows = function () { return document.querySelectorAll("[data-row-check]"); };
    all.addEventListener("change", function () { rows().forEach(function (row) { row.checked = all.checked; }); });
  });
})();
