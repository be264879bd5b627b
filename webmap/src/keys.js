// Every action has a key; `?` lists them.
import { el, texts } from "./dom.js";

const LISTED = [
  ["/", "find"], ["j k", "next_zone"], ["[ ]", "next_grid"], ["0", "whole"], ["+ −", "zoom"], ["Esc", "close"], ["l", "legend"], ["b", "list"], ["?", "help"],
];

export function listenKeys(actions) {
  const help = document.getElementById("help");
  const rows = LISTED.map(([key, name]) => [el("dt", {}, key.split(" ").map((one) => el("kbd", {}, one))), el("dd", {}, texts.keys[name])]);
  help.append(el("h2", {}, texts.plan.help), el("dl.keys", {}, rows.flat()), el("form", { method: "dialog" }, el("button", {}, texts.plan.close)));
  const keys = { ...actions, "?": () => help.showModal() };
  document.getElementById("help-button").addEventListener("click", () => help.showModal());
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || help.open) return;
    const typing = event.target.matches("input, textarea, select");
    if (typing && event.key !== "Escape") return;
    if (typing) event.target.blur();
    const act = keys[event.key];
    if (act) { event.preventDefault(); act(); }
  });
}
