// A case: the keys of its checklist and of the queue; on the form of a hold, a reason ticks what it names.
(function () {
  "use strict";
  var NEXT = { none: "ok", ok: "no", no: "none" };

  // 확인 전 -> 맞음 -> 다름 -> 확인 전
  function point(number) {
    return function () {
      var row = document.querySelectorAll("[data-points] .kv-tick")[number - 1];
      if (!row) return;
      var now = row.querySelector("input:checked");
      var then = row.querySelector('input[value="' + NEXT[now ? now.value : "none"] + '"]');
      then.checked = true;
      then.dispatchEvent(new Event("change", { bubbles: true }));
      then.focus();
    };
  }

  document.addEventListener("change", function (event) {
    var reason = event.target.closest("[data-marks]");
    if (!reason || !reason.checked) return;
    reason.dataset.marks.split(" ").forEach(function (mark) {
      var box = document.querySelector('input[name="marks"][value="' + mark + '"]');
      if (box) box.checked = true;
    });
  }, true);

  if (!window.kvShortcuts) return;
  var keys = [{ key: "g q", label: "심사 목록으로", run: function () { location.assign("/console/screening/"); } }];
  for (var number = 1; number <= 9 && document.querySelector("[data-points]"); number += 1) {
    keys.push({ key: String(number), label: "보는 서류의 확인 항목 " + number + ": 맞음 → 다름 → 확인 전", run: point(number) });
  }
  window.kvShortcuts.register(keys);
})();
