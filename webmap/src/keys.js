// Every action has a key; `?` lists them.
import { el, texts } from "./dom.js";

const LISTED = [
  ["/", "find"], ["j k", "next_zone"], ["[ ]", "next_grid"], ["0", "whole"], ["+ −", "zoom"], ["Esc", "close"], ["l", "legend"], ["b", "list"], ["?", "help"],
];

const EDITING = [
  ["v", "look"], ["a", "give"], ["s", "split"], ["e", "border"], ["m", "merge"], ["x", "lock"], ["n", "rename"], ["r", "redivide"], ["t", "split_atom"], ["c", "carve"], ["w", "give_back"],
];
const KEEPING = [["↵", "apply"], ["Ctrl+Z", "undo"], ["Ctrl+⇧+Z", "redo"]];
const TURNS = { z: "undo", Z: "redo", y: "redo" };

export function listenKeys(actions, { turn, listed = LISTED, said = texts.keys } = {}) {
  const help = document.getElementById("help");
  const row = (key, word) => [el("dt", {}, key.split(" ").map((one) => el("kbd", {}, one))), el("dd", {}, word)];
  const rows = listed.map(([key, name]) => row(key, said[name]));
  if (turn) rows.push(...EDITING.map(([key, name]) => row(key, texts.tools[name])), ...KEEPING.map(([key, name]) => row(key, texts.edit[name])));
  help.append(el("h2", {}, texts.plan.help), el("dl.keys", {}, rows.flat()), el("form", { method: "dialog" }, el("button", {}, texts.plan.close)));
  const keys = { ...actions, "?": () => help.showModal() };
  document.getElementById("help-button").addEventListener("click", () => help.showModal());
  document.addEventListener("keydown", (event) => {
    if (turn && (event.ctrlKey || event.metaKey) && TURNS[event.key] && !help.open && !event.target.matches("input, textarea")) {
      event.preventDefault();
      return turn(event.shiftKey ? "redo" : TURNS[event.key]);
    }
    if (event.ctrlKey || event.metaKey || event.altKey || help.open) return;
    const typing = event.target.matches("input, textarea, select");
    if ((event.key === "Enter" || event.key === " ") && event.target.matches("button, a, select, textarea, summary")) return;
    if (typing && event.key !== "Escape") return;
    if (typing) event.target.blur();
    const act = keys[event.key];
    if (act) { event.preventDefault(); act(); }
  });
}
