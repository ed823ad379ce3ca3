// npm run bench [-- NAME…]: measurements, printed as tables with the machine they were made on. Nothing here passes or fails.
import { availableParallelism, cpus, totalmem } from 'node:os';
import { execa } from 'execa';
import { benchCuts } from './cuts.ts';
import { benchEditor } from './editor.ts';
import { benchLink } from './link.ts';
import { benchLenses } from './lenses.ts';
import { benchOutput } from './output.ts';
import { benchUpdate } from './update.ts';

const benches: Record<string, () => Promise<void>> = {
  update: benchUpdate,
  output: benchOutput,
  link: benchLink,
  cuts: benchCuts,
  editor: benchEditor,
  lenses: benchLenses,
};

const asked = process.argv.slice(2);
const unknown = asked.filter(name => !(name in benches));
if (unknown.length > 0) {
  console.error(`no bench ${unknown.join(', ')}; there are ${Object.keys(benches).join(', ')}`);
  process.exit(2);
}

await execa(process.execPath, ['esbuild.mjs'], {
  cwd: `${import.meta.dirname}/..`,
  stdin: 'ignore',
  stderr: 'inherit',
});
const memory = (totalmem() / 2 ** 30).toFixed(0);
console.log(
  `Machine: ${availableParallelism()} × ${cpus()[0]?.model.trim() ?? 'unknown processor'}, ${memory} GiB, Node ${process.versions.node}, ${new Date().toISOString().slice(0, 10)}`,
);
for (const [name, bench] of Object.entries(benches)) {
  if (asked.length > 0 && !asked.includes(name)) continue;
  console.log(`\n## ${name}\n`);
  await bench();
}
