// Keys for those who use the page all day; never while something is typed.

import { el } from "./elements.js";

const KEYS = [
  ["/", "go to the query"], ["↓ ↑ or j k", "next and previous hit"], ["w", "why this hit"], ["o or Enter", "open its document"],
  ["1 2 3", "Search, Compare, Indexes"], ["Esc", "leave a field or a dialog"], ["?", "this list"],
];

/** Listen to keys; `go` changes the view. */
export function listenToKeys(go) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    const typing = event.target.closest("input, textarea, select");
    if (event.key === "Escape" && typing) return typing.blur();
    if (typing && !(typing.id === "query" && event.key === "ArrowDown")) return;
    if (act(event, go)) event.preventDefault();
  });
  document.getElementById("shortcuts").addEventListener("click", showKeys);
}

function act(event, go) {
  const views = { 1: "search", 2: "compare", 3: "indexes" };
  if (event.key === "/") return focusQuery();
  if (event.key === "?") return showKeys();
  if (event.key in views) return go({ view: views[event.key] }) ?? true;
  if (event.key === "ArrowDown" || event.key === "j") return step(1);
  if (event.key === "ArrowUp" || event.key === "k") return step(-1);
  const hit = document.activeElement.closest(".hit");
  if (!hit) return false;
  if (event.key === "w") return toggle(hit.querySelector("details.why"));
  if (event.key === "o" || (event.key === "Enter" && document.activeElement === hit)) return press(hit.querySelector(".open"));
  return false;
}

function focusQuery() {
  const query = document.getElementById("query");
  query.focus();
  query.select();
  return true;
}

function step(by) {
  const hits = [...document.querySelectorAll("#results article.hit")];
  const at = hits.indexOf(document.activeElement.closest(".hit"));
  if (at === 0 && by < 0) return focusQuery();
  const next = hits[at === -1 ? 0 : at + by];
  if (!next) return false;
  next.focus({ preventScroll: true });
  next.scrollIntoView({ block: "nearest" });
  return true;
}

function toggle(details) {
  if (details) details.open = !details.open;
  return Boolean(details);
}

function press(button) {
  button?.click();
  return Boolean(button);
}

function showKeys() {
  const dialog = el("dialog", { "aria-labelledby": "keys" }, el("form", { method: "dialog" }, el("h2", { id: "keys" }, "Keys"),
    el("dl", { class: "keys" }, KEYS.flatMap(([key, meaning]) => [el("dt", {}, el("kbd", {}, key)), el("dd", {}, meaning)])),
    el("div", { class: "answers" }, el("button", {}, "Close"))));
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  return true;
}
