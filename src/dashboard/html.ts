// The HTML around the dashboard's bundle, with its content security policy. Pure: text in, text out.
import type { PageData } from '../../protocol/dashboard';

export interface PageParts {
  /** `webview.cspSource` */
  source: string;
  script: string;
  style: string;
  /** Fresh for each page. */
  nonce: string;
  /** BCP 47, e.g. `en`, `de`. */
  language: string;
  title: string;
  data: PageData;
}

/** Nothing may be loaded or run but the two files of ours; nothing may be sent anywhere. */
export function contentSecurityPolicy({ source, nonce }: Pick<PageParts, 'source' | 'nonce'>): string {
  return `default-src 'none'; script-src 'nonce-${nonce}'; style-src ${source}; base-uri 'none'; form-action 'none'`;
}

export function html(parts: PageParts): string {
  const { script, style, nonce, language, title, data } = parts;
  return `<!DOCTYPE html>
<html lang="${attribute(language)}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${attribute(contentSecurityPolicy(parts))}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="${attribute(style)}">
<title>${attribute(title)}</title>
</head>
<body>
<div id="root"></div>
<script type="application/json" id="page-data">${JSON.stringify(data).replaceAll('<', '\\u003c')}</script>
<script nonce="${attribute(nonce)}" src="${attribute(script)}"></script>
</body>
</html>`;
}

function attribute(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;');
}
