import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'mocha';

interface Logger {
  info(message: string): void;
  debug(message: string): void;
  setLevel(level: number): void;
  clearFormatters(): void;
  flush(): void;
  drop(): void;
}

interface Spdlog {
  createAsyncRotatingLogger(name: string, file: string, maxSize: number, maxFiles: number): Promise<Logger>;
}

const spdlog = createRequire(import.meta.url)('./server/shims/spdlog/index.cjs') as Spdlog;

describe("the log files of VS Code's server", () => {
  let folder: string;
  let logger: Logger;
  const text = (name = 'log.txt') => readFileSync(join(folder, name), 'utf8');

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'spdlog-'));
    logger = await spdlog.createAsyncRotatingLogger('log', join(folder, 'log.txt'), 100, 3);
  });
  afterEach(() => {
    logger.drop();
    rmSync(folder, { recursive: true });
  });

  it('have a line for each message, with time and level', () => {
    logger.info('hello');
    logger.flush();
    assert.match(text(), /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} \[info\] hello\n$/);
  });

  it('hold what an output channel writes, and nothing else', () => {
    logger.clearFormatters();
    logger.info('no end of line, ');
    logger.info('a → b\n');
    logger.flush();
    assert.equal(text(), 'no end of line, a → b\n');
  });

  it('leave out what is below the level', () => {
    logger.clearFormatters();
    logger.debug('a');
    logger.setLevel(1);
    logger.debug('b');
    logger.flush();
    assert.equal(text(), 'b');
  });

  it('turn over at their size, and keep as many as they are told', () => {
    logger.clearFormatters();
    for (const letter of 'abcd') {
      logger.info(letter.repeat(60));
      logger.flush();
    }
    assert.deepEqual(readdirSync(folder).sort(), ['log.1.txt', 'log.2.txt', 'log.txt']);
    assert.deepEqual(
      [text(), text('log.1.txt'), text('log.2.txt')],
      ['d', 'c', 'b'].map(letter => letter.repeat(60)),
    );
  });
});
