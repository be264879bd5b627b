// Keys of a page: each action has one, `?` lists them in the words of the page.
import { choices, next } from "./base_choice.js";
import { el, texts } from "./dom.js";

const TURNS = { z: "undo", Z: "redo", y: "redo" };

// listed: [[keys, text], …]; actions: by the key that the browser tells of, false where there was nothing to do.
// turn: hears of undo and redo, where the page has them.
export function listenKeys(listed, actions, turn) {
  const help = document.getElementById("help");
  const bases = document.querySelector(".map") && choices.length > 1;
  const rows = [...listed, ...(bases ? [["g", texts.base.next]] : [])].map(([keys, text]) => [el("dt", {}, keys.split(" ").map((one) => el("kbd", {}, one))), el("dd", {}, text)]);
  help.replaceChildren(el("h2", {}, texts.plan.help), el("dl.keys", {}, rows.flat()), el("form", { method: "dialog" }, el("button", {}, texts.plan.close)));
  const keys = { ...(bases ? { g: next } : {}), ...actions, "?": () => help.showModal() };
  document.getElementById("help-button").addEventListener("click", () => help.showModal());
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || document.querySelector("dialog[open]")) return;
    if (turn && (event.ctrlKey || event.metaKey) && TURNS[event.key] && !event.target.matches("input, textarea")) {
      event.preventDefault();
      return turn(event.shiftKey ? "redo" : TURNS[event.key]);
    }
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const typing = event.target.matches("input, textarea, select") && !(event.key === "?" && event.target.value === "");
    if ((event.key === "Enter" || event.key === " ") && event.target.matches("button, a, select, textarea, summary")) return;
    if (typing && event.key !== "Escape") return;
    if (typing) event.target.blur();
    const act = keys[event.key];
    if (act && act() !== false) event.preventDefault();
  });
}
