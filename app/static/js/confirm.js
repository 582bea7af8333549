// A form with data-confirm asks in a dialog before it is sent; what was asked goes along as `confirmed` and `reason`.
// What is plainly missing is said first: nobody is asked about a form that would be refused.
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

  // The group of a choice is one field.
  function fieldOf(control) { return control.closest(".kv-choices, .kv-field") || control.parentElement; }

  // Spaces alone do not count, as on the server; what the reader does not see is the server's to judge.
  function isWrong(control) {
    if (!control.willValidate || !fieldOf(control).getClientRects().length) return false;
    return !control.validity.valid || (control.required && !control.value.trim());
  }

  function reasonOf(control) {
    if (!control.validity.valid && !control.validity.valueMissing) return control.validationMessage;
    var chosen = control.matches("select, [type=radio], [type=checkbox], [type=file]");
    return chosen ? "필수 항목입니다. 선택해 주세요." : "필수 항목입니다. 입력해 주세요.";
  }

  function mark(control) {
    var field = fieldOf(control);
    var told = field.matches("fieldset") ? field : control;
    var error = field.querySelector(".kv-error");
    if (!error) {
      error = document.createElement("p");
      error.className = "kv-error";
      error.id = control.name + "-missing";
      field.appendChild(error);
      told.setAttribute("aria-describedby", ((told.getAttribute("aria-describedby") || "") + " " + error.id).trim());
    }
    error.textContent = reasonOf(control);
    field.classList.add("is-error");
    if (told === control) control.setAttribute("aria-invalid", "true");
  }

  function unmark(event) {
    var field = fieldOf(event.target);
    var error = field.querySelector('.kv-error[id$="-missing"]');
    if (!error || isWrong(event.target)) return;
    error.remove();
    field.classList.remove("is-error");
    event.target.removeAttribute("aria-invalid");
  }

  // True where something is lacking: said at each field, with the focus in the first.
  function lacks(form, button) {
    var wrong = button && button.formNoValidate ? [] : Array.from(form.elements).filter(isWrong);
    wrong.forEach(mark);
    if (wrong.length) wrong[0].focus();
    form.addEventListener("input", unmark);
    return wrong.length > 0;
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
    if (lacks(form, button)) return;
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
