// How a search went: its strategy, what the filter kept, whether the answer is exact, and where the time went.

import { el } from "./elements.js";
import { count, milliseconds, percent } from "./numbers.js";

const KNOWN = new Set(["hits", "mode", "strategy", "exact", "complete", "degraded", "rank_profile", "expansions", "took_ms", "phases", "plan"]);
const GROUPS = [
  ["embedding", /^embedding$/, "the embeddings endpoint"],
  ["access", /^access\//, "resolving the access list"],
  ["words", /^terms\//, "looking the query's words up"],
  ["filter", /^search\/(estimate|count)/, "estimating what the filter keeps"],
  ["keyword list", /^search\/keyword/, "finding candidates by words"],
  ["vector list", /^search\/(nearest|semantic)/, "finding candidates by embedding"],
  ["scores", /^search\/(score|list_embeddings|list_texts)/, "computing every score of every candidate"],
  ["page", /^search\/(list_hits|random)/, "reading what is shown"],
  ["catalogue", /^indexes\//, "looking the index up"],
  ["service", /^service$/, "ranking, highlights, and waiting for a connection"],
];

/** One line about an answer. */
export function summary(answer) {
  const facts = [
    `${count(answer.hits.length)} ${answer.hits.length === 1 ? "hit" : "hits"}`,
    answer.rank_profile ? `${answer.mode}, ${answer.rank_profile}` : answer.mode,
    answer.strategy,
    answer.exact ? "exact" : "approximate",
    answer.complete ? "complete" : "incomplete",
  ];
  return el("p", { class: "summary" }, facts.map((fact) => el("span", {}, fact)),
    el("span", { class: "took" }, milliseconds(answer.took_ms)));
}

/** What the answer says about itself beyond its hits; fields this page does not know are shown as they are. */
export function howItWent(answer) {
  const more = Object.entries(answer).filter(([name, value]) => !KNOWN.has(name) && value !== null);
  return el("div", { class: "how" },
    phaseBar(answer),
    answer.degraded?.length ? el("ul", { class: "degraded" }, answer.degraded.map((note) => el("li", {}, note))) : null,
    answer.expansions?.length ? el("p", { class: "hint" }, answer.expansions.map((one) => `“${one.typed}” also as ${one.words.join(", ")}`).join(" · ")) : null,
    el("details", { class: "why" },
      el("summary", {}, "How it went"),
      el("dl", { class: "facts-list" },
        fact("Strategy", answer.strategy),
        fact("Exact", answer.exact ? "yes: no other chunk would rank above these" : "no: candidates were looked for, not all measured"),
        fact("Complete", answer.complete ? "yes: fewer hits than asked for mean that no more match" : "no: more may match"),
        planFacts(answer.plan),
        more.flatMap(([name, value]) => fact(name.replaceAll("_", " "), shown(name, value)))),
      waysTable(answer.plan),
      phaseTable(answer)));
}

/** What the planner knew: how much the filter keeps, and what it aimed at. */
function planFacts(plan) {
  if (!plan) return [];
  return [
    fact("Filter", `keeps about ${count(Math.round(plan.allowed))} of ${count(plan.chunks)} chunks (${percent(plan.share)})`),
    plan.recall == null ? [] : fact("Recall", `${percent(plan.recall)} aimed at${plan.ef_search ? `, ef_search ${plan.ef_search}` : ""}`),
  ];
}

/** The ways there were with their prices, and those that were taken. */
function waysTable(plan) {
  if (!plan?.predicted_ms) return null;
  const taken = plan.taken ?? [];
  const names = [...new Set([...Object.keys(plan.predicted_ms), ...taken.map((step) => step.strategy)])];
  return el("table", { class: "numbers ways" },
    el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "Way"), el("th", { scope: "col", class: "number" }, "Expected"), el("th", { scope: "col" }, "Taken"))),
    el("tbody", {}, names.map((name) => el("tr", {},
      el("th", { scope: "row" }, name.replaceAll("_", " ")),
      el("td", { class: "number" }, name in plan.predicted_ms ? milliseconds(plan.predicted_ms[name]) : "–"),
      el("td", {}, taken.filter((step) => step.strategy === name).map((step) => `${milliseconds(step.ms)}, ${count(step.rows)} rows${step.width ? ` of ${count(step.width)}` : ""}`).join("; ") || "not taken")))));
}

function fact(name, value) {
  return [el("dt", {}, name), el("dd", {}, value)];
}

function shown(name, value) {
  if (typeof value === "number") return name.endsWith("share") ? percent(value) : count(value);
  if (typeof value !== "object") return String(value);
  if (Array.isArray(value) && !value.some((one) => typeof one === "object")) return value.join(", ");
  return el("dl", { class: "facts-list" }, Object.entries(value).flatMap(([key, inner]) => fact(key.replaceAll("_", " "), inner === null ? "none" : shown(key, inner))));
}

function grouped(phases) {
  const groups = new Map();
  for (const phase of phases) {
    const place = GROUPS.findIndex(([, pattern]) => pattern.test(phase.name));
    const [name, , meaning] = GROUPS[place] ?? [phase.name, null, "another statement"];
    const group = groups.get(name) ?? { name, meaning, ms: 0, place: place < 0 ? GROUPS.length : place, phases: [] };
    group.ms += phase.ms;
    group.phases.push(phase);
    groups.set(name, group);
  }
  return [...groups.values()].sort((one, other) => one.place - other.place);
}

function phaseBar(answer) {
  const groups = grouped(answer.phases ?? []);
  const total = groups.reduce((sum, group) => sum + group.ms, 0);
  if (!total) return el("div", { class: "phase-bar" });
  const described = groups.map((group) => `${group.name} ${milliseconds(group.ms)}`).join(", ");
  return el("div", { class: "phase-bar", role: "img", "aria-label": `Where the time went: ${described}` }, groups.map((group) => {
    const drawn = el("span", { class: `phase phase-${group.place}`, title: `${group.name}: ${milliseconds(group.ms)}` });
    drawn.style.width = `${(100 * group.ms) / total}%`;
    return drawn;
  }));
}

function phaseTable(answer) {
  const groups = grouped(answer.phases ?? []);
  if (!groups.length) return null;
  return el("table", { class: "numbers" },
    el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "Phase"), el("th", { scope: "col", class: "number" }, "Took"), el("th", { scope: "col" }, "For"))),
    el("tbody", {}, groups.map((group) => el("tr", {},
      el("th", { scope: "row" }, el("span", { class: `swatch phase-${group.place}` }), group.name),
      el("td", { class: "number" }, milliseconds(group.ms)),
      el("td", {}, group.meaning, group.phases.length > 1 ? ` (${group.phases.map((phase) => `${phase.name} ${milliseconds(phase.ms)}`).join(", ")})` : "")))),
    el("tfoot", {}, el("tr", {}, el("th", { scope: "row" }, "in all"), el("td", { class: "number" }, milliseconds(answer.took_ms)), el("td", {}))));
}
