// Counts the idle time down, warns before the end, extends on request. Tabs of one session share the end by
// localStorage, so that work in one keeps the others alive.
(function () {
  "use strict";
  var bar = document.querySelector("[data-session-remaining]");
  if (!bar) return;
  var dialog = document.querySelector("[data-session-dialog]");
  var clock = bar.querySelector("[data-session-clock]");
  var left = dialog.querySelector("[data-session-left]");
  var warning = Number(bar.dataset.sessionWarning);
  var key = "kv-session-end";
  var end;

  function setEnd(seconds) {
    end = Date.now() + seconds * 1000;
    try { localStorage.setItem(key, String(end)); } catch (error) { /* private mode: this tab counts alone */ }
  }

  function leave() {
    location.assign(bar.dataset.sessionLogin + "?next=" + encodeURIComponent(location.pathname + location.search));
  }

  function extend() {
    fetch(bar.dataset.sessionUrl, {
      method: "POST", credentials: "same-origin",
      headers: { "X-CSRFToken": bar.dataset.sessionToken, "Accept": "application/json" }
    }).then(function (answer) {
      if (!answer.ok) return leave();
      return answer.json().then(function (body) {
        setEnd(body.remaining);
        if (dialog.open) dialog.close();
        show();
      });
    }).catch(show);
  }

  function show() {
    var seconds = Math.max(Math.round((end - Date.now()) / 1000), 0);
    var minutes = Math.floor(seconds / 60);
    clock.textContent = String(minutes).padStart(2, "0") + ":" + String(seconds % 60).padStart(2, "0");
    bar.classList.toggle("is-near", seconds <= warning);
    left.textContent = minutes ? minutes + "분 " + (seconds % 60) + "초" : seconds + "초";
    if (seconds === 0) return location.assign(location.pathname + location.search);  // the server ends the session and says why
    if (seconds <= warning && !dialog.open && dialog.showModal) dialog.showModal();
    if (seconds > warning && dialog.open) dialog.close();
  }

  setEnd(Number(bar.dataset.sessionRemaining));
  document.querySelectorAll("[data-session-extend]").forEach(function (button) {
    button.hidden = false;
    button.addEventListener("click", extend);
  });
  dialog.querySelector("[data-session-leave]").addEventListener("click", function () {
    var form = document.querySelector('form[data-logout]');
    if (form) form.requestSubmit(); else leave();
  });
  window.addEventListener("storage", function (event) {
    if (event.key === key && Number(event.newValue) > end) { end = Number(event.newValue); show(); }
  });
  show();
  setInterval(show, 1000);
})();
