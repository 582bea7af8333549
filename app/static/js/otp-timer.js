// Counts a code's time down; says it aloud at one minute, at ten seconds and at the end.
(function () {
  "use strict";
  document.querySelectorAll("[data-otp-seconds]").forEach(function (line) {
    var end = Date.now() + Number(line.dataset.otpSeconds) * 1000;
    var clock = line.querySelector("[data-otp-clock]");
    var said = line.parentElement.querySelector("[data-otp-said]");
    var words = { 60: "남은 시간 1분", 10: "남은 시간 10초" };
    var timer = setInterval(tick, 1000);
    function tick() {
      var left = Math.max(Math.round((end - Date.now()) / 1000), 0);
      clock.textContent = Math.floor(left / 60) + ":" + String(left % 60).padStart(2, "0");
      if (words[left]) said.textContent = words[left];
      if (left > 0) return;
      clearInterval(timer);
      line.classList.add("is-over");
      said.textContent = line.textContent = "인증 시간이 지났습니다. 재전송을 눌러 주세요.";
    }
    tick();
  });
})();
