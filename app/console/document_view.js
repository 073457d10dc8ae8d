// One document: what is known of it, its chunks in order, and what may be done to it.

import { call, curl, documentPath } from "./api.js";
import { el, field, fill, link, moment, notice } from "./elements.js";
import { confirmed } from "./confirming.js";
import { count } from "./numbers.js";
import { problemBox } from "./problems.js";

const AROUND = 2;
const STEP = 10;

/** Show the document a state names, from the chunk it names with its neighbours, or from the beginning. */
export async function showDocument(place, app) {
  const { state } = app;
  place.setAttribute("aria-busy", "true");
  try {
    const found = await call("GET", documentPath(state.document, { index: state.index, chunks: "false" }), { tenant: state.tenant });
    fill(place, head(found, app, place), facts(found), actions(found, app, place));
    await showChunks(place, found, app);
  } catch (error) {
    fill(place, back(app), problemBox(error));
  }
  place.removeAttribute("aria-busy");
}

function back(app) {
  return el("p", {}, el("button", { type: "button", class: "quiet", onclick: () => history.length > 1 ? history.back() : app.go({ view: "indexes" }) }, "Back"));
}

function head(found, app) {
  return [back(app), el("header", { class: "document" },
    el("h2", {}, link(found.id, found.title || found.semantic_identifier || found.id)),
    found.hidden ? el("span", { class: "badge warn", id: "is-hidden" }, "hidden") : null,
    el("p", {}, el("code", { class: "id whole" }, found.id)))];
}

function facts(found) {
  const known = {
    "Source": found.source_type, "Chunks": count(found.chunk_count), "Boost": String(found.boost),
    "Readers": found.access.public ? "everybody" : `${count(found.access.entries.length)} entries`,
    "Entries": found.access.entries.slice(0, 20).join(", "),
    "Document sets": found.document_sets.join(", "), "Projects": found.project_ids.join(", "), "Personas": found.persona_ids.join(", "),
    "Hierarchy nodes": found.hierarchy_node_ids.join(", "), "Owners": (found.primary_owners ?? []).join(", "),
    "Created": moment(found.created_at), "Updated": moment(found.updated_at), "Written by": found.written_by,
    "Metadata": Object.keys(found.metadata).length ? el("code", {}, JSON.stringify(found.metadata)) : "",
  };
  return el("dl", { class: "facts-list wide" }, Object.entries(known).filter(([, value]) => value).flatMap(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]));
}

function actions(found, app, place) {
  const { state } = app;
  const update = async (change, said) => {
    const body = { ...(state.index && { index: state.index }), updates: [{ document_ids: [found.id], ...change }] };
    if (await attempt(() => call("PATCH", "documents", { body, tenant: state.tenant }), place)) {
      notice(said);
      await showDocument(place, app);
    }
  };
  const boost = el("input", { type: "number", id: "boost", step: 1, value: found.boost });
  return el("div", { class: "actions" },
    el("form", { class: "find", onsubmit: async (event) => {
      event.preventDefault();
      const value = Number.parseInt(boost.value, 10);
      if (Number.isInteger(value) && await confirmed(`Set the boost to ${value}?`, `It was ${found.boost}. Every search sees it from the next one on.`, "Set")) await update({ boost: value }, `The boost is ${value}.`);
    } }, field("Boost", boost), el("button", { class: "quiet" }, "Set boost")),
    el("button", { type: "button", class: "quiet", id: "hide", onclick: async () => {
      const [question, meaning, verb] = found.hidden
        ? ["Show this document again?", "Searches will find it again.", "Show"]
        : ["Hide this document?", "Searches will no longer find it, whatever is indexed later. It stays stored.", "Hide"];
      if (await confirmed(question, meaning, verb)) await update({ hidden: !found.hidden }, found.hidden ? "It is shown again." : "It is hidden.");
    } }, found.hidden ? "Unhide" : "Hide"),
    el("button", { type: "button", class: "danger", id: "delete", onclick: async () => {
      if (!await confirmed("Delete this document?", `“${found.semantic_identifier}” goes with its ${count(found.chunk_count)} chunks. This cannot be undone.`, "Delete", true)) return;
      if (await attempt(() => call("DELETE", documentPath(found.id, { index: state.index }), { tenant: state.tenant }), place)) {
        notice("It is deleted.");
        app.go({ view: "indexes", document: "", chunk: null }, { replace: true });
      }
    } }, "Delete"),
    el("button", { type: "button", class: "quiet", onclick: async () => {
      await navigator.clipboard?.writeText(curl("GET", documentPath(found.id, { index: state.index }), undefined, state.tenant));
      notice("The command is in the clipboard.");
    } }, "Copy as curl"));
}

async function attempt(work, place) {
  try {
    await work();
    return true;
  } catch (error) {
    place.querySelector(".problem")?.remove();
    place.querySelector(".actions").after(problemBox(error));
    return false;
  }
}

async function showChunks(place, found, app) {
  const { state } = app;
  const asked = state.chunk;
  const list = el("ol", { class: "chunks" });
  const earlier = el("button", { type: "button", class: "quiet" }, "Earlier chunks");
  const later = el("button", { type: "button", class: "quiet" }, "Later chunks");
  let [first, next] = asked === null ? [0, 0] : [Math.max(0, asked - AROUND), Math.max(0, asked - AROUND)];
  const read = async (from, to) => {
    const section = { document_id: found.id, min_chunk_index: from, max_chunk_index: to };
    const body = { ...(state.index && { index: state.index }), sections: [section], include_hidden: true, filters: { access_control_list: state.as } };
    return (await call("POST", "chunks/retrieve", { body, tenant: state.tenant })).chunks.map((chunk) => chunkItem(chunk, asked));
  };
  const bounds = () => {
    earlier.hidden = first === 0;
    later.hidden = !list.children.length || list.children.length + (first ? 1 : 0) > found.chunk_count || next >= found.chunk_count;
  };
  const forward = async (steps) => {
    list.append(...await read(next, next + steps - 1));
    next += steps;
    bounds();
  };
  earlier.addEventListener("click", async () => {
    const from = Math.max(0, first - STEP);
    list.prepend(...await read(from, first - 1));
    first = from;
    bounds();
  });
  later.addEventListener("click", () => forward(STEP));
  place.append(el("h3", {}, "Chunks"), earlier, list, later);
  await forward(asked === null ? STEP : asked - first + AROUND + 1);
  if (!list.children.length) list.append(el("li", { class: "empty" }, "No chunk that whoever you view as may see."));
  list.querySelector(".asked")?.scrollIntoView({ block: "start" });
}

function chunkItem(chunk, asked) {
  const links = Object.entries(chunk.source_links ?? {});
  return el("li", { class: chunk.chunk_index === asked ? "chunk asked" : "chunk", "data-chunk": chunk.chunk_index },
    el("p", { class: "facts" }, el("strong", {}, `Chunk ${chunk.chunk_index}`), chunk.image_file_id ? el("span", {}, `image ${chunk.image_file_id}`) : null,
      links.map(([offset, address]) => link(address, `${address} at ${offset}`))),
    el("p", { class: "content" }, chunk.content),
    chunk.doc_summary || chunk.chunk_context || chunk.metadata_suffix
      ? el("p", { class: "hint" }, [chunk.doc_summary, chunk.chunk_context, chunk.metadata_suffix].filter(Boolean).join(" · ")) : null);
}
