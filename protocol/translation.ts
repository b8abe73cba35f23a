// Sentences of server, adapter and agent in the user's language. They are made in English; here the template that one was
// made from is found again, and its translation filled with the same parameters. Pure; reads no file, knows no sentence.

/** English templates with `{0}`, `{1}` … → the same in another language. */
export type Catalogue = Readonly<Record<string, string>>;
/** Gives back what it does not know. */
export type Translate = (text: string) => string;

interface Template {
  pattern: RegExp;
  translation: string;
}

/** Letters by which templates are found; one that begins with a parameter is tried for every text. */
const KEY_LENGTH = 3;
/** Translated texts to remember; figures in them make ever new ones. */
const MOST_REMEMBERED = 2_000;
/** What several sentences are joined by, from the outermost on. */
const JOINTS = ['\n\n', ' · ', '; '];

/** Names of a locale's catalogues, the most fitting first: `sentences.de-ch.json`, `sentences.de.json`. */
export function catalogueNames(locale: string): string[] {
  if (!/^[a-z]{2,3}([-_][a-z0-9]+)*$/i.test(locale)) return [];
  const parts = locale.toLowerCase().split(/[-_]/);
  return parts.map((_, index) => `sentences.${parts.slice(0, parts.length - index).join('-')}.json`);
}

export function translator(catalogue: Catalogue): Translate {
  const whole = new Map(Object.entries(catalogue));
  const templates = new Map<string, Template[]>();
  for (const [english, translation] of whole) {
    if (!english.includes('{0}')) continue;
    const key = english.slice(0, Math.min(KEY_LENGTH, english.indexOf('{')));
    const place = key.length < KEY_LENGTH ? '' : key;
    templates.set(place, [...(templates.get(place) ?? []), { pattern: patternOf(english), translation }]);
  }
  const remembered = new Map<string, string>();

  const ofTemplate = (text: string): string | undefined => {
    const candidates = [...(templates.get(text.slice(0, KEY_LENGTH)) ?? []), ...(templates.get('') ?? [])];
    for (const { pattern, translation } of candidates) {
      const found = pattern.exec(text);
      // A parameter may be a sentence itself: why something could not be done.
      if (found !== null)
        return translation.replace(/\{(\d+)\}/g, (_, index) => translate(found[Number(index) + 1] ?? ''));
    }
    return undefined;
  };
  const ofParts = (text: string): string | undefined => {
    const joint = JOINTS.find((each) => text.includes(each));
    return joint === undefined ? undefined : text.split(joint).map(translate).join(joint);
  };
  function translate(text: string): string {
    const known = whole.get(text) ?? remembered.get(text);
    if (known !== undefined) return known;
    const translated = ofTemplate(text) ?? ofParts(text) ?? text;
    if (remembered.size >= MOST_REMEMBERED) remembered.clear();
    remembered.set(text, translated);
    return translated;
  }
  return translate;
}

/** A message with the texts of these properties translated, wherever they stand in it; lists of texts as well. */
export function withTexts<T>(message: T, properties: ReadonlySet<string>, translate: Translate): T {
  const walk = (value: unknown, isText: boolean): unknown => {
    if (typeof value === 'string') return isText ? translate(value) : value;
    if (Array.isArray(value)) return value.map((each) => walk(each, isText));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, walk(each, properties.has(key))]));
  };
  return walk(message, false) as T;
}

/** Parameters may span anything but are as short as the template allows. */
function patternOf(english: string): RegExp {
  const parts = english.split(/\{\d+\}/).map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('([\\s\\S]*?)')}$`);
}
