// Sends a form with files and shows how many bytes have gone. Without it the form is sent as any other.
(function () {
  "use strict";
  // Every upload field of a page brings this file.
  if (document.documentElement.dataset.uploadProgress) return;
  document.documentElement.dataset.uploadProgress = "1";
  var SAY_EVERY = 20;

  function size(bytes) {
    return bytes < 1048576 ? Math.max(Math.round(bytes / 1024), 1) + "KB" : (bytes / 1048576).toFixed(1) + "MB";
  }

  function line(form) {
    var box = document.createElement("div");
    box.className = "kv-progress kv-upload-progress kv-after";
    box.innerHTML = '<p class="kv-progress__label"><span></span> <span></span></p>' +
      '<progress max="100" value="0" aria-label="업로드 진행률"></progress>' +
      '<p class="sr-only" role="status"></p><button class="krds-btn tertiary small" type="button">업로드 취소</button>';
    form.appendChild(box);
    return box;
  }

  function chosen(form) {
    return Array.from(form.querySelectorAll('input[type="file"]')).some(function (input) { return input.files.length; });
  }

  // A page that says what is wrong takes the place of this one; its scripts are these, so they start anew.
  function show(text) {
    var found = new DOMParser().parseFromString(text, "text/html");
    var fresh = found.querySelector("main");
    if (!fresh) return false;
    document.querySelector("main").replaceWith(document.adoptNode(fresh));
    document.title = found.title;
    document.dispatchEvent(new CustomEvent("kv:page"));
    var summary = fresh.querySelector(".kv-error-summary");
    if (summary) summary.focus();
    window.scrollTo(0, 0);
    return true;
  }

  function send(form, submitter) {
    var box = line(form);
    var words = box.querySelectorAll(".kv-progress__label span");
    var bar = box.querySelector("progress");
    var status = box.querySelector('[role="status"]');
    var buttons = form.querySelectorAll('button[type="submit"]');
    var said = -1;
    var request = new XMLHttpRequest();

    function stop(text) {
      box.querySelector("button").remove();
      bar.remove();
      words[0].textContent = text;
      words[1].textContent = "";
      words[0].parentElement.setAttribute("role", "alert");
      buttons.forEach(function (button) { button.disabled = false; });
      form.removeAttribute("aria-busy");
    }

    request.upload.addEventListener("progress", function (event) {
      if (!event.lengthComputable) return;
      var percent = Math.floor(event.loaded / event.total * 100);
      bar.value = percent;
      words[0].textContent = percent < 100 ? "업로드 중 " + percent + "%" : "업로드 완료, 파일을 확인하고 있습니다";
      words[1].textContent = size(event.loaded) + " / " + size(event.total);
      // Read aloud in steps: every byte would talk without end.
      if (Math.floor(percent / SAY_EVERY) !== said) {
        said = Math.floor(percent / SAY_EVERY);
        status.textContent = words[0].textContent;
      }
    });
    request.addEventListener("load", function () {
      var there = request.getResponseHeader("X-Location");
      if (there) {
        window.location.assign(there);
      } else if (request.status === 413) {
        stop("파일이 너무 큽니다. 파일마다 20MB 미만으로 다시 등록해 주세요.");
      } else if (!show(request.responseText)) {
        stop("업로드하지 못했습니다. 잠시 뒤 다시 시도해 주세요.");
      }
    });
    request.addEventListener("error", function () { stop("업로드하지 못했습니다. 인터넷 연결을 확인하고 다시 눌러 주세요."); });
    request.addEventListener("abort", function () { stop("업로드를 취소했습니다."); });
    box.querySelector("button").addEventListener("click", function () { request.abort(); });

    var data = new FormData(form);
    if (submitter && submitter.name) data.append(submitter.name, submitter.value);
    form.setAttribute("aria-busy", "true");
    buttons.forEach(function (button) { button.disabled = true; });
    request.open("POST", form.action);
    request.setRequestHeader("X-Upload-Progress", "1");
    request.setRequestHeader("Accept", "text/html");
    request.send(data);
  }

  document.addEventListener("submit", function (event) {
    var form = event.target;
    var elsewhere = event.submitter && event.submitter.hasAttribute("formaction");
    if (event.defaultPrevented || elsewhere || !form.querySelector("[data-upload]") || !chosen(form)) return;
    event.preventDefault();
    form.querySelectorAll(".kv-upload-progress").forEach(function (old) { old.remove(); });
    send(form, event.submitter);
  });
})();
