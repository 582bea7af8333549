// The queue: how many are ticked, and the keys that walk along the rows. The row with the focus is the row that is meant,
// so that Enter opens it as it opens any link.
(function () {
  "use strict";
  var form = document.getElementById("queue-form");
  var search = document.getElementById("find-q");
  var rows = function () { return Array.from(document.querySelectorAll("[data-queue-row]")); };

  function current() {
    var row = document.activeElement && document.activeElement.closest("[data-queue-row]");
    return row ? rows().indexOf(row) : -1;
  }
  function link(row) { return row.querySelector("[data-queue-open]"); }
  function go(step) {
    var list = rows();
    if (!list.length) return;
    var place = current();
    var next = place < 0 ? 0 : Math.min(Math.max(place + step, 0), list.length - 1);
    link(list[next]).focus();
  }

  if (form) {
    var count = form.querySelector("[data-queue-count]");
    var everything = form.querySelector("[name=everything]");
    var tell = function () {
      if (!count) return;
      var ticked = form.querySelectorAll("[data-row-check]:checked").length;
      count.hidden = !ticked || Boolean(everything && everything.checked);
      count.textContent = ticked + "건 선택";
    };
    form.addEventListener("change", tell);
    // A page taken out of the browser's memory comes back with its ticks.
    window.addEventListener("pageshow", tell);
  }

  if (!window.kvShortcuts) return;
  window.kvShortcuts.register([
    { key: "j", label: "다음 건으로", run: function () { go(1); } },
    { key: "k", label: "이전 건으로", run: function () { go(-1); } },
    { key: "o", label: "건 열기", run: function () { var row = rows()[current()]; if (row) link(row).click(); } },
    { key: "x", label: "건 선택 또는 해제", run: function () {
      var row = rows()[current()];
      var box = row && row.querySelector("[data-row-check]");
      if (box) box.click();
    } },
    { key: "/", label: "검색어 입력", run: function () { if (search) { search.focus(); search.select(); } } }
  ]);
})();
