// The newest items of an endless list.

export class Ring<Item> {
  #items: Item[] = [];
  /** How many were ever added. */
  #added = 0;

  constructor(private readonly most: number) {}

  push(item: Item): void {
    this.#items.push(item);
    this.#added++;
    // Cut now and then rather than each time, which would move all items for every new one.
    if (this.#items.length >= 2 * this.most) this.#items = this.#items.slice(-this.most);
  }

  get added(): number {
    return this.#added;
  }

  all(): Item[] {
    return this.#items.slice(-this.most);
  }

  /** Those that came after the first `seen`, as far as they are still there. */
  since(seen: number): Item[] {
    const fresh = Math.min(this.#added - seen, this.most);
    return fresh <= 0 ? [] : this.#items.slice(-fresh);
  }
}
