// Keys of a page: each action has one, `?` lists them in the words of the page.
import { el, texts } from "./dom.js";

// listed: [[keys, text], …]; actions: by the key that the browser tells of
export function listenToKeys(listed, actions) {
  const help = document.getElementById("help");
  const rows = listed.map(([keys, text]) => [el("dt", {}, keys.split(" ").map((one) => el("kbd", {}, one))), el("dd", {}, text)]);
  help.replaceChildren(el("h2", {}, texts.plan.help), el("dl.keys", {}, rows.flat()), el("form", { method: "dialog" }, el("button", {}, texts.plan.close)));
  const keys = { ...actions, "?": () => help.showModal() };
  document.getElementById("help-button").addEventListener("click", () => help.showModal());
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || document.querySelector("dialog[open]")) return;
    const typing = event.target.matches("input, textarea, select");
    if (typing && event.key !== "Escape") return;
    if (typing) event.target.blur();
    const act = keys[event.key];
    if (act && act() !== false) event.preventDefault();
  });
}
