// Refusals and emptiness, written for people.

import { el, link } from "./elements.js";
import { hasKey } from "./api.js";

/** Show what went wrong: title, detail, the places it is about, and what to match on. */
export function problemBox(problem) {
  const said = problem.body ?? { title: "Something went wrong in this page", detail: String(problem.message ?? problem), code: "console" };
  const flaws = (said.errors ?? []).map((flaw) =>
    el("li", {}, el("code", {}, flaw.parameter || flaw.pointer || "/"), ` ${flaw.detail}`));
  return el("div", { class: "problem", role: "alert" },
    el("h2", {}, said.title),
    el("p", {}, said.detail),
    flaws.length ? el("ul", {}, flaws) : null,
    advice(problem.status),
    el("p", { class: "fine" }, "Code ", link(said.type ?? "", el("code", {}, said.code)),
      said.instance ? [" · ", el("code", {}, said.instance)] : null));
}

function advice(status) {
  if (status === 401) {
    return el("p", {}, el("button", { type: "button", onclick: () => document.getElementById("key").focus() }, "Enter a key"));
  }
  if (status === 403) return el("p", {}, hasKey() ? "This key may not do that; another one may." : "A key may be needed.");
  if (status === 429 || status === 503) return el("p", {}, "It may be over in a moment: try again.");
  return null;
}

/** Say that there is nothing, and what to do about it. */
export function emptyBox(title, ...lines) {
  return el("div", { class: "empty" }, el("h2", {}, title), lines.map((line) => (line instanceof Node ? line : el("p", {}, line))));
}
