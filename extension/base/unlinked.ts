/**
 * In notifications and input boxes VS Code makes links of `[text](target)`, also to commands. What hosts and relays say
 * is text and never that.
 */
export function unlinked(text: string): string {
  return text.replaceAll('](', '] (');
}
