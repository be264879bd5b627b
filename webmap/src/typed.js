// What somebody has typed in the forms of a part of a page, kept while the part is drawn anew; what was sent is not.

const held = (field) => (field.type === "file" ? field.files : field.value);
const put = (field, value) => (field.type === "file" ? (field.files = value) : (field.value = value));
const fieldsOf = (part) => [...part.querySelectorAll("form[name]")].filter((form) => !("sent" in form.dataset)).flatMap((form) => [...form.elements].filter(({ name }) => name).map((field) => [`${form.name} ${field.name}`, field]));

// Reads it, where what is drawn next is about the same; `into` puts it where it belongs, and the cursor with it.
export function readTyped(part, same) {
  const before = new Map(same ? fieldsOf(part).map(([key, field]) => [key, { value: held(field), here: field === document.activeElement, from: field.type.startsWith("text") ? field.selectionStart : null }]) : []);
  return {
    into(drawn) {
      for (const [key, field] of fieldsOf(drawn)) {
        const was = before.get(key);
        if (!was) continue;
        put(field, was.value);
        field.dispatchEvent(new Event("input", { bubbles: true }));
        if (!was.here) continue;
        field.focus({ preventScroll: true });
        if (was.from !== null) field.setSelectionRange(was.from, was.from);
      }
    },
  };
}
