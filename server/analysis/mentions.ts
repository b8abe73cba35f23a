// Which modules and functions a piece of source text names, by its words. Pure; it does not parse, so that broken code serves too.

export interface Mention {
  /** As written: `Till`, `Shop.Till`, `:lists`. */
  written: string;
  function: string | null;
}

const REMOTE =
  /(?<![\p{L}\p{N}_.:"])(\p{Lu}[\p{L}\p{N}_]*(?:\.\p{Lu}[\p{L}\p{N}_]*)*|:[a-z][\w@]*)(?:\.([a-z_]\w*[?!]?))?/gu;

/** In the order of the text, comments left out. */
export function mentionsIn(text: string): Mention[] {
  const code = text.replace(/^\s*#.*$/gm, '');
  return [...code.matchAll(REMOTE)].map((found) => ({ written: found[1] ?? '', function: found[2] ?? null }));
}

/** The module of the candidates that the text means: by its name, or by an alias, which is how a name ends. */
export function meant(written: string, candidates: readonly string[]): string | undefined {
  if (candidates.includes(written)) return written;
  return candidates.find((module) => module.endsWith(`.${written}`));
}

/** The lines, 1-based and both included. */
export function linesOf(text: string, from: number, to: number): string {
  return text
    .split('\n')
    .slice(from - 1, to)
    .join('\n');
}
