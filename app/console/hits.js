// Hits as a list to read, each with what it is, where it is from and why it came.

import { el, highlighted, link, moment, webAddress } from "./elements.js";
import { score } from "./numbers.js";
import { listsOf, scaleOf, scoreBar, scoreTable } from "./scores.js";

/** Show hits in order; `open(hit)` leads to the document, `like(hit)` searches near it. */
export function hitList(answer, { open, like }) {
  const scale = scaleOf(answer.hits);
  return el("ol", { class: "hits", id: "hits" }, answer.hits.map((hit, place) => hitCard(hit, place + 1, answer, scale, { open, like })));
}

function hitCard(hit, rank, answer, scale, { open, like }) {
  const name = hit.title || hit.semantic_identifier || hit.document_id;
  const address = addressOf(hit);
  return el("li", {}, el("article", { class: "hit", tabindex: "-1", "data-hit": `${hit.document_id}#${hit.chunk_index}`, "aria-label": `Hit ${rank}: ${name}` },
    el("header", {},
      el("span", { class: "rank" }, String(rank)),
      el("h3", {}, address ? link(address, name) : name),
      el("span", { class: "score", title: "Score" }, score(hit.score))),
    scoreBar(hit, scale),
    el("p", { class: "facts" }, facts(hit)),
    el("div", { class: "text" }, hit.highlights?.length
      ? hit.highlights.map((fragment) => el("p", {}, highlighted(fragment)))
      : el("p", { class: "clamped" }, hit.content)),
    el("footer", {},
      el("details", { class: "why" },
        el("summary", {}, "Why"),
        el("p", { class: "lists" }, listsOf(hit, answer.mode) ? `From the ${listsOf(hit, answer.mode)}.` : null),
        scoreTable(hit)),
      el("button", { type: "button", class: "quiet open", onclick: () => open(hit) }, "Document"),
      el("button", { type: "button", class: "quiet", onclick: () => like(hit) }, "More like this"))));
}

/** Where a chunk can be read at its source: its first link, or an id that is an address. */
function addressOf(hit) {
  return [...Object.values(hit.source_links ?? {}), hit.document_id].find(webAddress) ?? null;
}

function facts(hit) {
  return [
    hit.source_type ? el("span", { class: "badge" }, hit.source_type) : null,
    el("code", { class: "id", title: hit.document_id }, hit.document_id),
    el("span", {}, `chunk ${hit.chunk_index}`),
    moment(hit.updated_at, "updated"),
    moment(hit.created_at, "created"),
    hit.document_sets?.length ? el("span", {}, `in ${hit.document_sets.join(", ")}`) : null,
    hit.boost ? el("span", {}, `boost ${hit.boost}`) : null,
    hit.hidden ? el("span", { class: "badge warn" }, "hidden") : null,
    ...Object.entries(hit.source_links ?? {}).slice(1, 4).map(([offset, address]) => link(address, `link at ${offset}`)),
  ];
}

/** As many grey cards as hits are expected, so that nothing moves when they come. */
export function skeleton(count) {
  return el("ol", { class: "hits waiting", "aria-hidden": "true" }, Array.from({ length: Math.min(count, 6) }, () =>
    el("li", {}, el("div", { class: "hit ghost" }, el("span", {}), el("span", {}), el("span", {})))));
}
