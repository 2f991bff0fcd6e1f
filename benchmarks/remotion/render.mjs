// Renders the composition with a browser of this machine, and prints the seconds that the rendering took as JSON.
// Usage: node render.mjs BROWSER SCENE.json PUBLIC_FOLDER VIDEO.mp4
import { readFileSync } from "node:fs";
import { cpus } from "node:os";

import { bundle } from "@remotion/bundler";
import { openBrowser, renderMedia, selectComposition } from "@remotion/renderer";

const [browserExecutable, scene, publicDir, outputLocation] = process.argv.slice(2);
const inputProps = JSON.parse(readFileSync(scene, "utf8"));
const seconds = async (work) => {
  const begun = performance.now();
  const value = await work();
  return [value, (performance.now() - begun) / 1000];
};

const [serveUrl, bundled] = await seconds(() =>
  bundle({ entryPoint: new URL("index.jsx", import.meta.url).pathname, publicDir }),
);
const chromiumOptions = { headless: true, gl: null, ignoreCertificateErrors: false };
const [puppeteerInstance, opened] = await seconds(() =>
  openBrowser("chrome", { browserExecutable, chromiumOptions, chromeMode: "chrome-for-testing" }),
);
const composition = await selectComposition({ serveUrl, id: "film", inputProps, puppeteerInstance });
let rendered = 0;
const [, taken] = await seconds(() =>
  renderMedia({
    serveUrl,
    composition,
    inputProps,
    puppeteerInstance,
    outputLocation,
    codec: "h264",
    crf: 21,
    x264Preset: "veryfast",
    muted: true,
    concurrency: cpus().length,
    chromeMode: "chrome-for-testing",
    logLevel: "error",
    onProgress: ({ renderedFrames }) => {
      if (renderedFrames >= rendered + 100) {
        rendered = renderedFrames;
        process.stderr.write(`remotion: ${renderedFrames} frames\n`);
      }
    },
  }),
);
await puppeteerInstance.close({ silent: true });
console.log(
  JSON.stringify({ bundling: bundled, opening: opened, rendering: taken, frames: composition.durationInFrames }),
);
process.exit(0);
