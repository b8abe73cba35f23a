// Which module names a pattern means: as launch.json's patterns, anchored globs, or regular expressions. Pure.

/** Characters that no glob over module names has, but the regular expressions of older configurations do. */
const REGULAR = /[\^$\\([|]/;

/** A test for names, or undefined where the pattern is no regular expression. */
export function moduleFilter(patterns: readonly string[]): ((module: string) => boolean) | { invalid: string } {
  if (patterns.length === 0) return () => true;
  const compiled: RegExp[] = [];
  for (const pattern of patterns) {
    try {
      compiled.push(REGULAR.test(pattern) ? new RegExp(pattern, 'u') : globOf(pattern));
    } catch {
      return { invalid: pattern };
    }
  }
  return (module) => compiled.some((expression) => expression.test(module));
}

function globOf(pattern: string): RegExp {
  const escaped = pattern.replace(/[.+{}\])]/g, '\\$&');
  return new RegExp(`^${escaped.replaceAll('*', '.*').replaceAll('?', '.')}$`, 'u');
}
