// Keys of one letter, for those who want them: off until somebody switches them on (KWCAG, 문자 단축키). What can be
// done is named by the page (data-shortcut, data-shortcut-label) or by a script: kvShortcuts.register([{key, label, run}]).
// A key may be two letters with a blank between them, pressed one after the other: "g q".
(function () {
  "use strict";
  var SWITCH = "kv-shortcuts";
  var HELP = "kv-shortcuts-help";
  var PAUSE = 1200;
  var registered = [];
  var began = "";
  var beganAt = 0;
  var dialog = null;

  function kept(name, otherwise) {
    try { return localStorage.getItem(name) || otherwise; } catch (error) { return otherwise; }
  }
  function keep(name, value) {
    try { localStorage.setItem(name, value); } catch (error) { /* private mode: for this page only */ }
  }
  var on = kept(SWITCH, "off") === "on";
  var helpOn = kept(HELP, "on") === "on";

  function press(element) {
    if (element.matches("input, textarea, select")) element.focus();
    else element.click();
  }

  // Looked up at each press: parts of the page come and go.
  function all() {
    var named = Array.from(document.querySelectorAll("[data-shortcut]")).map(function (element) {
      return {
        key: element.dataset.shortcut,
        label: element.dataset.shortcutLabel || element.textContent.trim(),
        run: function () { press(element); }
      };
    });
    return named.concat(registered).filter(function (one, place, list) {
      return list.findIndex(function (other) { return other.key === one.key; }) === place;
    });
  }

  // With the Korean keyboard on, `key` is a Hangul letter: the key's place says which one was meant.
  function letter(event) {
    var place = /^(?:Key([A-Z])|(?:Digit|Numpad)([0-9]))$/.exec(event.code || "");
    if (event.key === "?" || event.code === "Slash" && event.shiftKey) return "?";
    if (event.key === "+" || event.key === "=") return "+";
    if (place) return (place[1] || place[2]).toLowerCase();
    if (event.code === "BracketLeft") return "[";
    if (event.code === "BracketRight") return "]";
    return event.key;
  }

  function typing(target) {
    return target.isContentEditable || target.matches("textarea, select, input:not([type=radio]):not([type=checkbox])");
  }

  document.addEventListener("keydown", function (event) {
    if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing || typing(event.target)) return;
    if (document.querySelector("dialog[open]")) return;
    var key = letter(event);
    if (key === "?" && (helpOn || on)) { event.preventDefault(); return open(); }
    if (!on) return;
    var recent = began && Date.now() - beganAt < PAUSE ? began + " " : "";
    began = "";
    var list = all();
    var found = list.find(function (one) { return one.key === recent + key; });
    if (found) { event.preventDefault(); return found.run(); }
    if (list.some(function (one) { return one.key.indexOf(key + " ") === 0; })) {
      began = key;
      beganAt = Date.now();
    }
  });

  function make(tag, className, text) {
    var element = document.createElement(tag);
    if (className) element.className = className;
    if (text) element.textContent = text;
    return element;
  }

  function choice(id, text, checked, change) {
    var row = make("div", "krds-form-check");
    var box = make("input");
    var label = make("label", "", text);
    box.type = "checkbox";
    box.id = label.htmlFor = id;
    box.checked = checked;
    box.addEventListener("change", function () { change(box.checked); });
    row.append(box, label);
    return row;
  }

  function build() {
    var title = make("h2", "kv-dialog__title", "단축키");
    var close = make("button", "krds-btn primary medium", "닫기");
    var buttons = make("div", "kv-buttons kv-buttons--end");
    dialog = make("dialog", "kv-dialog kv-keys");
    title.id = "shortcuts-title";
    dialog.setAttribute("aria-labelledby", title.id);
    close.type = "button";
    close.addEventListener("click", function () { dialog.close(); });
    buttons.append(close);
    dialog.append(
      title,
      choice("shortcuts-on", "단축키 사용", on, function (value) { on = value; keep(SWITCH, on ? "on" : "off"); }),
      choice("shortcuts-help", "? 키로 이 창 열기", helpOn, function (value) { helpOn = value; keep(HELP, helpOn ? "on" : "off"); }),
      make("dl", "kv-keys__list"),
      make("p", "kv-muted", "입력란에서는 동작하지 않습니다. 단축키로 하는 일은 모두 Tab과 Enter로도 할 수 있습니다."),
      buttons
    );
    document.body.append(dialog);
  }

  function open() {
    if (!dialog) build();
    var list = dialog.querySelector("dl");
    list.textContent = "";
    all().forEach(function (one) {
      var term = make("dt");
      one.key.split(" ").forEach(function (part) { term.append(make("kbd", "", part)); });
      list.append(term, make("dd", "", one.label));
    });
    dialog.showModal();
  }

  document.addEventListener("click", function (event) {
    if (event.target.closest("[data-shortcuts-open]")) open();
  });
  document.querySelectorAll("[data-shortcuts-open]").forEach(function (button) { button.hidden = false; });

  window.kvShortcuts = {
    register: function (list) { registered = registered.concat(list); },
    open: open
  };
})();
