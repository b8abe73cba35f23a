// Where the sources and build products of a workspace are: walks folders and path dependencies. Reads no source but mix.exs.
import { existsSync, readdirSync, readFileSync, type Dirent } from 'node:fs';
import path from 'node:path';
import { mixProject, type MixProject } from './mixProject';
import { isSource } from './sourceReader';

/** A folder whose files belong together. */
export interface Root {
  dir: string;
  /** OTP application; null for scripts outside of any. */
  app: string | null;
}

export interface Layout {
  roots: Root[];
  /** Absolute paths. */
  sources: string[];
  /** `ebin` folders with the application that they belong to. */
  ebins: { dir: string; app: string; own: boolean }[];
  /** What could not be read, for people. */
  troubles: string[];
}

/**
 * Globs of the files whose changes the index wants to hear of: sources, and what Mix writes at the end of a compile. And of
 * what is deleted everything, because a folder may go whole.
 */
export const WATCHED_FILES = ['**/*.{ex,exs,erl,eex,heex,leex}', '**/_build/*/lib/*/.mix/compile.{elixir,erlang}'];
export const WATCHED_DELETIONS = ['**/*'];

/** Build products and dependencies: they are not what the user edits. */
const SKIPPED = new Set(['_build', 'deps', 'node_modules', 'cover', 'doc']);
/** More files are no project; the rest is left out, and said. */
const MAX_FILES = 50_000;

/** Where language servers build a project for themselves; it may be the only build there is. */
const BESIDE = ['.elixir_ls/build'];
/** The same, with a folder for each Erlang in them and in that one for each Elixir, which is the build. */
const BESIDE_BY_VERSION = ['.expert/build', '.lexical/build'];

/** `builds`: more folders of build products. `env`: of the process, for Mix lets it say where they are. */
export function layoutOf(
  folders: readonly string[],
  builds: readonly string[] = [],
  env: NodeJS.ProcessEnv = process.env,
): Layout {
  const walk = new Walk();
  for (const folder of folders) walk.folder(folder);
  // Path dependencies may lie outside of the workspace, and have path dependencies of their own.
  for (let at = 0; at < walk.projects.length; at++) {
    for (const dependency of walk.projects[at]?.dependencies ?? []) {
      if (!walk.seen.has(dependency) && existsSync(path.join(dependency, 'mix.exs'))) walk.folder(dependency);
    }
  }
  const roots = [
    ...folders.map((dir): Root => ({ dir, app: null })),
    ...walk.projects.map(({ dir, app }): Root => ({ dir, app })),
  ];
  return { roots, sources: walk.sources, ebins: ebinsOf(walk, builds, env), troubles: walk.troubles };
}

/** The innermost root that holds the file. */
export function rootOf(file: string, roots: readonly Root[]): Root | undefined {
  let best: Root | undefined;
  for (const root of roots) {
    if (isInside(file, root.dir) && root.dir.length >= (best?.dir.length ?? 0)) best = root;
  }
  return best;
}

export function isInside(file: string, dir: string): boolean {
  return file.startsWith(dir.endsWith(path.sep) ? dir : dir + path.sep);
}

class Walk {
  readonly projects: MixProject[] = [];
  readonly sources: string[] = [];
  readonly troubles: string[] = [];
  readonly seen = new Set<string>();

  folder(dir: string): void {
    if (this.seen.has(dir)) return;
    this.seen.add(dir);
    for (const entry of this.entries(dir)) {
      const full = path.join(dir, entry.name);
      // Links to folders are not followed: they may lead in circles.
      if (entry.isDirectory()) {
        if (!SKIPPED.has(entry.name) && !entry.name.startsWith('.')) this.folder(full);
      } else if (isSource(entry.name)) {
        this.file(full, entry.name);
      }
    }
  }

  entries(dir: string): Dirent[] {
    try {
      return readdirSync(dir, { withFileTypes: true });
    } catch (error) {
      if (!isMissing(error)) this.troubles.push(`${dir} cannot be read: ${String(error)}`);
      return [];
    }
  }

  private file(full: string, name: string): void {
    if (this.sources.length === MAX_FILES) {
      this.troubles.push(`Only the first ${MAX_FILES} source files are indexed.`);
    }
    if (this.sources.length <= MAX_FILES) this.sources.push(full);
    if (name !== 'mix.exs') return;
    try {
      this.projects.push(mixProject(path.dirname(full), readFileSync(full, 'utf8')));
    } catch (error) {
      if (!isMissing(error)) this.troubles.push(`${full} cannot be read: ${String(error)}`);
    }
  }
}

/** Of every environment that was built: which of two builds of a module counts is the reader's choice. */
function ebinsOf(walk: Walk, more: readonly string[], env: NodeJS.ProcessEnv): Layout['ebins'] {
  const own = new Set(walk.projects.map(({ app }) => app));
  const said = [env['MIX_BUILD_PATH'], env['MIX_BUILD_ROOT']].flatMap((dir) => (dir ? [dir] : []));
  const folders = (dir: string): string[] =>
    walk.entries(dir).flatMap((entry) => (entry.isFile() ? [] : path.join(dir, entry.name)));
  const builds = walk.projects.flatMap(({ dir, build }) => [
    build,
    ...[...BESIDE, ...said].map((each) => path.resolve(dir, each)),
    ...BESIDE_BY_VERSION.flatMap((each) => folders(path.resolve(dir, each)).flatMap(folders)),
  ]);
  // A build of one environment holds `lib`; where each environment has a folder, they hold it.
  const libs = [...new Set([...builds, ...more])].flatMap((build) => {
    const all = folders(build);
    return all.some((dir) => path.basename(dir) === 'lib')
      ? [path.join(build, 'lib')]
      : all.map((dir) => path.join(dir, 'lib'));
  });
  return libs
    .flatMap(folders)
    .map((lib) => ({ dir: path.join(lib, 'ebin'), app: path.basename(lib), own: own.has(path.basename(lib)) }));
}

export function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');
}
