// Says where the session is before textual-serve's terminal starts, and gives it the keys.
"use strict";

const light = matchMedia("(prefers-color-scheme: light)").matches;
const terminal = document.querySelector(".textual-terminal");
terminal.dataset.sessionWebsocketUrl =
  `ws://${location.host}${location.pathname}ws/${light ? "light" : "dark"}`;

const body = document.body;
const is = (name) => body.classList.contains(name);
let has_keys = false;
new MutationObserver(() => {
  if (!has_keys && is("-first-byte")) {
    has_keys = true;
    terminal.querySelector("textarea")?.focus();
  }
}).observe(body, { attributes: true, attributeFilter: ["class"] });

// Ctrl+W deletes a word in a terminal and closes a tab here.
addEventListener("beforeunload", (event) => {
  if (is("-first-byte") && !is("-closed")) event.preventDefault();
});

document.querySelector("#ended button").addEventListener("click", () => location.reload());
