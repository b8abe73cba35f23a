// From the URIs that clients send to paths. Looks at no file.
import { fileURLToPath } from 'node:url';

/** Undefined for what no file of this system can be called: other schemes, hosts where there are none, broken escapes. */
export function fileOf(uri: string): string | undefined {
  if (!uri.startsWith('file:')) return undefined;
  try {
    return fileURLToPath(uri);
  } catch (error) {
    if (error instanceof TypeError || error instanceof URIError) return undefined;
    throw error;
  }
}
