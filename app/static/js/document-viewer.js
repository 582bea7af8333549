// Zooms and turns the document beside a case, by buttons and by keys. Steps are classes: the pages allow no inline style.
(function () {
  "use strict";
  var STEPS = [50, 75, 100, 125, 150, 200, 300];
  var TURNS = [0, 90, 180, 270];

  function classOf(sheet, prefix, values, otherwise) {
    return values.find(function (value) { return sheet.classList.contains(prefix + value); }) || otherwise;
  }

  function move(viewer, how) {
    var sheet = viewer.querySelector("[data-sheet]");
    var zoom = classOf(sheet, "kv-zoom-", STEPS, 100);
    var turn = classOf(sheet, "kv-turn-", TURNS, 0);
    var place = STEPS.indexOf(zoom) + (how === "in" ? 1 : how === "out" ? -1 : 0);
    sheet.classList.remove("kv-zoom-" + zoom, "kv-turn-" + turn);
    zoom = how === "fit" ? 100 : STEPS[Math.min(Math.max(place, 0), STEPS.length - 1)];
    turn = how === "fit" ? 0 : how === "turn" ? (turn + 90) % 360 : turn;
    sheet.classList.add("kv-zoom-" + zoom, "kv-turn-" + turn);
    viewer.querySelector("[data-view-said]").textContent = zoom + "%" + (turn ? ", " + turn + "도 회전" : "");
  }

  function all(how) {
    return function () { document.querySelectorAll("[data-viewer]").forEach(function (viewer) { move(viewer, how); }); };
  }

  function other(step) {
    return function () {
      var tabs = Array.from(document.querySelectorAll("[data-document]"));
      var open = tabs.findIndex(function (tab) { return tab.hasAttribute("aria-current"); });
      var tab = tabs[open + step];
      if (tab) tab.click();
    };
  }

  function show() {
    document.querySelectorAll("[data-viewer-tools]").forEach(function (tools) { tools.hidden = false; });
  }

  document.addEventListener("click", function (event) {
    var button = event.target.closest("[data-view]");
    if (button) move(button.closest("[data-viewer]"), button.dataset.view);
  });
  document.addEventListener("htmx:afterSettle", show);
  show();
  if (!window.kvShortcuts || !document.querySelector("[data-viewer]")) return;
  window.kvShortcuts.register([
    { key: "[", label: "이전 서류", run: other(-1) },
    { key: "]", label: "다음 서류", run: other(1) },
    { key: "+", label: "서류 확대", run: all("in") },
    { key: "-", label: "서류 축소", run: all("out") },
    { key: "0", label: "서류 맞춤", run: all("fit") },
    { key: "r", label: "서류 회전", run: all("turn") }
  ]);
})();
