// 전체 동의: ticks all, and follows when one is taken back.
(function () {
  "use strict";
  document.querySelectorAll("[data-agree-all]").forEach(function (group) {
    var frame = group.querySelector("[data-agree-master]");
    var all = frame.querySelector("input");
    var items = Array.from(group.querySelectorAll('[data-agree="item"]'));
    function follow() {
      var ticked = items.filter(function (item) { return item.checked; }).length;
      all.checked = ticked === items.length;
      all.indeterminate = ticked > 0 && ticked < items.length;
    }
    frame.hidden = false;
    all.addEventListener("change", function () { items.forEach(function (item) { item.checked = all.checked; }); });
    items.forEach(function (item) { item.addEventListener("change", follow); });
    follow();
  });
})();
