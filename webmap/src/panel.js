// What stands in a panel: children however deep they are nested, without those that are nothing.
export function put(place, ...children) {
  place.replaceChildren(...children.flat(Infinity).filter((child) => child !== undefined && child !== null && child !== false && child !== ""));
}
