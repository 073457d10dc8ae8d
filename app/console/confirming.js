// Asking before something is done.

import { el } from "./elements.js";

/** Ask a question; resolves to whether the answer was the verb. Escape and the way out are no. */
export function confirmed(question, meaning, verb, danger = false) {
  return new Promise((resolve) => {
    const no = el("button", { value: "no", class: "quiet" }, "Cancel");
    const dialog = el("dialog", { "aria-labelledby": "question" },
      el("form", { method: "dialog" }, el("h2", { id: "question" }, question), el("p", {}, meaning),
        el("div", { class: "answers" }, no, el("button", { value: "yes", class: danger ? "danger" : "" }, verb))));
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
    document.body.append(dialog);
    dialog.showModal();
    no.focus();
  });
}
