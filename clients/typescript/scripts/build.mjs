// Compiles src into dist, as ES modules and as CommonJS, removes what an earlier build left, and adds the changelog.
import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const home = dirname(dirname(fileURLToPath(import.meta.url)));
const compiler = join(home, "node_modules/typescript/bin/tsc");
const COMMONJS = ["--module", "commonjs", "--moduleResolution", "bundler", "--verbatimModuleSyntax", "false"];

function compile(folder, type, ...options) {
  const outDir = join(home, "dist", folder);
  execFileSync(process.execPath, [compiler, "--outDir", outDir, ...options], { cwd: home, stdio: "inherit" });
  // Node.js and compilers take the kind of a module from the nearest package.json.
  writeFileSync(join(outDir, "package.json"), `${JSON.stringify({ type })}\n`);
}

const changelog = join(home, "../../CHANGELOG.md");
if (existsSync(changelog)) {
  copyFileSync(changelog, join(home, "CHANGELOG.md"));
}
rmSync(join(home, "dist"), { recursive: true, force: true });
compile("esm", "module");
compile("cjs", "commonjs", ...COMMONJS);
