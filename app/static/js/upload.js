// Dropping files, the list of what was chosen, and the check of size and number before anything is sent. How far
// the sending is shows upload-progress.js.
(function () {
  "use strict";
  function note(file) {
    var kind = file.name.indexOf(".") < 0 ? "" : file.name.split(".").pop().toLowerCase() + ", ";
    var size = file.size < 1048576 ? Math.max(Math.floor(file.size / 1024), 1) + "KB" : (file.size / 1048576).toFixed(1) + "MB";
    return "[" + kind + size + "]";
  }

  function item(file, tooBig, maximum) {
    var row = document.createElement("li");
    row.className = "kv-upload__item kv-upload__item--new" + (tooBig ? " is-error" : "");
    var name = document.createElement("span");
    name.textContent = file.name + " " + note(file);
    row.appendChild(name);
    if (tooBig) {
      var error = document.createElement("p");
      error.className = "kv-error";
      error.textContent = "등록 가능한 파일 용량을 초과하였습니다. " + maximum + "MB 미만의 파일만 등록할 수 있습니다.";
      row.appendChild(error);
    }
    return row;
  }

  function removeButton(input, index, show) {
    var button = document.createElement("button");
    button.type = "button";
    button.className = "krds-btn text small";
    button.textContent = "삭제";
    button.setAttribute("aria-label", input.files[index].name + " 삭제");
    button.addEventListener("click", function () {
      var kept = new DataTransfer();
      Array.from(input.files).forEach(function (file, place) { if (place !== index) kept.items.add(file); });
      input.files = kept.files;
      show();
      input.focus();
    });
    return button;
  }

  function start(box) {
    var input = box.querySelector('input[type="file"]');
    var list = box.querySelector("[data-upload-list]");
    var count = box.querySelector("[data-upload-count]");
    var drop = box.querySelector("[data-upload-drop]");
    var maximum = Number(box.dataset.maxMb);
    var most = Number(box.dataset.maxFiles);
    var kept = list.children.length;

    function show() {
      list.querySelectorAll(".kv-upload__item--new").forEach(function (row) { row.remove(); });
      Array.from(input.files).forEach(function (file, index) {
        var row = item(file, file.size >= maximum * 1048576, maximum);
        row.appendChild(removeButton(input, index, show));
        list.appendChild(row);
      });
      var total = (most > 1 ? kept : input.files.length ? 0 : kept) + input.files.length;
      count.textContent = total + "개 / " + most + "개" + (total > most ? " (파일이 너무 많습니다)" : "");
      box.classList.toggle("is-over", total > most);
    }

    input.addEventListener("change", show);
    ["dragenter", "dragover"].forEach(function (kind) {
      drop.addEventListener(kind, function (event) { event.preventDefault(); drop.classList.add("is-over"); });
    });
    ["dragleave", "drop"].forEach(function (kind) {
      drop.addEventListener(kind, function () { drop.classList.remove("is-over"); });
    });
    drop.addEventListener("drop", function (event) {
      event.preventDefault();
      var chosen = new DataTransfer();
      if (most > 1) Array.from(input.files).forEach(function (file) { chosen.items.add(file); });
      Array.from(event.dataTransfer.files).slice(0, most).forEach(function (file) { chosen.items.add(file); });
      input.files = chosen.files;
      show();
    });
    drop.classList.add("is-ready");
  }

  function startAll() {
    document.querySelectorAll("[data-upload]").forEach(function (box) {
      if (box.dataset.uploadStarted) return;
      box.dataset.uploadStarted = "1";
      start(box);
    });
  }

  startAll();
  document.addEventListener("kv:page", startAll);
})();
