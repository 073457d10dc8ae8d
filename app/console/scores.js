// Why a hit stands where it stands: its score's parts as a bar, and the numbers behind them.

import { el } from "./elements.js";
import { score } from "./numbers.js";

const COLOURS = { vector: 1, keyword: 2, smoothing: 3, boost: 4, recency: 5, phrase: 6 };
const ORDER = Object.keys(COLOURS);
const FROM = {
  vector: ["cosine", "closeness", "vector_normalised", "vector_rank", "vector_content_normalised", "vector_title_normalised"],
  keyword: ["bm25", "bm25_content", "bm25_title", "lexical", "keyword_normalised", "keyword_rank", "bm25_content_normalised", "bm25_title_normalised"],
  boost: ["boost", "boost_factor"],
  recency: ["age_years", "recency_factor"],
};

/** The parts of a hit's score, always in the same order, so that bars can be compared. */
export function partsOf(hit) {
  return Object.entries(hit.features ?? {}).filter(([name]) => name.startsWith("part_"))
    .map(([name, value]) => ({ name: name.slice(5), value })).sort((one, other) => placeOf(one) - placeOf(other));
}

const placeOf = (part) => (ORDER.includes(part.name) ? ORDER.indexOf(part.name) : ORDER.length);
const numeral = (name, value) => (Number.isInteger(value) && !name.startsWith("weight") && !/cosine|normalised/.test(name) ? String(value) : score(value));

/** The longest bar of some hits: all are drawn to its scale. */
export function scaleOf(hits) {
  return Math.max(1e-9, ...hits.map((hit) => Math.max(
    partsOf(hit).reduce((sum, part) => sum + Math.max(part.value, 0), 0), Math.abs(hit.score))));
}

/** A bar: what adds to the score above, what takes from it below, and a mark where that leaves the score. */
export function scoreBar(hit, scale) {
  const parts = partsOf(hit);
  if (!parts.length) return el("div", { class: "score-bar" });
  const adding = parts.filter((part) => part.value > 0);
  const taking = parts.filter((part) => part.value < 0);
  const sum = adding.reduce((total, part) => total + part.value, 0);
  const described = parts.filter((part) => part.value !== 0).map((part) => `${part.name} ${score(part.value)}`).join(", ");
  const below = el("div", { class: "row taking" }, taking.map((part) => segment(part, scale)));
  if (taking.length) below.firstChild.style.marginInlineStart = share(Math.max(0, sum + taking.reduce((total, part) => total + part.value, 0)), scale);
  const mark = el("div", { class: "mark" });
  mark.style.insetInlineStart = share(Math.max(0, hit.score), scale);
  return el("div", { class: "score-bar", role: "img", "aria-label": `Score ${score(hit.score)}: ${described}` },
    el("div", { class: "row adding" }, adding.map((part) => segment(part, scale))), below, mark);
}

function segment(part, scale) {
  const drawn = el("span", { class: `part part-${COLOURS[part.name] ?? 0}`, title: `${part.name} ${score(part.value)}` });
  drawn.style.width = share(Math.abs(part.value), scale);
  return drawn;
}

const share = (value, scale) => `${Math.min(100, (100 * value) / scale)}%`;

/** The names of the parts with their colours. */
export function legend(hits) {
  const found = hits.flatMap(partsOf).filter((part) => part.value !== 0).sort((one, other) => placeOf(one) - placeOf(other));
  const names = [...new Set(found.map((part) => part.name))];
  if (!names.length) return null;
  return el("ul", { class: "legend", "aria-label": "Parts of the scores" },
    names.map((name) => el("li", {}, el("span", { class: `swatch part-${COLOURS[name] ?? 0}` }), name)));
}

/** From which candidate lists a hit came. */
export function listsOf(hit, mode) {
  const { vector_rank: vector, keyword_rank: keyword } = hit.features ?? {};
  if (vector === undefined && keyword === undefined) return mode === "semantic" ? "vector list" : mode === "keyword" ? "keyword list" : "";
  const places = [vector !== undefined && `vector list #${vector}`, keyword !== undefined && `keyword list #${keyword}`];
  return places.filter(Boolean).join(" and ") + (vector === undefined || keyword === undefined ? " only" : "");
}

/** Every number behind a score, in a table whose last row is the sum. */
export function scoreTable(hit) {
  const features = hit.features ?? {};
  const parts = partsOf(hit);
  if (!parts.length) return el("p", { class: "hint" }, "A random hit has no parts: every chunk scores 1.");
  const seen = new Set();
  const rows = parts.map(({ name, value }) => {
    const from = (FROM[name] ?? []).filter((feature) => feature in features);
    for (const feature of from) seen.add(feature);
    const weight = features[`weight_${name}`];
    return el("tr", {},
      el("th", { scope: "row" }, el("span", { class: `swatch part-${COLOURS[name] ?? 0}` }), name),
      el("td", { class: "number" }, score(value)),
      el("td", {}, [...from.map((feature) => `${feature.replaceAll("_", " ")} ${numeral(feature, features[feature])}`), weight === undefined ? null : `weight ${score(weight)}`].filter(Boolean).join(" · ")));
  });
  const rest = Object.entries(features).filter(([name]) => !seen.has(name) && !name.startsWith("part_") && !parts.some((part) => name === `weight_${part.name}`));
  const sum = parts.reduce((total, part) => total + part.value, 0);
  return el("table", { class: "numbers" },
    el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "Part"), el("th", { scope: "col", class: "number" }, "Adds"), el("th", { scope: "col" }, "Made from"))),
    el("tbody", {}, rows),
    el("tfoot", {}, el("tr", {}, el("th", { scope: "row" }, "score"), el("td", { class: "number" }, score(sum)),
      el("td", {}, rest.map(([name, value]) => `${name.replaceAll("_", " ")} ${numeral(name, value)}`).join(" · ")))));
}
