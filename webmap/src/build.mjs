// Bundles the scripts of the pages into webmap/static/dist. Run by `npm run build`.
import { copyFile, mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = fileURLToPath(new URL(".", import.meta.url));
const out = `${here}../static/dist`;
const maplibre = `${here}../../node_modules/maplibre-gl`;
// each page has a style of its own name; what pages share has none but these
const SHARED = ["frame.css", "files.css", "swipe.css"];
const PAGES = (await readdir(here)).filter((name) => name.endsWith(".css") && !SHARED.includes(name)).map((name) => name.slice(0, -4)).sort();

await rm(out, { recursive: true, force: true });
await mkdir(out, { recursive: true });
await build({
  entryPoints: PAGES.flatMap((page) => [`${here}${page}.js`, `${here}${page}.css`]),
  outdir: out,
  bundle: true,
  minify: true,
  format: "esm",
  splitting: true,
  chunkNames: "shared-[hash]",
  target: "es2022",
  legalComments: "linked",
  logLevel: "warning",
});
// MapLibre starts its worker from a file of its own
await copyFile(`${maplibre}/dist/maplibre-gl-worker.mjs`, `${out}/maplibre-gl-worker.mjs`);
await writeFile(`${out}/maplibre-gl-LICENSE.txt`, await readFile(`${maplibre}/LICENSE.txt`));
