// One box for a place: suggestions while somebody types, arrows to go through them, enter to take what stands there.
import { ask } from "./api.js";
import { el, words } from "./dom.js";

const WAIT_MS = 120;

// on(text): what was entered, or chosen of the list
export function listenToBox(box, list, on) {
  let timer, asked = 0, rows = [], at = -1;

  const close = () => {
    asked += 1;
    clearTimeout(timer);
    list.hidden = true;
    at = -1;
    box.setAttribute("aria-expanded", "false");
    box.removeAttribute("aria-activedescendant");
  };

  const take = (text) => {
    box.value = text;
    close();
    on(text);
  };

  const mark = () => {
    rows.forEach((row, number) => row.setAttribute("aria-selected", String(number === at)));
    if (at < 0) return box.removeAttribute("aria-activedescendant");
    box.setAttribute("aria-activedescendant", rows[at].id);
    rows[at].scrollIntoView({ block: "nearest" });
  };

  const show = (found) => {
    rows = found.map(({ text, kind }, number) => {
      const typed = text.toLowerCase().startsWith(box.value.trim().toLowerCase()) ? box.value.trim().length : 0;
      const row = el("li", { role: "option", id: `suggestion-${number}`, "aria-selected": "false" },
        el("span", {}, el("b", {}, text.slice(0, typed)), text.slice(typed)), el("small", {}, words("dispatch_kinds", kind)));
      row.addEventListener("pointerdown", (event) => { event.preventDefault(); take(text); });
      return row;
    });
    at = -1;
    list.replaceChildren(...rows);
    list.hidden = !rows.length;
    box.setAttribute("aria-expanded", String(rows.length > 0));
  };

  const suggest = async () => {
    const mine = (asked += 1), text = box.value.trim();
    if (!text || /^[-+\d.,，\s]+$/.test(text) || text.includes("://")) return show([]);
    try {
      const { suggestions } = await ask(`/api/suggest?q=${encodeURIComponent(text)}`);
      if (mine === asked) show(suggestions);
    } catch {
      if (mine === asked) show([]); // what is typed can be located all the same
    }
  };

  box.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(suggest, WAIT_MS);
  });
  box.addEventListener("blur", close);
  box.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    if (event.key === "Escape" && !list.hidden) { event.preventDefault(); event.stopPropagation(); return close(); }
    if (event.key === "Enter") {
      event.preventDefault();
      return take(at >= 0 ? rows[at].querySelector("span").textContent : box.value);
    }
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step || list.hidden) return;
    event.preventDefault();
    at = ((at + step + 1 + rows.length + 1) % (rows.length + 1)) - 1;
    mark();
  });
}
