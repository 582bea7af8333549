// Flask-Admin under a strict CSP: its templates' inline handlers are gone (templates/admin), their work is done here.
(function () {
  "use strict";
  document.addEventListener("click", function (event) {
    var action = event.target.closest("[data-fa-action]");
    if (action) {
      event.preventDefault();
      window.modelActions.execute(action.dataset.faAction);
      return;
    }
    var inline = event.target.closest("[data-fa-inline]");
    if (inline) {
      event.preventDefault();
      window.faForm.addInlineField(inline, inline.dataset.faInline);
      return;
    }
    var question = event.target.closest("[data-fa-confirm]");
    if (question && !window.confirm(question.dataset.faConfirm)) {
      event.preventDefault();
      event.stopPropagation();
      return;
    }
    if (event.target.closest('a[href="#"]')) event.preventDefault();
  }, true);
  var content = document.querySelector(".modal-content");
  if (content) {
    new MutationObserver(function () {
      if (window.faForm) window.faForm.applyGlobalStyles(document.getElementsByClassName("modal-content"));
    }).observe(content, { childList: true });
  }
})();
