// Numbers for names, so that edges are numbers too. A name that nothing uses any more gives its number back. Pure.

export class NameTable {
  private readonly numbers = new Map<string, number>();
  private readonly names: string[] = [];
  private readonly uses: number[] = [];
  private readonly free: number[] = [];

  /** Numbers are below this. */
  get limit(): number {
    return this.names.length;
  }

  number(name: string): number | undefined {
    return this.numbers.get(name);
  }

  name(number: number): string {
    return this.names[number] ?? '';
  }

  /** Each `retain` wants one `release`. */
  retain(name: string): number {
    const known = this.numbers.get(name);
    if (known !== undefined) {
      this.uses[known] = (this.uses[known] ?? 0) + 1;
      return known;
    }
    const number = this.free.pop() ?? this.names.length;
    this.numbers.set(name, number);
    this.names[number] = name;
    this.uses[number] = 1;
    return number;
  }

  release(number: number): void {
    const uses = (this.uses[number] ?? 0) - 1;
    this.uses[number] = uses;
    if (uses > 0) return;
    this.numbers.delete(this.name(number));
    this.names[number] = '';
    this.free.push(number);
  }
}
