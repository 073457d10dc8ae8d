// Indexes: what each holds and how it stands, kept up to date while one is looked at; and their documents.

import { call, Problem } from "./api.js";
import { el, field, fill, moment } from "./elements.js";
import { ago, bytes, count, percent } from "./numbers.js";
import { emptyBox, problemBox } from "./problems.js";

const BUILDING_MS = 1000;
const RESTING_MS = 10000;
const PAGE = 50;

/** Show the indexes of the tenant, and the documents of the one that is chosen. */
export async function showIndexes(place, app) {
  let timer = null;
  let left = false;
  app.leave = () => {
    left = true;
    clearTimeout(timer);
  };
  const cards = el("div", { class: "cards" }, Array.from({ length: 2 }, () => el("div", { class: "card ghost" })));
  const documents = el("div", { id: "documents" });
  fill(place, el("h2", {}, "Indexes", app.state.tenant ? [" of ", el("code", {}, app.state.tenant)] : null), cards, documents);
  const look = async () => {
    if (left) return;
    let pause = RESTING_MS;
    if (!document.hidden) {
      const found = await load(cards, app);
      if (left) return;
      if (found?.some((index) => index.ann.state === "building")) pause = BUILDING_MS;
    }
    timer = setTimeout(look, pause);
  };
  await look();
  if (!left && app.state.index) await showDocuments(documents, app);
}

async function load(cards, app) {
  try {
    const { indexes } = await call("GET", "indexes", { tenant: app.state.tenant });
    const held = document.activeElement?.dataset?.focus;
    fill(cards, indexes.length ? indexes.map((index) => card(index, app)) : emptyBox("No index yet", "PUT /indexes/{name} creates one; docs/api.md shows how."));
    if (held) cards.querySelector(`[data-focus="${CSS.escape(held)}"]`)?.focus({ preventScroll: true });
    return indexes;
  } catch (error) {
    fill(cards, problemBox(error));
    return null;
  }
}

function card(index, app) {
  const chosen = app.state.index === index.name;
  return el("article", { class: chosen ? "card chosen" : "card", "data-index": index.name },
    el("header", {}, el("h3", {}, index.name), annBadge(index.ann)),
    el("p", { class: "facts" }, el("span", {}, `${index.embedding_dimension} dimensions`), el("span", {}, index.language),
      el("span", {}, index.rank_profile), el("span", {}, index.access_control ? "access control" : "no access control")),
    el("dl", { class: "figures" },
      figure("Documents", count(index.documents)), figure("Chunks", count(index.chunks)), figure("On disk", bytes(index.bytes))),
    annProgress(index),
    el("dl", { class: "facts-list" },
      row("Graph", index.ann.state === "none" ? "none: exact search is faster while the index is small" : `${bytes(index.ann.bytes ?? 0)}${index.ann.quantisation === "bit" ? ", bit-quantised" : ""}`),
      row("Recall", index.recall ? `${percent(index.recall.value)}, tried ${ago(index.recall.estimated_at)}` : index.ann.state === "ready" ? "not tried yet" : "exact"),
      row("Dead chunks", index.chunks ? `${count(index.dead_chunks ?? 0)} (${percent((index.dead_chunks ?? 0) / (index.chunks + (index.dead_chunks ?? 0)))})` : "none"),
      row("Maintained", index.maintained_at ? ago(index.maintained_at) : "not known"),
      row("Created", moment(index.created_at))),
    el("footer", {},
      el("button", { type: "button", "data-focus": `documents ${index.name}`, onclick: () => app.go({ view: "indexes", index: index.name }) }, "Documents"),
      el("button", { type: "button", class: "quiet", "data-focus": `search ${index.name}`, onclick: () => app.go({ view: "search", index: index.name }) }, "Search")));
}

const figure = (name, value) => el("div", {}, el("dt", {}, name), el("dd", {}, value));
const row = (name, value) => [el("dt", {}, name), el("dd", {}, value)];

function annBadge(ann) {
  const said = { none: "exact", building: `building ${percent(ann.progress)}`, ready: "graph ready" }[ann.state] ?? ann.state;
  return el("span", { class: `badge ann-${ann.state}` }, said);
}

function annProgress(index) {
  if (index.ann.state !== "building") return null;
  return el("progress", { max: 1, value: index.ann.progress, "aria-label": `Build of the graph of ${index.name}` });
}

async function showDocuments(place, app) {
  const entry = el("input", { id: "document-id", autocomplete: "off", spellcheck: "false" });
  const body = el("tbody", {});
  const more = el("button", { type: "button", class: "quiet", hidden: true }, "More");
  const problems = el("div", {});
  fill(place,
    el("h2", {}, "Documents of ", el("code", {}, app.state.index)),
    el("form", { class: "find", onsubmit: (event) => {
      event.preventDefault();
      if (entry.value) app.go({ view: "document", document: entry.value, chunk: null });
    } }, field("Document id", entry), el("button", {}, "Open")),
    problems,
    el("div", { class: "scrolled", tabindex: "0", role: "region", "aria-label": "Documents" }, el("table", { class: "documents" },
      el("thead", {}, el("tr", {}, ["Document", "Source", "Chunks", "Boost", "Updated", ""].map((name) => el("th", { scope: "col", class: name === "Chunks" || name === "Boost" ? "number" : null }, name || el("span", { class: "unseen" }, "State"))))), body)),
    more);
  let cursor = null;
  const next = async () => {
    try {
      const given = new URLSearchParams({ index: app.state.index, limit: PAGE, ...(cursor && { cursor }) });
      const page = await call("GET", `documents?${given}`, { tenant: app.state.tenant });
      body.append(...page.documents.map((one) => documentRow(one, app)));
      cursor = page.next_cursor;
      more.hidden = cursor === null;
      if (!body.children.length) fill(problems, emptyBox("No document yet", "POST /documents indexes some."));
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      fill(problems, problemBox(error));
    }
  };
  more.addEventListener("click", next);
  await next();
}

function documentRow(one, app) {
  return el("tr", {},
    el("th", { scope: "row" }, el("button", { type: "button", class: "as-link", onclick: () => app.go({ view: "document", document: one.id, chunk: null }) }, one.semantic_identifier || one.id),
      el("code", { class: "id" }, one.id)),
    el("td", {}, one.source_type ?? ""), el("td", { class: "number" }, count(one.chunk_count)),
    el("td", { class: "number" }, String(one.boost)), el("td", {}, moment(one.updated_at)),
    el("td", {}, one.hidden ? el("span", { class: "badge warn" }, "hidden") : null));
}
