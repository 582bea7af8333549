// Copy a test number; without a clipboard the number itself is selected.
(function () {
  "use strict";
  var said = document.getElementById("copied");
  function select(node) {
    var range = document.createRange();
    range.selectNodeContents(node);
    window.getSelection().removeAllRanges();
    window.getSelection().addRange(range);
  }
  function tell(button) {
    button.classList.add("done");
    said.textContent = button.dataset.copy + " 복사했습니다.";
    window.setTimeout(function () { button.classList.remove("done"); }, 1500);
  }
  document.querySelectorAll("[data-copy]").forEach(function (button) {
    button.hidden = false;
    button.addEventListener("click", function () {
      var number = button.parentElement.querySelector("code");
      if (!navigator.clipboard) { select(number); return; }
      navigator.clipboard.writeText(button.dataset.copy).then(
        function () { tell(button); }, function () { select(number); });
    });
  });
})();
