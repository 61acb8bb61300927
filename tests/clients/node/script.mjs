// What every script here has: the question it was given, as JSON on standard input, and one line of
// JSON on standard output for its answer. Scripts say what they saw; the tests beside them judge.

import { readFileSync } from "node:fs";

export const asked = JSON.parse(readFileSync(0, "utf8"));

export function tell(saw) {
  process.stdout.write(`${JSON.stringify(saw)}\n`);
}

/** The versions of packages as they are installed, not as the lock would have them. */
export function versions(...names) {
  const read = (name) => {
    const manifest = new URL(`./node_modules/${name}/package.json`, import.meta.url);
    return [name, JSON.parse(readFileSync(manifest, "utf8")).version];
  };
  return { node: process.versions.node, ...Object.fromEntries(names.map(read)) };
}
