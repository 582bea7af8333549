// Tick boxes of a list that can be compared: says how many are chosen, and lets no fourth be ticked.
(function () {
  "use strict";
  var bar = document.querySelector("[data-compare-bar]");
  if (!bar) return;
  var most = Number(bar.dataset.compareBar);
  var text = bar.querySelector("[data-compare-text]");
  var boxes = Array.prototype.slice.call(document.querySelectorAll("[data-compare]"));

  function update() {
    var ticked = boxes.filter(function (box) { return box.checked; }).length;
    boxes.forEach(function (box) { box.disabled = ticked >= most && !box.checked; });
    text.textContent = ticked + "개 선택" + (ticked >= most ? " (최대 " + most + "개)" : " / 최대 " + most + "개");
  }

  boxes.forEach(function (box) { box.addEventListener("change", update); });
  if (boxes.some(function (box) { return box.checked; })) update();
})();
