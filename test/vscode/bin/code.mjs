#!/usr/bin/env node
// Stands in for desktop VS Code's executable where there is none: see ../code.ts
import { runUnderNode24 } from '../../../scripts/node24.mjs';

await runUnderNode24('test/vscode/code.ts', process.argv.slice(2));
