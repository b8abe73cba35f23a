// What a mix.exs says about where things are, read without running it. Pure; what is computed there stays unknown.
import path from 'node:path';

export interface MixProject {
  /** Absolute folder of the mix.exs. */
  dir: string;
  /** OTP application; null for an umbrella's root, or where it cannot be read off. */
  app: string | null;
  /** Absolute folder of the build products. */
  build: string;
  /** Absolute folders of path dependencies, an umbrella's applications among them. */
  dependencies: string[];
}

const COMMENT = /^\s*#.*$/gm;
const APP = /\bapp:\s*:([a-z_]\w*[?!]?)/;
const BUILD = /\bbuild_path:\s*"([^"#]+)"/;
const PATH = /\{\s*:\w+\s*,[^{}]*?\bpath:\s*"([^"#]+)"/g;
const IN_UMBRELLA = /\{\s*:(\w+)\s*,[^{}]*?\bin_umbrella:\s*true/g;

export function mixProject(dir: string, text: string): MixProject {
  const code = text.replace(COMMENT, '');
  return {
    dir,
    app: APP.exec(code)?.[1] ?? null,
    build: path.resolve(dir, BUILD.exec(code)?.[1] ?? '_build'),
    dependencies: [
      ...[...code.matchAll(PATH)].map((found) => path.resolve(dir, found[1] ?? '')),
      ...[...code.matchAll(IN_UMBRELLA)].map((found) => path.resolve(dir, '..', found[1] ?? '')),
    ],
  };
}
