// Where the lines of a text begin. Pure.

export class Lines {
  private readonly starts: number[] = [0];

  constructor(text: string) {
    for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) this.starts.push(at + 1);
  }

  /** 1-based line of an offset. */
  lineAt(offset: number): number {
    let low = 0;
    let high = this.starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.starts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return low + 1;
  }

  /** 0-based, in UTF-16 units. */
  pointAt(offset: number): { row: number; column: number } {
    const row = this.lineAt(offset) - 1;
    return { row, column: offset - (this.starts[row] ?? 0) };
  }
}
