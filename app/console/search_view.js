// Search: one ranking, read from top to bottom.

import { curl } from "./api.js";
import { ask, bodyOf } from "./asking.js";
import { el, fill, notice } from "./elements.js";
import { hitList, skeleton } from "./hits.js";
import { howItWent, summary } from "./phases.js";
import { emptyBox, problemBox } from "./problems.js";
import { legend } from "./scores.js";
import { isAsking } from "./state.js";

let running = null;

/** Show a state's search below its form; a later call takes the place of one under way. */
export async function showSearch(place, app) {
  running?.abort();
  const { state } = app;
  if (!isAsking(state)) return fill(place, welcome(app));
  const mine = (running = new AbortController());
  place.setAttribute("aria-busy", "true");
  if (!place.querySelector(".hits")) fill(place, waitingLine(), skeleton(state.limit));
  try {
    const { answer } = await ask(state, state.settings, mine.signal);
    if (mine.signal.aborted) return undefined;
    fill(place, heading(answer, state), howItWent(answer),
      answer.hits.length ? [legend(answer.hits), hitList(answer, actions(app))] : nothing(state));
  } catch (error) {
    if (mine.signal.aborted || error.name === "AbortError") return undefined;
    fill(place, problemBox(error));
  }
  place.removeAttribute("aria-busy");
  return undefined;
}

/** What can be done with a hit. */
export function actions(app) {
  return {
    open: (hit) => app.go({ view: "document", document: hit.document_id, chunk: hit.chunk_index }),
    like: (hit) => app.go({ view: "search", like: `${hit.document_id}#${hit.chunk_index}`, embedding: "", q: "", settings: { ...app.state.settings, mode: "" } }),
  };
}

function heading(answer, state) {
  return el("div", { class: "heading" }, el("h2", { class: "unseen" }, "Hits"), summary(answer),
    el("button", { type: "button", class: "quiet", id: "curl", onclick: () => copyCurl(state) }, "Copy as curl"));
}

async function copyCurl(state) {
  const command = curl("POST", "search", await bodyOf(state, state.settings), state.tenant);
  try {
    await navigator.clipboard.writeText(command);
    notice("The command is in the clipboard.");
  } catch {
    const area = el("textarea", { readonly: true, rows: 8, "aria-label": "The command" });
    area.value = command;
    const shown = el("dialog", { "aria-label": "Copy as curl" }, el("h2", {}, "Copy as curl"), area,
      el("form", { method: "dialog" }, el("button", {}, "Close")));
    shown.addEventListener("close", () => shown.remove());
    document.body.append(shown);
    shown.showModal();
    area.select();
  }
}

function waitingLine() {
  return el("div", { class: "heading" }, el("p", { class: "summary" }, "Searching…"));
}

function nothing(state) {
  const reasons = [];
  if (Object.keys(state.filters).length) reasons.push("A filter may have left it out: take one off, or widen it.");
  if (state.as !== null) reasons.push("Whoever you view as may see nothing that matches; view as everything to make sure.");
  if (!state.settings.include_hidden) reasons.push("Hidden documents were left out; “hidden too” shows them.");
  if (state.settings.min_score !== "") reasons.push("The least score may be above every hit's.");
  return emptyBox("Nothing was found", ...reasons);
}

function welcome(app) {
  const random = el("button", { type: "button", onclick: () => app.go({ settings: { ...app.state.settings, mode: "random" } }) }, "Show me some chunks");
  return emptyBox("Ask something",
    "Type a query above. Words alone make a keyword search, or a hybrid one where an embeddings endpoint is configured; “More like this” at a hit searches by its embedding.",
    el("p", {}, random));
}
