let collator: Intl.Collator | undefined;

/** The order of names for a person: `web-2` before `web-10`. A collator takes milliseconds to make, so it waits for the first name. */
export function compareNames(a: string, b: string): number {
  collator ??= new Intl.Collator(undefined, { numeric: true });
  return collator.compare(a, b);
}
