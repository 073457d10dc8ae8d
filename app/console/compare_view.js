// Compare: the same search ranked by two settings, side by side.

import { kendall, moves, overlap } from "./agreement.js";
import { ask } from "./asking.js";
import { el, fill, icon, ICONS } from "./elements.js";
import { milliseconds, score } from "./numbers.js";
import { emptyBox, problemBox } from "./problems.js";
import { legend, scaleOf, scoreBar } from "./scores.js";
import { actions } from "./search_view.js";
import { isAsking, SETTINGS } from "./state.js";

let running = null;
const nameOf = (hit) => `${hit.document_id}#${hit.chunk_index}`;

/** Show both rankings and how alike they are. */
export async function showCompare(place, app) {
  running?.abort();
  const { state } = app;
  if (!isAsking(state)) {
    return fill(place, emptyBox("Two settings, one search", "Type a query, then change “Ranking A” or “Ranking B”: hits that move are marked, and two numbers say how alike the rankings are."));
  }
  const mine = (running = new AbortController());
  place.setAttribute("aria-busy", "true");
  const both = await Promise.allSettled([state.settings, state.other].map((settings) => ask(state, settings, mine.signal)));
  if (mine.signal.aborted) return undefined;
  const failed = both.find((one) => one.status === "rejected");
  if (failed) fill(place, problemBox(failed.reason));
  else fill(place, sideBySide(both.map((one) => one.value.answer), app));
  place.removeAttribute("aria-busy");
  return undefined;
}

function sideBySide([one, other], app) {
  const [first, second] = [one.hits.map(nameOf), other.hits.map(nameOf)];
  const { common, of } = overlap(first, second);
  const tau = kendall(first, second);
  const moved = moves(first, second).filter((by) => by !== 0).length;
  return [
    el("h2", { class: "unseen" }, "Both rankings"),
    el("dl", { class: "figures" },
      figure("Overlap@10", of ? `${common} of ${of}` : "no hits", "how many of the first ten of each the other has too"),
      figure("Rank correlation", tau === null ? "–" : score(tau).slice(0, 5), "Kendall's τ of the hits both have: 1 the same order, −1 the reverse"),
      figure("Moved", String(moved), "hits of B that stand elsewhere in A, or not at all"),
      figure("Time", `${milliseconds(one.took_ms)} · ${milliseconds(other.took_ms)}`, "A and B")),
    legend([...one.hits, ...other.hits]),
    el("div", { class: "sides" },
      side("A", one, app.state.settings, moves(second, first), app), side("B", other, app.state.other, moves(first, second), app)),
  ];
}

function figure(name, value, meaning) {
  return el("div", { title: meaning }, el("dt", {}, name), el("dd", {}, value));
}

function side(letter, answer, settings, moved, app) {
  const scale = scaleOf(answer.hits);
  const changed = Object.entries(SETTINGS).filter(([name, usual]) => settings[name] !== usual).map(([name, usual]) =>
    typeof usual === "boolean" ? `${usual ? "no " : ""}${name.replace("include_hidden", "hidden too")}` : `${name.replaceAll("_", " ")} ${settings[name]}`);
  return el("section", { class: "side", "aria-label": `Ranking ${letter}` },
    el("h3", {}, el("span", { class: "letter" }, letter), changed.join(", ") || "as the service ranks by itself"),
    el("p", { class: "summary" }, el("span", {}, answer.rank_profile ? `${answer.mode}, ${answer.rank_profile}` : answer.mode), el("span", {}, answer.strategy), el("span", {}, answer.exact ? "exact" : "approximate")),
    answer.degraded?.length ? el("ul", { class: "degraded" }, answer.degraded.map((note) => el("li", {}, note))) : null,
    answer.hits.length ? el("ol", { class: "hits" }, answer.hits.map((hit, place) => row(hit, place, moved[place], scale, actions(app)))) : emptyBox("Nothing was found"));
}

function row(hit, place, by, scale, { open }) {
  return el("li", {}, el("article", { class: "hit small", tabindex: "-1", "data-hit": nameOf(hit) },
    el("header", {},
      el("span", { class: "rank" }, String(place + 1)), movement(by),
      el("h4", {}, el("button", { type: "button", class: "as-link open", onclick: () => open(hit) }, hit.title || hit.semantic_identifier || hit.document_id)),
      el("span", { class: "score" }, score(hit.score))),
    scoreBar(hit, scale),
    el("p", { class: "facts" }, el("code", { class: "id", title: hit.document_id }, hit.document_id), el("span", {}, `chunk ${hit.chunk_index}`)),
    el("p", { class: "clamped" }, hit.content)));
}

function movement(by) {
  if (by === null) return el("span", { class: "move new", title: "Only here" }, "new");
  if (by === 0) return el("span", { class: "move" }, icon(ICONS.same), el("span", { class: "unseen" }, "same place"));
  return el("span", { class: by > 0 ? "move up" : "move down", title: by > 0 ? `${by} higher than on the other side` : `${-by} lower than on the other side` },
    icon(by > 0 ? ICONS.up : ICONS.down), String(Math.abs(by)));
}
