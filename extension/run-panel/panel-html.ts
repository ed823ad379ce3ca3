import { randomBytes } from 'node:crypto';

export interface PanelPage {
  /** BCP 47, of the labels. */
  readonly language: string;
  /** What the webview's own files are loaded from, as in `Webview.cspSource`. */
  readonly cspSource: string;
  readonly scriptUri: string;
  readonly styleUri: string;
  /** Comes back to the page as `data-run`, for the state that outlives it. */
  readonly runId: string;
}

/**
 * The page of a run panel. Its script builds everything in it. The policy lets in that one script, our style sheet and
 * nothing else; toolkit and rows style themselves through CSSOM, which no policy needs to allow.
 */
export function panelHtml({ language, cspSource, scriptUri, styleUri, runId }: PanelPage): string {
  const nonce = randomBytes(18).toString('base64url');
  const policy = `default-src 'none'; style-src ${cspSource}; script-src 'nonce-${nonce}'`;
  return `<!DOCTYPE html>
<html lang="${escapeHtml(language)}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${escapeHtml(policy)}">
<title>NixFleet</title>
<link rel="stylesheet" href="${escapeHtml(styleUri)}">
</head>
<body data-run="${escapeHtml(runId)}">
<script nonce="${nonce}" src="${escapeHtml(scriptUri)}"></script>
</body>
</html>
`;
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, character => `&#${character.charCodeAt(0)};`);
}
