import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { StoreError, type Backbone } from '../backbone/backbone.ts';
import type { Metrics } from '../metrics.ts';

/** Milliseconds after which a store that does not answer counts as ill. */
const CHECK_TIMEOUT = 5_000;

export interface HttpOptions {
  readonly backbone: Backbone;
  readonly metrics: Metrics;
  readonly version: string;
  readonly onError: (error: unknown) => void;
}

/** `GET /healthz` and `GET /metrics`; everything else is not found. */
export function httpHandler(options: HttpOptions): RequestListener {
  const check = sharedCheck(options);
  return (request, response) => {
    const path = request.url?.split('?')[0];
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      answer(response, 405, 'text/plain', 'only GET\n');
      return;
    }
    if (path === '/healthz') void health(check, options.version, response);
    else if (path === '/metrics') void metrics(options, response);
    else answer(response, 404, 'text/plain', 'A NixFleet relay. WebSockets are at /v1/agent and /v1/operator.\n');
  };
}

/** Healthy is a relay whose loop runs and whose store has just made a write durable. */
async function health(
  check: () => Promise<string | undefined>,
  version: string,
  response: ServerResponse,
): Promise<void> {
  const problem = await check();
  const body = { status: problem === undefined ? 'ok' : 'ill', version, ...(problem !== undefined && { problem }) };
  answer(response, problem === undefined ? 200 : 503, 'application/json', `${JSON.stringify(body)}\n`);
}

/** However many ask at once, the store is asked once at a time. */
function sharedCheck({ backbone, metrics, onError }: HttpOptions): () => Promise<string | undefined> {
  let running: Promise<string | undefined> | undefined;
  const run = async (): Promise<string | undefined> => {
    const startedAt = performance.now();
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error('it did not answer in time')), CHECK_TIMEOUT);
    });
    try {
      await Promise.race([backbone.check(), timeout]);
      metrics.health.observe((performance.now() - startedAt) / 1000);
      return undefined;
    } catch (error) {
      metrics.storeErrors.inc();
      onError(error);
      return error instanceof StoreError ? error.message : 'the store cannot be written';
    } finally {
      clearTimeout(timer);
      running = undefined;
    }
  };
  return () => (running ??= run());
}

async function metrics({ metrics: { registry }, onError }: HttpOptions, response: ServerResponse): Promise<void> {
  try {
    answer(response, 200, registry.contentType, await registry.metrics());
  } catch (error) {
    onError(error);
    answer(response, 500, 'text/plain', 'the metrics cannot be told\n');
  }
}

function answer(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body) });
  response.end(body);
}

/** The path of a request without its query. */
export function pathOf(request: IncomingMessage): string {
  return (request.url ?? '').split('?')[0] ?? '';
}
