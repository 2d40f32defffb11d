// A few numbers for many.

export function median(numbers) {
  const sorted = numbers.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** The median with the least and the most. */
export const summary = (numbers) => ({ median: median(numbers), least: Math.min(...numbers), most: Math.max(...numbers) });
