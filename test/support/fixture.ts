// Fixture projects: compiled once per content and Elixir, or copied for tests that change them; lines found by markers.
// Starts mix and nothing else; knows no DAP.
import { createHash } from 'node:crypto';
import { execFile } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { promisify } from 'node:util';
import path from 'node:path';
import { eventually } from './deadline';
import { elixirVersion } from './beam';
import { cache, fixtures } from './paths';

const run = promisify(execFile);

export class Fixture {
  constructor(
    readonly dir: string,
    private readonly temporary = false,
  ) {}

  file(name: string): string {
    return path.join(this.dir, name);
  }

  read(name: string): string {
    return readFileSync(this.file(name), 'utf8');
  }

  write(name: string, text: string): void {
    if (!this.temporary) throw new Error('this fixture is shared by tests: take a copy to change it');
    mkdirSync(path.dirname(this.file(name)), { recursive: true });
    writeFileSync(this.file(name), text);
  }

  /** Changes one place of a file; fails where `from` is not there. */
  edit(name: string, from: string, to: string): void {
    const text = this.read(name);
    if (!text.includes(from)) throw new Error(`${name} does not contain ${from}`);
    this.write(name, text.replace(from, to));
  }

  /** 1-based number of the line that carries `bp:NAME` or `line:NAME`; the first line that contains the text otherwise. */
  line(file: string, marker: string): number {
    const lines = this.read(file).split('\n');
    const marked = lines.findIndex((line) => markersOf(line).includes(marker));
    const index = marked >= 0 ? marked : lines.findIndex((line) => line.includes(marker));
    if (index < 0) throw new Error(`no marker ${marker} in ${file}`);
    return index + 1;
  }

  /** The marker of a line, or `file:line` where it has none. */
  marker(file: string, line: number): string {
    const text = this.read(file).split('\n')[line - 1] ?? '';
    return markersOf(text)[0] ?? `${file}:${line}`;
  }

  relative(absolute: string): string {
    return path.relative(this.dir, absolute);
  }

  async mix(args: string[], env: NodeJS.ProcessEnv = {}): Promise<string> {
    const { stdout } = await run('mix', args, { cwd: this.dir, env: { ...process.env, ...env } });
    return stdout;
  }

  /** The project under another name, as after a rename or in a container; the old name is gone. */
  moved(name: string): Fixture {
    if (!this.temporary) throw new Error('this fixture is shared by tests: take a copy to move it');
    const dir = path.join(path.dirname(this.dir), name);
    renameSync(this.dir, dir);
    return new Fixture(dir, true);
  }

  /** The same project once more beside this one, with its build, as a copied work tree has it. */
  copied(name: string): Fixture {
    if (!this.temporary) throw new Error('this fixture is shared by tests: take a copy to copy it');
    const dir = path.join(path.dirname(this.dir), name);
    cpSync(this.dir, dir, { recursive: true, preserveTimestamps: true });
    return new Fixture(dir, true);
  }

  remove(): void {
    if (this.temporary) rmSync(path.dirname(this.dir), { recursive: true, force: true, maxRetries: 3 });
  }
}

function markersOf(line: string): string[] {
  return [...line.matchAll(/\b(?:bp|line):(\w+)/g)].map((match) => match[1] ?? '');
}

/**
 * The shared, compiled fixture; tests must not change it. Compiled in its final place, because beams carry the absolute
 * path of their source.
 */
export async function fixture(name: string, ...also: string[]): Promise<Fixture> {
  const key = createHash('sha256').update([elixirVersion(), ...[name, ...also].map(contentOf)].join('\n'));
  const home = path.join(cache, 'fixtures', key.digest('hex').slice(0, 12));
  const ready = path.join(home, 'ready');
  const project = new Fixture(path.join(home, name));
  if (existsSync(ready)) return project;
  // Test files run in several processes: whoever makes the folder fills it, the others wait.
  if (!claim(home)) {
    await eventually(`fixture ${name} compiled by another test process`, () => existsSync(ready) || undefined, 120_000);
    return project;
  }
  try {
    for (const each of [name, ...also]) copyFixture(each, path.join(home, each));
    if (existsSync(project.file('mix.exs'))) await compile(project);
    writeFileSync(ready, '');
  } catch (error) {
    rmSync(home, { recursive: true, force: true });
    throw error;
  }
  return project;
}

/** True when this process made the folder and so has to fill it; takes over from a process that died meanwhile. */
function claim(home: string): boolean {
  const owner = path.join(home, 'owner');
  mkdirSync(path.dirname(home), { recursive: true });
  try {
    mkdirSync(home);
  } catch {
    const pid = existsSync(owner) ? Number(readFileSync(owner, 'utf8')) : 0;
    if (pid === 0 || existsSync(`/proc/${pid}`)) return false;
    rmSync(home, { recursive: true, force: true });
    return claim(home);
  }
  writeFileSync(owner, String(process.pid));
  return true;
}

/** A copy of one's own, removed by `remove()`; compiled only when asked, as a fresh clone would be. */
export async function fixtureCopy(
  name: string,
  options: { compiled?: boolean; also?: string[] } = {},
): Promise<Fixture> {
  const home = realpathSync(mkdtempSync(path.join(tmpdir(), 'ecd-test-')));
  for (const each of [name, ...(options.also ?? [])]) copyFixture(each, path.join(home, each));
  const project = new Fixture(path.join(home, name), true);
  if (options.compiled === true) await compile(project);
  return project;
}

/** An empty folder of one's own to be filled by the test. */
export function emptyFixture(name = 'project'): Fixture {
  const home = realpathSync(mkdtempSync(path.join(tmpdir(), 'ecd-test-')));
  mkdirSync(path.join(home, name));
  return new Fixture(path.join(home, name), true);
}

async function compile(project: Fixture): Promise<void> {
  await project.mix(['compile']);
  if (existsSync(project.file('test')) || existsSync(project.file('apps'))) {
    await project.mix(['compile'], { MIX_ENV: 'test' });
  }
}

function copyFixture(name: string, to: string): void {
  const from = path.join(fixtures, name);
  cpSync(from, to, { recursive: true, filter: (file) => !/[/\\](_build|deps)$/.test(file) });
}

function contentOf(name: string): string {
  const folder = path.join(fixtures, name);
  const files = readdirSync(folder, { recursive: true }).map(String).sort();
  return files
    .filter((file) => !file.includes('_build') && statSync(path.join(folder, file)).isFile())
    .map((file) => `${name}/${file}\n${readFileSync(path.join(folder, file), 'utf8')}`)
    .join('\n');
}
