// Lexical scopes of Elixir's aliases: what a written name stands for at its place. Pure.

export class Scope {
  private readonly aliases = new Map<string, string>();

  constructor(private readonly outer?: Scope) {}

  /** From here on `short` stands for `name`. */
  define(short: string, name: string): void {
    this.aliases.set(short, name);
  }

  /** `Cart.Item` → `Shop.Cart.Item` after `alias Shop.Cart`. */
  expand(written: string): string {
    if (written.startsWith('Elixir.')) return written.slice('Elixir.'.length);
    const dot = written.indexOf('.');
    const head = dot === -1 ? written : written.slice(0, dot);
    const full = this.lookup(head);
    if (full === undefined) return written;
    return dot === -1 ? full : full + written.slice(dot);
  }

  private lookup(short: string): string | undefined {
    return this.aliases.get(short) ?? this.outer?.lookup(short);
  }
}

export function lastSegment(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1);
}
