/**
 * The person's language, handed to whatever makes text: pure code is then tested without VS Code. `t` takes the English
 * text, in which `{0}` stands for the first argument, as `vscode.l10n.t` does.
 */
export interface Locale {
  readonly language: string;
  readonly t: (message: string, ...args: (string | number)[]) => string;
}

export const ENGLISH: Locale = translated('en', {});

/** A language by its texts, as `vscode.l10n.bundle` has them: where one is missing, the English one stands. */
export function translated(language: string, words: Readonly<Record<string, string>>): Locale {
  return {
    language,
    t: (message, ...args) =>
      (Object.hasOwn(words, message) ? (words[message] ?? message) : message).replace(
        /\{(\d+)\}/g,
        (match, index: string) => String(args[Number(index)] ?? match),
      ),
  };
}
