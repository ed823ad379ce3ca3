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
 * The page of a run panel. Its script builds everything in it. The policy lets in that one script and our style sheet.
 * Toolkit and rows style themselves through CSSOM, which no policy needs to allow; one empty style element, by which the
 * toolkit finds out what the browser can do, takes its nonce from a `meta`. It is not the script's.
 */
export function panelHtml({ language, cspSource, scriptUri, styleUri, runId }: PanelPage): string {
  const [scriptNonce, styleNonce] = [nonce(), nonce()];
  const policy = `default-src 'none'; style-src ${cspSource} 'nonce-${styleNonce}'; script-src 'nonce-${scriptNonce}'`;
  return `<!DOCTYPE html>
<html lang="${escapeHtml(language)}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${escapeHtml(policy)}">
<meta property="csp-nonce" content="${styleNonce}">
<title>NixFleet</title>
<link rel="stylesheet" href="${escapeHtml(styleUri)}">
</head>
<body data-run="${escapeHtml(runId)}">
<script nonce="${scriptNonce}" src="${escapeHtml(scriptUri)}"></script>
</body>
</html>
`;
}

function nonce(): string {
  return randomBytes(18).toString('base64url');
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, character => `&#${character.charCodeAt(0)};`);
}
