/** One line of the table of budgets. */
export interface Budget {
  readonly what: string;
  readonly measured: number;
  readonly atMost: number;
  readonly unit: 'KB' | 'MB' | 'ms' | 'rows';
  /** How it came about: rounds, median, what else is worth knowing. */
  readonly note?: string;
}

export function budgetRow({ what, measured, atMost, unit, note = '' }: Budget): string[] {
  const over = measured - atMost;
  const met = Number.isNaN(measured) ? 'not measured' : over <= 0 ? 'yes' : `no, ${rounded(over)} ${unit} over`;
  return [what, `${rounded(measured)} ${unit}`, `${atMost} ${unit}`, met, note];
}

function rounded(value: number): string {
  return Math.abs(value) < 10 && !Number.isInteger(value) ? value.toFixed(1) : value.toFixed(0);
}
