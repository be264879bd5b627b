// Bundles the scripts of the pages into webmap/static/dist. Run by `npm run build`.
import { copyFile, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = fileURLToPath(new URL(".", import.meta.url));
const out = `${here}../static/dist`;
const maplibre = `${here}../../node_modules/maplibre-gl`;
const PAGES = ["account", "planner"];

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
