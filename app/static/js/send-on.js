// Sends the page's one form on by itself; its button is there for those without JavaScript.
(function () {
  "use strict";
  var form = document.querySelector("form[data-send-on]");
  if (form) form.requestSubmit();
})();
