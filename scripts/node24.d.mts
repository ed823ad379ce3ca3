/** Installs what is missing, then runs `script` (a path below the project's root) under Node 24. */
export function runUnderNode24(script: string, args: readonly string[]): Promise<void>;

/** Whether `node_modules` in `folder` is what its `package-lock.json` asks for. */
export function dependenciesAreInstalled(folder: string): boolean;
