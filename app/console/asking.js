// Running the search of a state, with the embedding it names.

import { call, chunkEmbedding, Problem } from "./api.js";
import { searchBody } from "./state.js";

const embeddings = new Map();

/** The body a state and some settings make, its embedding looked up if it is a stored chunk's. */
export async function bodyOf(state, settings) {
  return searchBody(state, settings, state.like ? await storedEmbedding(state) : typed(state.embedding));
}

/** Search; returns the body that was sent and the answer. */
export async function ask(state, settings, signal) {
  const body = await bodyOf(state, settings);
  return { body, answer: await call("POST", "search", { body, tenant: state.tenant, signal }) };
}

async function storedEmbedding(state) {
  const at = state.like.lastIndexOf("#");
  const name = JSON.stringify([state.tenant, state.index, state.like]);
  if (!embeddings.has(name)) {
    const found = await chunkEmbedding(state, state.like.slice(0, at), Number(state.like.slice(at + 1)));
    if (found === null) throw new Problem({ title: "The chunk to search near is gone", detail: `There is no ${state.like} in this index.`, code: "console_chunk_missing" }, 404);
    embeddings.set(name, found);
  }
  return embeddings.get(name);
}

function typed(text) {
  if (!text.startsWith("[")) return text;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
