#!/usr/bin/env node
/** The command line of the relay: `nixfleet-relay serve` and what an administrator does beside it. */
import './cli/young-generation.ts';
import { runCli } from './cli/cli.ts';

await runCli(process.argv);
