// A form with data-confirm asks in a dialog before it is sent; what was asked goes along as `confirmed` and `reason`.
(function () {
  "use strict";
  var dialog = document.querySelector("[data-confirm-dialog]");
  if (!dialog || !dialog.showModal) return;
  var title = dialog.querySelector("[data-confirm-title]");
  var text = dialog.querySelector("[data-confirm-text]");
  var ok = dialog.querySelector("[data-confirm-ok]");
  var reasonField = dialog.querySelector("[data-confirm-reason-field]");
  var reason = reasonField.querySelector("textarea");
  var reasonError = dialog.querySelector("[data-confirm-reason-error]");
  var pending = null;

  function hidden(form, name, value) {
    var input = form.querySelector('input[type="hidden"][name="' + name + '"]');
    if (!input) {
      input = document.createElement("input");
      input.type = "hidden";
      input.name = name;
      form.appendChild(input);
    }
    input.value = value;
  }

  function showReasonError(shown) {
    reasonError.hidden = !shown;
    reason.toggleAttribute("aria-invalid", shown);
    if (shown) reason.focus();
  }

  document.addEventListener("submit", function (event) {
    var form = event.target;
    var button = event.submitter;
    // A single button may ask for itself: data-confirm on the button wins over the form's.
    var source = button && button.dataset.confirm ? button : form;
    if (!source.dataset.confirm || form.dataset.confirmed) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    pending = { form: form, button: button };
    title.textContent = source.dataset.confirm;
    text.textContent = source.dataset.confirmConsequence || "";
    ok.textContent = source.dataset.confirmLabel || "확인";
    reasonField.hidden = source.dataset.confirmReason === undefined;
    reason.value = "";
    showReasonError(false);
    dialog.showModal();
    (reasonField.hidden ? ok : reason).focus();
  }, true);

  ok.addEventListener("click", function () {
    if (!reasonField.hidden && !reason.value.trim()) return showReasonError(true);
    hidden(pending.form, "confirmed", "1");
    if (!reasonField.hidden) hidden(pending.form, "reason", reason.value.trim());
    pending.form.dataset.confirmed = "1";
    dialog.close();
    pending.form.requestSubmit(pending.button || undefined);
  });
  dialog.querySelector("[data-confirm-cancel]").addEventListener("click", function () { dialog.close(); });
  dialog.addEventListener("close", function () {
    if (pending && !pending.form.dataset.confirmed && pending.button) pending.button.focus();
  });
  // Coming back with the browser's back button: the form asks again.
  window.addEventListener("pageshow", function () {
    document.querySelectorAll("form[data-confirmed]").forEach(function (form) { delete form.dataset.confirmed; });
  });
})();
