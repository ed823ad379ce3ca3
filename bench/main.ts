// npm run bench [-- NAME…]: measurements, printed as tables with the machine they were made on. Nothing here passes or fails.
import { execa } from 'execa';
import { benchBudgets } from './budgets.ts';
import { benchCuts } from './cuts.ts';
import { benchEditor } from './editor.ts';
import { benchLink } from './link.ts';
import { benchLenses } from './lenses.ts';
import { benchOutput } from './output.ts';
import { load, machine } from './machine.ts';
import { benchUpdate } from './update.ts';

const benches: Record<string, () => Promise<void>> = {
  update: benchUpdate,
  output: benchOutput,
  link: benchLink,
  cuts: benchCuts,
  editor: benchEditor,
  lenses: benchLenses,
  budgets: benchBudgets,
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
console.log(`Machine: ${machine()}`);
for (const [name, bench] of Object.entries(benches)) {
  if (asked.length > 0 && !asked.includes(name)) continue;
  console.log(`\n## ${name}\n`);
  await bench();
}
console.log(`\nLoad at the end: ${load()}`);
