import { join } from 'node:path';

/** The project's folder, and where the build writes. */
export const ROOT = join(import.meta.dirname, '../..');
export const DIST = join(ROOT, 'dist');
