// Writes what docs/ says of settings, launch arguments, snippets and commands from package.json, between markers:
//
//   node scripts/docs.mjs           brings the files up to date
//   node scripts/docs.mjs --check   changes nothing; the exit code is 1 when something is out of step, or undescribed
//
// Everything outside of the markers is written by people and never touched.
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import path from 'node:path';
import { format, resolveConfig } from 'prettier';

const root = fileURLToPath(new URL('..', import.meta.url));
const read = (file) => readFile(path.join(root, file), 'utf8');

const { contributes } = JSON.parse(await read('package.json'));
const texts = JSON.parse(await read('package.nls.json'));
const [{ configurationAttributes, configurationSnippets }] = contributes.debuggers;
const { launch, attach } = configurationAttributes;

/** The text behind `%key%`, or the text itself. */
function say(text) {
  const key = /^%(.+)%$/.exec(text)?.[1];
  if (key !== undefined && texts[key] === undefined) throw new Error(`package.nls.json has no text for ${key}.`);
  return key === undefined ? text : texts[key];
}

/** Attributes whose definition is the same in launch and attach. */
const common = Object.keys(launch.properties).filter(
  (name) => JSON.stringify(launch.properties[name]) === JSON.stringify(attach.properties[name]),
);
const without = (properties, names) =>
  Object.fromEntries(Object.entries(properties).filter(([name]) => !names.includes(name)));

/** Marker → what belongs there. */
const parts = {
  settings: () => attributes(contributes.configuration.properties, { fallback: 'default' }),
  'launch arguments': () => attributes(without(launch.properties, common)),
  'attach arguments': () => attributes(without(attach.properties, common), { required: attach.required }),
  'common arguments': () => attributes(Object.fromEntries(common.map((name) => [name, launch.properties[name]]))),
  snippets: () => configurationSnippets.map((each) => `- **${say(each.label)}**: ${say(each.description)}`).join('\n'),
  commands: () => table(['command', 'id', 'enabled when'], contributes.commands.map(commandRow)),
};

/** File → what it must mention besides: each command is explained by hand in a line that starts with its title. */
const files = {
  'docs/configuration.md': () => [],
  'docs/commands.md': () => contributes.commands.map(({ title }) => `- **${say(title)}**`),
};

/** `fallback`: what the `default` of a text without choices is called. In a launch.json it is what completion fills in. */
function attributes(properties, { required = [], fallback = 'for example' } = {}) {
  return Object.entries(properties)
    .flatMap(([name, attribute]) => attributeLines(name, attribute, { required: required.includes(name), fallback }))
    .join('\n');
}

function attributeLines(name, attribute, { required, fallback }) {
  const { type, enum: values = [], default: value } = attribute;
  const isText = type === 'string' && values.length === 0;
  const notes = [
    ...(required ? ['required'] : []),
    values.length === 0 ? [type].flat().join(' or ') : 'one of',
    ...(value === undefined ? [] : [`${isText ? fallback : 'default'} \`${JSON.stringify(value)}\``]),
  ];
  const choices = values.map((each, index) => `\`"${each}"\`: ${say(attribute.markdownEnumDescriptions[index])}`);
  const inner = Object.entries(attribute.properties ?? {}).flatMap(([key, each]) =>
    attributeLines(key, each, { required: false, fallback }),
  );
  return [
    `- **\`${name}\`** (${notes.join(', ')}): ${say(attribute.markdownDescription)}`,
    ...choices.map((line) => `  - ${line}`),
    ...inner.map((line) => `  ${line}`),
  ];
}

function commandRow({ command, title, category, enablement }) {
  // A clause holds `||`, which would end the cell.
  const clause = enablement === undefined ? 'always' : `\`${enablement.replaceAll('|', '\\|')}\``;
  return [`${say(category)}: ${say(title)}`, `\`${command}\``, clause];
}

function table(head, rows) {
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

async function renewed(file, text) {
  const filled = text.replace(/(<!-- begin: (.+?) -->)[^]*?(<!-- end: \2 -->)/g, (_whole, begin, name, end) => {
    if (parts[name] === undefined) throw new Error(`${file}: there is no part "${name}".`);
    return `${begin}\n\n${parts[name]()}\n\n${end}`;
  });
  const options = await resolveConfig(path.join(root, file));
  return format(filled, { ...options, parser: 'markdown' });
}

const check = process.argv.includes('--check');
const complaints = [];
const unused = new Set(Object.keys(parts));
for (const [file, mentions] of Object.entries(files)) {
  const text = await read(file);
  const wanted = await renewed(file, text);
  for (const name of unused) if (text.includes(`<!-- begin: ${name} -->`)) unused.delete(name);
  for (const mention of mentions())
    if (!wanted.includes(mention)) complaints.push(`${file} does not explain "${mention}".`);
  if (wanted === text) continue;
  if (check) complaints.push(`${file} is out of step with package.json: run "node scripts/docs.mjs".`);
  else await writeFile(path.join(root, file), wanted);
}
for (const name of unused) complaints.push(`No file has the part "${name}".`);
for (const complaint of complaints) process.stderr.write(`${complaint}\n`);
process.exitCode = complaints.length > 0 ? 1 : 0;
