// Makes the stubs in src/gen from the contract with buf, or checks that the committed ones are fresh (--check).
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const home = dirname(dirname(fileURLToPath(import.meta.url)));

function generate(folder) {
  execFileSync("buf", ["generate", "--output", folder], { cwd: home, stdio: "inherit" });
}

function stubs(folder) {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return new Map(
    files.map((entry) => {
      const path = join(entry.parentPath ?? entry.path, entry.name);
      return [path.slice(folder.length + 1), readFileSync(path, "utf8")];
    }),
  );
}

if (process.argv.includes("--check")) {
  const scratch = mkdtempSync(join(tmpdir(), "stubs-"));
  try {
    generate(scratch);
    const fresh = stubs(join(scratch, "src/gen"));
    const kept = stubs(join(home, "src/gen"));
    const names = [...new Set([...fresh.keys(), ...kept.keys()])].sort();
    for (const name of names.filter((name) => fresh.get(name) !== kept.get(name))) {
      console.error(`stale: clients/typescript/src/gen/${name} (run \`make generate\`)`);
      process.exitCode = 1;
    }
  } finally {
    rmSync(scratch, { recursive: true });
  }
} else {
  generate(".");
}
